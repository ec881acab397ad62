"""How process reward models want to be shown a solution, and where in it they say what they think of each step.

| layout | what is read | the score of a step is read at |
|---|---|---|
| `math-shepherd` | question, a space, then the steps a line each, every one with the tag ` ки` behind it | the tag |
| `rlhflow` | a conversation: a user's turn a step (question before the first), each answered by `+` | before the `+` |
| `qwen-math-prm` | a chat: system prompt, question, and as the answer the steps, each with `<extra_0>` behind it | `<extra_0>` |
| `skywork` | question, then the steps, a line each | the line break behind the step |
| `trl` | question, then the steps, each with a line break behind it, as TRL's PRMTrainer writes them | the line break |
| `step-end` | question and steps as they are (the lab's own models) | the step's last token |
| `outcome` | a chat of question and answer | the last token: one score for the whole |

Texts that would be taken for a mark are left out of question and steps, so that a solution cannot write itself a score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from outlay.errors import UserError
from outlay.registry import nearest
from outlay.types import Question, Solution

TAG, EXTRA, PLUS = "ки", "<extra_0>", "+"
HOLE = "\ue000"
"""Stands for a judge's answer while a conversation is put into its template; a private character that no text has."""
QWEN_SYSTEM = "Please reason step by step, and put your final answer within \\boxed{}."


@dataclass(frozen=True, slots=True)
class Laid:
    """A solution as tokens, the places at which its steps' scores are read, and (for probes) where it starts behind the prompt."""

    tokens: tuple[int, ...]
    places: tuple[int, ...]
    start: int = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """One way of showing solutions: `lay(tokenizer, question, steps, finished)` gives tokens and places.

    With `whole` there is one place for the whole solution, else one a step.
    """

    name: str
    lay: Callable[[Any, str, Sequence[str], bool], Laid]
    whole: bool = False

    def __call__(self, tokenizer: Any, question: Question, solution: Solution) -> Laid:
        """The solution laid out.

        Raises UserError where the tokenizer does not have what the layout needs.
        """
        return self.lay(tokenizer, question.text, [step.text for step in solution.steps], solution.finished)


def layout(name: str) -> Layout:
    """The layout of that name; UserError with the nearest one where there is none.

    >>> layout("qwen-math-prm").whole
    False
    """
    if name not in LAYOUTS:
        raise UserError(f'there is no layout of solutions named "{name}": {nearest(name, LAYOUTS)}')
    return LAYOUTS[name]


def clean(text: str, *marks: str) -> str:
    """The text without these marks.

    >>> clean("So it is 4.<extra_0>", EXTRA)
    'So it is 4.'
    """
    for mark in (*marks, HOLE):
        text = text.replace(mark, "")
    return text


def shepherd_text(question: str, steps: Sequence[str]) -> tuple[str, list[int]]:
    """Math-Shepherd's text, and how long it is up to each tag.

    >>> shepherd_text("1 + 1?", ["It is 2.\\n"])
    ('1 + 1? It is 2. ки', [18])
    """
    pieces = [f"{clean(question, TAG).strip()} "]
    for number, step in enumerate(steps):
        pieces.append(f"{chr(10) if number else ''}{clean(step, TAG).strip()} {TAG}")
    return "".join(pieces), list(accumulate(map(len, pieces)))[1:]


def rlhflow_messages(question: str, steps: Sequence[str], answer: str = PLUS) -> list[dict[str, str]]:
    """RLHFlow's conversation, each step answered by `answer`.

    >>> [said["content"] for said in rlhflow_messages("1 + 1?", ["Add.", "It is 2."])]
    ['1 + 1? Add.', '+', 'It is 2.', '+']
    """
    said = []
    for number, step in enumerate(steps):
        shown = clean(step).strip()
        said.append({"role": "user", "content": shown if number else f"{clean(question).strip()} {shown}"})
        said.append({"role": "assistant", "content": answer})
    return said


def qwen_messages(question: str, steps: Sequence[str]) -> list[dict[str, str]]:
    """Qwen2.5-Math-PRM's chat."""
    answer = "".join(clean(step, EXTRA).strip() + EXTRA for step in steps)
    return [
        {"role": "system", "content": QWEN_SYSTEM},
        {"role": "user", "content": clean(question, EXTRA).strip()},
        {"role": "assistant", "content": answer},
    ]


def outcome_messages(question: str, steps: Sequence[str]) -> list[dict[str, str]]:
    """A chat of question and answer."""
    return [
        {"role": "user", "content": question.strip()},
        {"role": "assistant", "content": "".join(steps).strip()},
    ]


def _shepherd(tokenizer: Any, question: str, steps: Sequence[str], finished: bool) -> Laid:
    text, ends = shepherd_text(question, steps)
    encoded = _with_offsets(tokenizer, text, special=True)
    return Laid(tuple(encoded["input_ids"]), tuple(_last_within(encoded, end) for end in ends))


