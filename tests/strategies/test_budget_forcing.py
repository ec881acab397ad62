import asyncio

import pytest

import outlay
from counted import CountingServer
from every import QUESTION, World, in_process, over_a_server
from outlay.drive.replay import replay
from outlay.errors import Unsupported, UserError
from outlay.models.model import Completion
from outlay.strategies import BudgetForcing
from outlay.types import Budget, Sample, Solution, Step
from toy import Digits, by_hand, samples


def ends(*answers):
    """Attempts that end in these answers; an attempt with none was cut off."""
    given = iter(answers)

    def answer(request):
        before = request.prefix.steps if request.prefix else ()
        text = next(given)
        step = Step(f"{request.append} {text or '...'}", 4)
        return [Solution((*before, step), finished=text is not None, truncated=text is None, answer=text)]

    return answer


def forced(answers, n, **options):
    return by_hand(BudgetForcing(**options).solve(QUESTION, Budget(generations=n)), ends(*answers))


def test_each_end_is_taken_away_and_the_text_put_in_its_place():
    choice, asked = forced("abc", 3)
    assert [request.append for request in samples(asked)] == ["", "\n\nWait", "\n\nWait"]
    assert choice.candidates[-1].text == " a\n\nWait b\n\nWait c"
    assert [solution.position for solution in choice.candidates] == [0, 1, 2]


def test_the_last_answer_is_taken_or_the_majority_of_all_ends():
    assert forced("aab", 3)[0].answer == "b"
    assert forced("aab", 3, selection="majority")[0].answer == "a"


def test_it_is_greedy_as_in_the_paper_unless_told_otherwise():
    assert {request.temperature for request in samples(forced("ab", 2)[1])} == {0.0}
    assert {request.temperature for request in samples(forced("ab", 2, temperature=0.6)[1])} == {0.6}


def test_a_solution_that_was_cut_off_is_left_or_asked_for_its_answer_once():
    choice, asked = forced(["a", None, "b", "c"], 8)
    assert (choice.answer, len(samples(asked))) == ("a", 2)
    choice, asked = forced(["a", None, "b", "c"], 8, final="Final Answer:")
    assert [request.append for request in samples(asked)] == ["", "\n\nWait", "Final Answer:"]
    assert choice.answer == "b"


def test_each_continuation_is_a_generation_with_room_for_a_whole_solution():
    trace, books = in_process(BudgetForcing(), Budget(generations=5))
    assert trace.cost.generations == books.generations() == 5
    assert max(solution.tokens for solution in trace.solutions) > Digits.max_solution_tokens
    assert trace.cost.generated_tokens == trace.solutions[-1].tokens  # nothing is drawn twice


def test_the_text_is_read_and_not_generated():
    strategy = BudgetForcing(text="\n\nWait a little")
    trace, books = in_process(strategy, Budget(generations=3))
    assert books.spent["fresh"] == len(QUESTION.text.split()) + 2 * 3
    assert trace.cost.prompt_tokens - trace.cost.cached_tokens == books.spent["fresh"]


def test_without_a_cap_on_generations_it_goes_on_until_the_other_cap():
    trace, _ = in_process(BudgetForcing(), Budget(tokens=60))
    assert 60 - Digits.max_solution_tokens < trace.cost.generated_tokens <= 60
    assert "the budget ran out" in trace.note
    alone, _ = in_process(BudgetForcing(), Budget())
    assert alone.cost.generations == 1
    few, _ = in_process(BudgetForcing(max_rounds=2), Budget(tokens=10_000))
    assert few.cost.generations == 3


def test_a_server_is_given_the_text_behind_what_it_wrote():
    seen = []

    class Heard(CountingServer):
        async def sample(self, prompt, *, prefix="", **others):
            seen.append(prefix)
            return await super().sample(prompt, prefix=prefix, **others)

    trace = outlay.solve(QUESTION, strategy=BudgetForcing(), model=Heard(), budget=Budget(generations=3), task=Digits())
    assert seen == ["", *(s.text + "\n\nWait" for s in trace.solutions[:2])]
    assert trace.solutions[1].text.startswith(seen[1])


