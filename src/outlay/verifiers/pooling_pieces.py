"""A solution as the text that a served reward model reads, in pieces, some of which end where a step's score is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from outlay.errors import UserError
from outlay.registry import nearest
from outlay.verifiers.layouts import EXTRA, QWEN_SYSTEM, TAG, clean, outcome_messages

NAMES: Mapping[str, str] = {
    "qwen2.5-math-prm": "qwen-math-prm",
    "qwen2.5-math-7b-prm": "qwen-math-prm",
    "skywork-o1-open-prm": "skywork",
    "math-shepherd": "math-shepherd",
    "-rm-": "outcome",
    "reward": "outcome",
}
"""Parts of models' names (lower case) that tell the layout."""

SERVED = ("qwen-math-prm", "skywork", "math-shepherd", "outcome")


@dataclass(frozen=True, slots=True)
class Pieces:
    """The text in `parts`; `marks` are the numbers of those at whose end a step's score is read.

    `messages` is the same as a chat, for layouts whose template only the server knows.
    """

    parts: tuple[str, ...]
    marks: tuple[int, ...]
    messages: tuple[dict[str, str], ...] = ()

    @property
    def text(self) -> str:
        """The whole."""
        return "".join(self.parts)

    @property
    def ends(self) -> list[int]:
        """The length of the text up to each step's end."""
        lengths = list(accumulate(map(len, self.parts)))
        return [lengths[mark] for mark in self.marks]


def layout_for(named: str, model: str, example: str) -> str:
    """The layout that an address names, else the one that the model's name tells.

    >>> layout_for("", "Qwen/Qwen2.5-Math-PRM-7B", "")
    'qwen-math-prm'
    """
    if named:
        if named not in SERVED:
            raise UserError(f'no server is asked for the layout "{named}": {nearest(named, SERVED)}')
        return named
    told = next((layout for part, layout in NAMES.items() if part in model.lower()), None)
    if told is None:
        raise UserError(
            f'the name "{model}" does not tell how the model wants to be shown a solution: write pooling:LAYOUT:URL#MODEL with one '
            f"of {', '.join(SERVED)}, for example {example}"
        )
    return told


def pieces_of(layout: str, question: str, steps: Sequence[str]) -> Pieces:
    """The solution laid out.

    >>> pieces_of("skywork", "1 + 1?", ["It is 2."]).text
    '1 + 1?\\nIt is 2.\\n'
    """
    return {"qwen-math-prm": _qwen, "skywork": _skywork, "math-shepherd": _shepherd, "outcome": _outcome}[layout](
        question, steps
    )


def _chatml(role: str, content: str) -> str:
    return f"<|im_start|>{role}\n{content}"


def _qwen(question: str, steps: Sequence[str]) -> Pieces:
    head = f"{_chatml('system', QWEN_SYSTEM)}<|im_end|>\n{_chatml('user', _plain(question))}<|im_end|>\n"
    written = [_plain(step) + EXTRA for step in steps]
    return Pieces((head + _chatml("assistant", ""), *written, "<|im_end|>\n"), tuple(range(1, len(steps) + 1)))


def _plain(text: str) -> str:
    return clean(text, EXTRA, "<|im_start|>", "<|im_end|>").strip()


def _skywork(question: str, steps: Sequence[str]) -> Pieces:
    parts = [question.strip() + "\n"]
    for step in steps:
        parts += [step.strip(), "\n"]
    return Pieces(tuple(parts), tuple(range(2, len(parts), 2)))


def _shepherd(question: str, steps: Sequence[str]) -> Pieces:
    written = [f"{chr(10) if number else ''}{clean(step, TAG).strip()} {TAG}" for number, step in enumerate(steps)]
    return Pieces((f"{clean(question, TAG).strip()} ", *written), tuple(range(1, len(steps) + 1)))


def _outcome(question: str, steps: Sequence[str]) -> Pieces:
    messages = outcome_messages(question, steps)
    text = "".join(f"{_chatml(said['role'], said['content'])}<|im_end|>\n" for said in messages)
    return Pieces((text,), (0,), tuple(messages))
