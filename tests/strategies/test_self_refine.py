import asyncio

import pytest

import outlay
from every import QUESTION, in_process
from outlay.drive.replay import replay
from outlay.errors import Unsupported, UserError
from outlay.models.model import Completion
from outlay.strategies import SelfRefine
from outlay.types import Budget, Sample, Solution, Step
from toy import by_hand, samples


def says(*texts):
    given = iter(texts)

    def answer(request):
        text = next(given)
        solves = request.purpose == "solution"
        return [Solution((Step(text, 3),), finished=True, answer=text if solves else None)]

    return answer


def refined(texts, n, **options):
    return by_hand(SelfRefine(**options).solve(QUESTION, Budget(generations=n)), says(*texts))


def test_draft_critique_and_rewrite_follow_each_other_until_the_budget_ends():
    choice, asked = refined(["5", "too small", "6", "still wrong", "7"], 5)
    assert [request.purpose for request in samples(asked)] == ["solution", "critique"] * 2 + ["solution"]
    assert choice.answer == "7"
    assert [solution.answer for solution in choice.candidates] == ["5", "6", "7"]


def test_the_critic_reads_the_newest_solution_and_the_rewriter_the_critique_too():
    _, asked = refined(["5", "too small", "6", "bad", "7"], 5)
    draft, critique, rewrite, second, _ = [request.question.text for request in samples(asked)]
    assert draft == QUESTION.text
    assert all(text in critique for text in (QUESTION.text, "5", "It is correct"))
    assert all(text in rewrite for text in (QUESTION.text, "5", "too small"))
    assert "6" in second and "5" not in second


def test_it_ends_where_the_critique_finds_nothing_wrong():
    choice, asked = refined(["5", "Step 1 holds.\nit is correct.", "never asked"], 9)
    assert choice.answer == "5"
    assert len(samples(asked)) == 2


@pytest.mark.parametrize("text", ["I doubt that it is correct.", "Is it correct? No.", "", "Correct it!"])
def test_a_critique_that_only_speaks_of_being_correct_does_not_accept(text):
    assert not SelfRefine().accepts(text)


@pytest.mark.parametrize(("n", "drawn"), [(1, 1), (2, 1), (3, 3), (4, 3), (5, 5)])
def test_a_critique_is_drawn_only_where_the_rewrite_can_be_paid_too(n, drawn):
    _, asked = refined(["5", "bad"] * 3, n)
    assert len(samples(asked)) == drawn


def test_what_is_drawn_for_the_critique_is_in_the_ledger_and_is_no_answer():
    trace, books = in_process(SelfRefine(accept="never said"), Budget(generations=5))
    drawn = [request for request in books.requests if isinstance(request, Sample)]
    assert [request.purpose for request in drawn].count("critique") == 2
    assert trace.cost.generations == 5
    assert trace.cost.generated_tokens == books.spent["generated_tokens"]
    assert trace.cost.generated_tokens > sum(solution.tokens for solution in trace.solutions)
    assert len(trace.solutions) == 3


def test_a_critique_is_no_answer_where_the_budget_ran_out_either():
    class Voted(SelfRefine):
        """Lets the refusal through, so that what was finished is voted on."""

        def solve(self, question, budget):
            (draft,) = yield Sample(question)
            for _ in range(9):
                yield Sample(question, purpose="critique")
            return draft

    trace, _ = in_process(Voted(), Budget(generations=4))
    assert "the budget ran out" in trace.note
    assert len(trace.solutions) == 1


def test_the_majority_of_all_versions_can_be_taken_instead():
    texts = ["5", "bad", "5", "bad", "6"]
    assert refined(texts, 5)[0].answer == "6"
    assert refined(texts, 5, selection="majority")[0].answer == "5"


def test_braces_in_what_a_model_wrote_stay_as_they_are():
    _, asked = refined(["{critique}", "bad {solution}", "7"], 3)
    _, critique, rewrite = [request.question.text for request in samples(asked)]
    assert "{critique}" in critique
    assert "{critique}" in rewrite and "bad {solution}" in rewrite


def test_a_pool_of_solutions_has_no_critiques():
    pool = [Solution((Step("5", 3),), finished=True, answer="5", position=position) for position in range(3)]
    with pytest.raises(Unsupported, match="no critique was recorded"):
        replay(SelfRefine(), QUESTION, pool, Budget(generations=3))
    assert replay(SelfRefine(), QUESTION, pool, Budget(generations=2)).choice.answer == "5"


def test_an_embedded_model_cannot_read_the_prompts_and_says_which_word():
    with pytest.raises(UserError, match="knows no word"):
        outlay.solve(
            "2 3 4 > 24 |", strategy="self_refine", model="embedded:countdown-small", budget=Budget(generations=3)
        )


class Careless:
    """A text model that adds wrongly at first, sees it when it checks, and then adds rightly."""

    name = "careless"

    async def sample(self, prompt, *, n, max_tokens, temperature, stop, seed, prefix=""):
        await asyncio.sleep(0)
        if "Check the solution" in prompt:
            text = "It is correct." if "\n42\n" in prompt else "The carry is missing."
        else:
            text = "42" if "The carry is missing." in prompt else "32"
        return [Completion(text, "end", len(prompt.split()), 0, len(text.split()) + 1) for _ in range(n)]


@pytest.mark.parametrize(("n", "answer", "generations"), [(2, "32", 1), (3, "42", 3), (20, "42", 4)])
def test_a_text_model_mends_its_answer_and_stops_when_it_finds_nothing_more(n, answer, generations):
    trace = outlay.solve("17 + 25?", strategy="self_refine", model=Careless(), budget=Budget(generations=n))
    assert (trace.answer, trace.cost.generations) == (answer, generations)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"critique": "Is {question} solved?"}, "{solution}"),
        ({"rewrite": "{question} {solution}"}, "{critique}"),
        ({"accept": " "}, "blank"),
        ({"selection": "best"}, "majority"),
    ],
)
def test_what_is_no_option_is_refused(options, told):
    with pytest.raises(UserError, match=told):
        SelfRefine(**options)