def test_a_server_that_cannot_continue_a_prefix_is_refused():
    class Chat(CountingServer):
        name = "chat"
        continues_prefix = False

    def asked(n):
        return outlay.solve(
            QUESTION, strategy=BudgetForcing(), model=Chat(), budget=Budget(generations=n), task=Digits()
        )

    assert asked(1).answer is not None
    with pytest.raises(Unsupported, match="chat cannot go on from a given beginning"):
        asked(2)


def test_an_embedded_model_that_does_not_know_the_word_says_so():
    with pytest.raises(UserError, match='knows no word "Wait"'):
        outlay.solve(
            "2 3 4 > 24 |", strategy="budget_forcing", model="embedded:countdown-small", budget=Budget(generations=2)
        )


def test_an_embedded_model_goes_on_after_a_text_of_its_own_words():
    trace = outlay.solve(
        "2 3 4 > 24 |",
        strategy=BudgetForcing(text="; 2"),
        model="embedded:countdown-small",
        verifier="embedded:countdown-prm",
        budget=Budget(generations=3),
    )
    first, second, third = trace.solutions
    assert second.text.startswith(first.text + " ; 2")
    assert third.text.startswith(second.text + " ; 2")
    assert trace.cost.generated_tokens == third.tokens == sum(step.tokens for step in third.steps)


def test_an_embedded_verifier_reads_a_text_with_something_put_into_it():
    model, verifier = outlay.models.load("embedded:countdown-small"), outlay.verifiers.load("embedded:countdown-prm")
    question = outlay.types.Question("q", "2 3 4 > 24 |")

    def drawn(request):
        model.begin(request, [7] * request.n, None)
        while True:
            for _, solutions in model.advance():
                return solutions[0]

    first = drawn(Sample(question, temperature=0.0))
    forced = drawn(Sample(question, prefix=first, append="; 2", temperature=0.0))
    again = Solution(tuple(Step(step.text, step.tokens) for step in forced.steps), finished=forced.finished)
    scores = []
    for solution in (forced, again):
        verifier.begin(outlay.types.Score(question, (solution,)), None)
        while not verifier.idle:
            scores += [one for _, found in verifier.advance() for one in found]
    assert len(scores[0]) == len(forced.steps)
    assert scores[0] == pytest.approx(scores[1])


def test_recorded_continuations_are_replayed_along_their_chain():
    recorded = [
        Solution((Step(f"{position}", 10 * (position + 1)),), finished=True, answer=answer, position=position)
        for position, answer in enumerate("aab")
    ]
    found = replay(BudgetForcing(), QUESTION, recorded, Budget(generations=3))
    assert [s.answer for s in found.choice.candidates] == ["a", "a", "b"]
    assert (found.choice.answer, found.cost.generations, found.cost.generated_tokens) == ("b", 3, 30)


def test_a_server_whose_turn_ended_at_once_is_asked_again_no_further_than_the_budget():
    trace, _ = over_a_server(BudgetForcing(), Budget(generations=4), World("stops at once"))
    assert trace.cost.generations == 4
    assert trace.cost.generated_tokens == 4


@pytest.mark.parametrize("options", [{"text": " "}, {"selection": "best"}])
def test_what_is_no_option_is_refused(options):
    with pytest.raises(UserError):
        BudgetForcing(**options)


def test_a_text_model_that_corrects_itself_is_forced_to_the_right_answer():
    """A model that doubts itself once: wrong at first, right after "Wait", and the same from then on."""

    class Doubting:
        name = "doubting"

        async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
            await asyncio.sleep(0)
            return [Completion("6" if "Wait" in prefix else "5", "end", 4, 0, 2) for _ in range(n)]

    found = [
        outlay.solve("3 + 3?", strategy="budget_forcing", model=Doubting(), budget=Budget(generations=n)).answer
        for n in (1, 2, 3)
    ]
    assert found == ["5", "Wait6", "Wait6"]
