"""Greedy answers of several models on the same questions, one a line, for `outlay route`.

    python studies/ladders.py zeroeval POOL_FOLDER math-l5 math-l5.jsonl.gz     # files as WildEval/ZeroEval publishes them
    python studies/ladders.py grade-school example_model_solutions.jsonl.gz gsm8k-sizes.jsonl.gz     # openai/grade-school-math

Answers are graded by this package's equality. Neither source counts tokens: a token is taken as four characters, of the question
and of the answer, as is usual for English.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from outlay.tasks import equivalence

ANSWER = re.compile(r'"answer"\s*:\s*(?:"((?:[^"\\]|\\.)*)"|([^,}\n]+))')
CHARACTERS_A_TOKEN = 4


def zeroeval(folder: Path, dataset: str) -> Iterator[dict[str, Any]]:
    """Every model's answers to one data set (`gsm` or `math-l5`)."""
    for path in sorted(folder.glob(f"{dataset}__*.json.gz")):
        model = path.name.removeprefix(f"{dataset}__").removesuffix(".json.gz")
        with gzip.open(path, "rt", encoding="utf-8") as file:
            rows = json.load(file)
        for row in rows:
            text = row["output"][0]
            question = row.get("question") or row["problem"]
            reference = str(row["answer"]).removeprefix("#").strip()
            yield sample(str(row["id"]), model, question, text, _stated(text), reference)


def grade_school(path: Path) -> Iterator[dict[str, Any]]:
    """The example solutions of grade-school-math: 6B and 175B, alone and chosen among 100 by a verifier of the same size."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file):
            row = json.loads(line)
            for model in ("6b_finetuning", "6b_verification", "175b_finetuning", "175b_verification"):
                text = row[model]["solution"]
                found = sample(
                    str(number), model, row["question"], text, text.rpartition("A:")[2].strip() or None, None
                )
                yield found | {"correct": bool(row[model]["is_correct"])}


def sample(
    question_id: str, model: str, question: str, text: str, answer: str | None, reference: str | None
) -> dict[str, Any]:
    """One line."""
    right = answer is not None and reference is not None and equivalence.right(answer, reference)
    tokens = round((len(question) + len(text)) / CHARACTERS_A_TOKEN)
    return {
        "question_id": question_id,
        "model": model,
        "answer": answer,
        "correct": bool(right),
        "tokens": max(tokens, 1),
        "question": question,
    }


def _stated(text: str) -> str | None:
    """The last `"answer"` of the JSON that was asked for; where there is none, the last box."""
    found = ANSWER.findall(text)
    if not found:
        return equivalence.last_box(text)
    quoted, bare = found[-1]
    if not quoted:
        return bare.strip() or None
    return quoted.replace("\\\\", "\\").replace('\\"', '"')  # models write \\frac with one backslash or two


def main(arguments: list[str]) -> None:
    """Convert, and print each model's accuracy beside how many questions it is of."""
    kind, source, *rest = arguments
    rows = list(zeroeval(Path(source), rest[0]) if kind == "zeroeval" else grade_school(Path(source)))
    with gzip.open(rest[-1], "wt", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row) + "\n")
    for model in dict.fromkeys(row["model"] for row in rows):
        mine = [row["correct"] for row in rows if row["model"] == model]
        print(f"{model}: {100 * sum(mine) / len(mine):.1f}% of {len(mine)}")


if __name__ == "__main__":
    main(sys.argv[1:])
