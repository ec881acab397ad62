import pytest

from outlay.strategies.names import described, method_name, short_names


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("pass", "coverage (pass@N)"),
        ("best_of_n@16", "best-of-N, N = 16"),
        ('{"name": "beam_search", "width": 4}', "beam search, M = 4"),
        ('{"name": "beam_search", "selection": "best_of_n"}', "beam search, chosen by best-of-N, M = 4"),
        ('{"name": "beam_search", "width": "sqrt"}', "beam search, M = √N"),
        ('{"name": "beam_search", "width": 2, "distinct": true}', "beam search, distinct, M = 2"),
        ('{"name": "lookahead", "steps": 3}', "lookahead search, k = 3, M = 4"),
        ('{"name": "revisions", "chains": 4}', "revisions, chains = 4"),
        ('{"name": "best_of_n", "temperature": 0.7}', "best-of-N, T = 0.7"),
        ('{"name": "best_of_n", "source": "run 2"}', "best-of-N, own run 2"),
        ('{"name": "beam_search", "source": "run"}', "beam search, own run, M = 4"),
        ('{"name": "my_own_search", "steps": 2}', "my own search, steps = 2"),
        ('{"name": "dvts", "width": 2}', "DVTS, M = 2"),
        ('{"name": "rebase"}', "REBASE"),
        ('{"name": "rebase", "temperature": 0.2, "sampling_temperature": 0.7}', "REBASE, T = 0.7, balance T = 0.2"),
        ('{"name": "particle_filter", "resampling": "multinomial"}', "particle filtering, resampling = multinomial"),
        ('{"name": "tree_search", "rule": "uct"}', "tree search (MCTS), rule = uct, M = 4"),
        ("{not json", "{not json"),
    ],
)
def test_a_method_has_a_readable_name(key: str, name: str) -> None:
    assert method_name(key) == name


def test_a_strategy_is_described_with_its_shape_even_at_defaults() -> None:
    assert described({"name": "lookahead"}) == ("lookahead search", ["k = 1", "M = 4"])


def test_a_wrong_spec_is_named_as_it_stands() -> None:
    assert described({"name": "beam_search", "width": "wide"}) == ("beam search", ["M = wide"])


def test_short_names_say_how_a_choice_is_made_only_where_it_is_needed() -> None:
    plain, chosen = '{"name":"beam_search"}', '{"name":"beam_search","selection":"best_of_n"}'
    assert short_names([chosen])[chosen] == "beam search M=4"
    assert short_names([plain, chosen]) == {
        plain: "beam search M=4",
        chosen: "beam search M=4, chosen by best-of-N",
    }
