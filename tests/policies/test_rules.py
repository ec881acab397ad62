import numpy as np
import pytest
from recorded import voting, with_large

from outlay.policies.prefixes import prefixes
from outlay.policies.rules import RULES, Threshold, _tried, tuned


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("stages", [None, (0, 1, 2, 4, 8)])
def test_every_setting_is_told_what_replaying_it_gives_and_costs(rule, stages):
    samples = with_large(voting(questions=30, size=8, seed=4))
    rows = prefixes(samples, samples.orders(2), stages)
    settings, accuracy, cost = _tried(rule, rows, (0,))
    assert len(settings) == len(accuracy) == len(cost) and len(set(settings)) >= 4
    for place in range(0, len(settings), max(1, len(settings) // 97)):
        ended = Threshold(*settings[place]).end(rows)
        assert accuracy[place] == pytest.approx(ended.credit(rows).mean(), abs=1e-12)
        assert cost[place] == pytest.approx(ended.cost(rows).mean(), abs=1e-12)


def test_one_sample_that_agrees_with_itself_is_no_agreement():
    samples = voting(questions=60, size=16, seed=2)
    rows = prefixes(samples, samples.orders(2))
    settings = [Threshold(*fields) for fields in _tried("agreement_threshold", rows, ())[0]]
    looking = [rule for rule in settings if rule.signal]
    assert looking and all(np.array(rows.stages)[rule.end(rows).stage].min() >= 2 for rule in looking)


def test_a_rule_that_tells_nothing_may_never_stop_early():
    """Answers that all differ agree never: the rule is then N for all."""
    samples = voting(questions=60, size=8, seed=2)
    apart = samples.__dict__ | {"answers": np.tile(np.arange(8), (60, 1)), "correct": samples.correct}
    rows = prefixes(type(samples)(**apart), samples.orders(2))
    (rule,) = tuned("window", rows, [4.0])
    (fixed,) = tuned("fixed", rows, [4.0])
    assert rule.end(rows).credit(rows).mean() >= fixed.end(rows).credit(rows).mean()
