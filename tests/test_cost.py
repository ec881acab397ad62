import pytest

from outlay.cost import Ledger, Prices, Reads, Scored, training_flops
from outlay.types import Budget, Cost, Question, Sample, Score, Solution, Step

QUESTION = Question("q", "q")


def ledger(**budget):
    return Ledger(Budget(**budget), Prices(parameters=10, verifier_parameters=5), question_tokens=7, max_tokens=20)


def solution(*steps):
    return Solution(tuple(Step(text, 4) for text in steps))


def scoring(*solutions, attempts=()):
    return Score(QUESTION, solutions, attempts)


def test_costs_add_field_by_field():
    assert Cost(generated_tokens=3, usd=0.5, pilot=1) + Cost(generated_tokens=4, calls=2) == Cost(
        generated_tokens=7, usd=0.5, pilot=1, calls=2
    )


def test_a_question_is_prefilled_once_a_run():
    book = ledger()
    for _ in range(2):
        request = Sample(QUESTION, n=3)
        book.asked(request)
        book.answered(request, [solution("a")] * 3)
    assert book.spent.prompt_tokens - book.spent.cached_tokens == 7
    assert book.spent.prompt_tokens == 6 * 7


def test_flops_are_two_a_parameter_and_token_model_and_verifier():
    book = ledger()
    request = Sample(QUESTION, n=2)
    book.asked(request)
    book.answered(request, [solution("a", "b"), solution("c")])
    book.scored(scoring(solution("a", "b")))
    assert book.spent.flops == 2 * 10 * (7 + 12) + 2 * 5 * (7 + 8)
    assert training_flops(10, 100) == 6000


def test_the_verifier_reads_each_step_once():
    book = ledger()
    book.scored(scoring(solution("a")))
    book.scored(scoring(solution("a", "b"), solution("a", "c")))
    assert book.spent.verifier_prompt_tokens == 7 + 4 + 4 + 4


def test_a_verifier_of_attempts_reads_them_again_with_every_solution_that_has_others():
    first, second, third = solution("a"), solution("b"), solution("c")
    request = scoring(first, second, third, attempts=((), (first,), (first, second)))
    plain, reading = ledger(), ledger()
    reading.reads = Reads(attempts=1)
    plain.scored(request)
    reading.scored(request)
    assert plain.spent.verifier_prompt_tokens == 7 + 3 * 4
    assert reading.spent.verifier_prompt_tokens == (7 + 4) + (7 + 4 + 4) + (
        7 + 4 + 4
    )  # it reads the newest attempt alone
    reading.scored(request)
    assert reading.spent.verifier_prompt_tokens == 41


def test_what_verifiers_may_write_is_held_back_while_they_are_asked():
    book = ledger(usd=150.0)
    book.prices, book.reads = Prices(usd_verifier_generated=1e6), Reads(writes=50, reported=True)
    first, second = scoring(solution("a"), solution("b")), scoring(solution("c"))
    assert book.can_score(first)
    book.scored(first)
    assert book.can_score(second) and book.spent.usd == 0
    book.scored(second)
    assert not book.can_score(scoring(solution("d")))
    book.judged(
        first, Scored([(0.5,), ()], spent=Cost(verifier_generated_tokens=7, verifier_prompt_tokens=90, calls=2))
    )
    assert (book.spent.usd, book.spent.verifier_prompt_tokens, book.spent.calls) == (7.0, 90, 2)
    assert book.can_score(scoring(solution("d")))


def test_what_costs_nothing_to_read_is_charged_nothing_and_what_is_read_twice_twice():
    for times, charged in ((0, 0), (1, 15), (3, 45)):
        book = ledger()
        book.reads = Reads(times=times)
        book.scored(scoring(solution("a", "b")))
        assert book.spent.verifier_prompt_tokens == charged


def test_solutions_scored_together_share_the_question_against_the_cap():
    together = scoring(solution("a"), solution("b"))
    book = ledger(flops=2 * 5 * (7 + 4 + 4))
    assert book.can_score(together)
    assert not ledger(flops=2 * 5 * (7 + 4 + 3)).can_score(together)


def test_beams_cost_the_widest_depth_and_rollouts_count():
    book = ledger()
    first = Sample(QUESTION, n=4, until="step")
    book.asked(first)
    beams = [solution("a")] * 4
    book.answered(first, beams)
    for beam in beams:
        rollout = Sample(QUESTION, prefix=beam, until="step", steps=2, temperature=0)
        book.asked(rollout)
        book.answered(rollout, [solution("a", "b", "c")])
    second = Sample(QUESTION, prefix=beams[0], n=4, until="step")
    book.asked(second)
    assert book.spent.generations == 4 + 4 * 2


def test_requests_that_are_out_together_cannot_overdraw_together():
    book = ledger(tokens=50)
    request = Sample(QUESTION, n=1)
    allowed = 0
    while book.affordable(request):
        book.asked(request)
        allowed += 1
    assert allowed == 2  # 20 tokens each at the longest
    book.answered(request, [solution("a")])
    assert book.affordable(request) == 1


def test_a_request_is_trimmed_to_what_is_left():
    assert ledger(generations=5).affordable(Sample(QUESTION, n=8)) == 5
    assert ledger(usd=1e-9).affordable(Sample(QUESTION, n=8)) == 8


@pytest.mark.parametrize("cap", [{"flops": 100.0}, {"tokens": 10}, {"generations": 0}])
def test_what_cannot_be_paid_is_refused_before_it_is_spent(cap):
    book = ledger(**cap)
    assert book.affordable(Sample(QUESTION)) == 0
    assert book.spent == Cost()


def test_dollars_follow_the_price_table():
    prices = Prices(usd_prompt=1.0, usd_cached=0.1, usd_generated=2.0, usd_verifier_prompt=0.5)
    cost = prices.price(
        Cost(
            prompt_tokens=3_000_000,
            cached_tokens=1_000_000,
            generated_tokens=1_000_000,
            verifier_prompt_tokens=2_000_000,
        )
    )
    assert cost.usd == pytest.approx(2.0 + 0.1 + 2.0 + 1.0)


def spent(*requests):
    book = ledger()
    for request in requests:
        book.asked(request)
    return book.spent.generations


def test_the_widest_depth_is_what_a_search_costs():
    first, second = solution("a"), solution("a", "b")
    assert spent(Sample(QUESTION, n=4, until="step"), Sample(QUESTION, first, 3, "step")) == 4
    assert spent(Sample(QUESTION, n=4, until="step"), Sample(QUESTION, first, 4, "step", steps=3)) == 12
    assert spent(Sample(QUESTION, n=2), Sample(QUESTION, first, 3, "step"), Sample(QUESTION, second, 1, "step")) == 5


def test_a_run_to_the_end_counts_at_every_depth_that_it_passes():
    first, second = solution("a"), solution("a", "b")
    assert spent(Sample(QUESTION, first, 2), Sample(QUESTION, second, 3)) == 5
    assert spent(Sample(QUESTION, second, 3), Sample(QUESTION, first, 2)) == 5
    assert spent(Sample(QUESTION, first, 2), Sample(QUESTION, second, 3, "step")) == 5
    assert spent(Sample(QUESTION, second, 3), Sample(QUESTION, first, 2, "step")) == 3
