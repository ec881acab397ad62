import random

import numpy as np
import pyarrow as pa
import pytest

from outlay.curves import best_of_k
from outlay.errors import UserError
from outlay.study.deciding import mean_score
from outlay.study.measure import with_probabilities
from outlay.study.pools import Chains, Pool, pools_of
from outlay.traces import SAMPLES

EMPTY: dict[str, object] = dict.fromkeys(SAMPLES.names)


def sample(
    question: str, number: int, answer: str | None = "1", correct: bool = True, **fields: object
) -> dict[str, object]:
    found = {"task": "t", "model": "m", "question_id": question, "sample": number, "answer": answer, "correct": correct}
    return {**EMPTY, "has_answer": True, **found, **fields}


def pools(rows: list[dict[str, object]]) -> list[Pool | Chains]:
    return pools_of(pa.Table.from_pylist(rows, schema=SAMPLES))


def test_equivalent_answers_share_a_class_and_no_answer_is_minus_one() -> None:
    (pool,) = pools([sample("q", i, a) for i, a in enumerate(["0.5", r"\frac{1}{2}", None, "2"])])
    assert pool.answers is not None
    assert pool.answers.tolist() == [[0, 0, -1, 1]]


def test_the_order_of_the_file_does_not_matter() -> None:
    rows = [sample(f"q{q}", i, str(i % 3), i % 2 == 0, score=i / 10) for q in range(5) for i in range(4)]
    shuffled = rows.copy()
    random.Random(0).shuffle(shuffled)
    (one,), (other,) = pools(rows), pools(shuffled)
    assert isinstance(one, Pool)
    assert isinstance(other, Pool)
    assert one.questions == other.questions
    assert np.array_equal(one.correct, other.correct)
    assert np.array_equal(one.answers, other.answers)
    assert np.array_equal(one.scores, other.scores)


def test_each_model_is_a_pool_of_its_own() -> None:
    found = pools([sample("q", 0, model=model) for model in ("b", "a")])
    assert [pool.model for pool in found] == ["a", "b"]


def test_unequal_pools_are_cut_to_a_size_that_nine_in_ten_questions_reach() -> None:
    sizes = [3, 8, *[10] * 17, 12]
    (pool,) = pools([sample(f"q{q:02}", i) for q, size in enumerate(sizes) for i in range(size)])
    assert pool.correct.shape == (18, 10)
    assert "between 3 and 12 samples" in pool.warnings[0]


def test_a_sample_without_answer_scores_minus_infinity() -> None:
    (pool,) = pools([sample("q", 0, None, False, score=0.9), sample("q", 1, score=0.5)])
    assert pool.scores.tolist() == [[-np.inf, 0.5]]


def test_a_score_that_is_missing_is_no_zero() -> None:
    (pool,) = pools([sample("q", 0), sample("q", 1, score=0.5), sample("q", 2, None, False)])
    assert pool.scores is not None and pool.rated is not None
    assert pool.scores.tolist() == [[-np.inf, 0.5, -np.inf]]
    assert pool.rated.tolist() == [[False, True, True]]
    assert any("1 of 3 samples have no score although they have an answer" in warning for warning in pool.warnings)


def test_what_could_not_be_rated_is_left_out_of_difficulty_and_of_votes() -> None:
    rows = [sample("a", i, str(i % 2), i % 2 == 0, score=None if i == 0 else 2.0 + i) for i in range(4)]
    rows += [sample("b", i, str(i % 2), i % 2 == 0, score=None) for i in range(4)]
    rows += [sample("c", i, str(i % 2), i % 2 == 0, score=1.0) for i in range(4)]
    (pool,) = pools(rows)
    assert isinstance(pool, Pool) and pool.scores is not None
    assert mean_score(pool.scores, pool.rated).tolist() == [4.0, 2.5, 1.0]
    mapped = with_probabilities(pool)
    assert mapped.probabilities is not None
    assert mapped.probabilities[0, 0] == 0 and not mapped.probabilities[1].any()
    wins = best_of_k(pool.correct, pool.scores, [2])[0]  # right are (0, 2) and (1, 2) of the six pairs
    assert wins.tolist() == pytest.approx([1 / 3])


def test_answers_that_are_nearly_all_distinct_cannot_vote() -> None:
    (pool,) = pools([sample(f"q{q}", i, f"answer {i}") for q in range(3) for i in range(8)])
    assert not pool.can_vote
    assert any("Answers cannot vote" in warning for warning in pool.warnings)


def test_without_grades_answers_are_compared_with_the_reference() -> None:
    rows = [sample("q", i, a, None, reference="1/2") for i, a in enumerate(["0.5", "2", None])]  # type: ignore[arg-type]
    (pool,) = pools(rows)
    assert pool.correct.tolist() == [[True, False, False]]


def test_answers_are_taken_from_texts_that_state_them() -> None:
    rows = [sample("q", i, None, text=rf"so \boxed{{{a}}}", has_answer=False) for i, a in enumerate(["1", "1.0", "2"])]
    (pool,) = pools(rows)
    assert pool.answers.tolist() == [[0, 0, 1]]


def test_without_answers_nothing_votes() -> None:
    (pool,) = pools([sample("q", i, None, text="no idea", has_answer=False) for i in range(3)])
    assert pool.answers is None
    assert not pool.can_vote


def chain(question: str, chain_number: int, rights: str) -> list[dict[str, object]]:
    return [sample(question, p, r, r == "1", chain=chain_number, position=p, sample=None) for p, r in enumerate(rights)]


def test_chains_are_questions_by_chains_by_positions() -> None:
    (found,) = pools([*chain("a", 0, "101"), *chain("a", 1, "000"), *chain("b", 0, "111"), *chain("b", 1, "011")])
    assert isinstance(found, Chains)
    assert found.correct.astype(int).tolist() == [[[1, 0, 1], [0, 0, 0]], [[1, 1, 1], [0, 1, 1]]]


def test_a_gap_in_a_chain_is_refused() -> None:
    rows = [row for row in chain("a", 0, "101") if row["position"] != 1]
    with pytest.raises(UserError, match="without a gap"):
        pools(rows)


def test_chains_and_samples_of_one_model_are_refused() -> None:
    with pytest.raises(UserError, match="partly chains"):
        pools([*chain("a", 0, "1"), sample("b", 0)])
