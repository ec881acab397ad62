"""Give samples of Game of 24 the difficulty that people found: fifths of the human solve rate, level 1 the easiest.

    python studies/human_levels.py 24.csv.gz game24-gpt4-cot.jsonl.gz game24-levels.jsonl.gz
    outlay analyse game24-levels.jsonl.gz math100-rm8.jsonl.gz math500-phi4mini-chains.jsonl.gz --findings --out runs/real-pools

The first file is the list of puzzles of princeton-nlp/tree-of-thought-llm (MIT), with a solve rate each; the second has one sample
a line, whose question_id ends in the puzzle's place in that list, from 0. Neither is part of this repository.
"""

from __future__ import annotations

import csv
import gzip
import json
import sys
from pathlib import Path

LEVELS = 5


def levels(puzzles: Path, asked: set[int]) -> dict[int, int]:
    """The level of each puzzle that was asked, 1 to 5: fifths of these puzzles by the share of people who solved them."""
    with gzip.open(puzzles, "rt", encoding="utf-8") as lines:
        rates = {place: float(row["Solved rate"].rstrip("%")) for place, row in enumerate(csv.DictReader(lines))}
    easiest_first = sorted(asked, key=lambda place: (-rates[place], place))
    return {place: 1 + LEVELS * rank // len(easiest_first) for rank, place in enumerate(easiest_first)}


def main() -> None:
    """Read the two files that the command line names and write the third."""
    if len(sys.argv) != 4:
        sys.exit(
            "give three files: the puzzles (24.csv.gz), the samples, and the samples with levels that are to be written"
        )
    puzzles, samples, out = map(Path, sys.argv[1:])
    with gzip.open(samples, "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    places = [int(row["question_id"].rpartition("/")[2]) for row in rows]
    level = levels(puzzles, set(places))
    with gzip.open(out, "wt", encoding="utf-8") as written:
        for row, place in zip(rows, places, strict=True):
            written.write(json.dumps({**row, "level": f"Level {level[place]}"}) + "\n")


if __name__ == "__main__":
    main()