def _rlhflow(tokenizer: Any, question: str, steps: Sequence[str], finished: bool) -> Laid:
    parts = _templated(tokenizer, rlhflow_messages(question, steps, HOLE)).split(HOLE)
    if len(parts) != len(steps) + 1:
        raise UserError(
            "the chat template of this tokenizer changes what is said, so the steps' places in it are not known"
        )
    ends = list(accumulate(len(part) + (1 if number else 0) for number, part in enumerate(parts[:-1])))
    encoded = _with_offsets(tokenizer, PLUS.join(parts), special=False)
    return Laid(tuple(encoded["input_ids"]), tuple(_last_within(encoded, end) for end in ends))


def _qwen(tokenizer: Any, question: str, steps: Sequence[str], finished: bool) -> Laid:
    mark = tokenizer.convert_tokens_to_ids(EXTRA)
    if mark is None or mark == tokenizer.unk_token_id:
        raise UserError(f"the layout qwen-math-prm needs a tokenizer with the token {EXTRA}, and this one has none")
    text = _templated(tokenizer, qwen_messages(question, steps))
    tokens = tuple(tokenizer(text, add_special_tokens=False)["input_ids"])
    return Laid(tokens, tuple(place for place, token in enumerate(tokens) if token == mark))


def _lines(tokenizer: Any, question: str, steps: Sequence[str], finished: bool) -> Laid:
    """Skywork's: question and steps encoded one by one, the line break's token behind each step."""
    tokens = [*_encoded(tokenizer, (tokenizer.bos_token or "") + question.strip() + "\n")]
    line_break, places = _encoded(tokenizer, "\n")[-1], []
    for step in steps:
        tokens += [*_encoded(tokenizer, step.strip()), line_break]
        places.append(len(tokens) - 1)
    return Laid(tuple(tokens), tuple(places))


def _trl(tokenizer: Any, question: str, steps: Sequence[str], finished: bool) -> Laid:
    bos = [tokenizer.bos_token_id] if tokenizer.bos_token_id is not None else []
    tokens, places = [*bos, *_encoded(tokenizer, question)], []
    for step in steps:
        tokens += [*_encoded(tokenizer, step.strip()), *_encoded(tokenizer, "\n")]
        places.append(len(tokens) - 1)
    return Laid(tuple(tokens), tuple(places))


def _step_end(tokenizer: Any, question: str, steps: Sequence[str], finished: bool) -> Laid:
    tokens, places = list(_encoded(tokenizer, question)), []
    for number, step in enumerate(steps):
        tokens += _encoded(tokenizer, step)
        if finished and number == len(steps) - 1 and tokenizer.eos_token_id not in tokens[-1:]:
            tokens.append(tokenizer.eos_token_id)
        places.append(len(tokens) - 1)
    return Laid(tuple(tokens), tuple(places))


def _outcome(tokenizer: Any, question: str, steps: Sequence[str], finished: bool) -> Laid:
    if tokenizer.chat_template:
        text = _templated(tokenizer, outcome_messages(question, steps)).rstrip("\n")
        tokens = tokenizer(text, add_special_tokens=False)["input_ids"]
    else:
        tokens = tokenizer(f"{question.strip()}\n{''.join(steps).strip()}")["input_ids"]
    return Laid(tuple(tokens), (len(tokens) - 1,))


LAYOUTS: Mapping[str, Layout] = {
    one.name: one
    for one in (
        Layout("math-shepherd", _shepherd),
        Layout("rlhflow", _rlhflow),
        Layout("qwen-math-prm", _qwen),
        Layout("skywork", _lines),
        Layout("trl", _trl),
        Layout("step-end", _step_end),
        Layout("outcome", _outcome, whole=True),
    )
}


def _encoded(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return ids


def _templated(tokenizer: Any, messages: Sequence[dict[str, str]]) -> str:
    if not tokenizer.chat_template:
        raise UserError(
            "this layout is a chat, and the tokenizer has no chat template: name the layout that the model was made for"
        )
    text: str = tokenizer.apply_chat_template(list(messages), tokenize=False, add_generation_prompt=False)
    return text


def _with_offsets(tokenizer: Any, text: str, *, special: bool) -> Any:
    if not tokenizer.is_fast:
        raise UserError(
            "this layout needs a tokenizer that tells where its tokens lie (tokenizer.json), and this one does not"
        )
    return tokenizer(text, add_special_tokens=special, return_offsets_mapping=True)


def _last_within(encoded: Any, end: int) -> int:
    """The last token that ends at or before this place of the text."""
    offsets = encoded["offset_mapping"]
    return max(place for place, (start, stop) in enumerate(offsets) if start < stop <= end)
