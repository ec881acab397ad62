"""Reward models with a head on their hidden states, run by transformers: `hf:FOLDER_OR_ID`, `hf:LAYOUT:FOLDER_OR_ID`.

| in the folder | head | scores | layout unless another is named |
|---|---|---|---|
| `Qwen2ForProcessRewardModel` (Qwen2.5-Math-PRM) | `score.0`, ReLU, `score.2` | second of two classes | `qwen-math-prm` |
| tensors `v_head.summary.*` (Skywork-o1-Open-PRM; TRL) | linear, one number | sigmoid | `skywork` |
| `...ForTokenClassification` | `score` or `classifier` | sigmoid, or second of two | `step-end` (the lab's), `trl` |
| `...ForSequenceClassification`, `Qwen2ForRewardModel` | `score` | sigmoid at the last token | `outcome` |

The folder's own code is never run: backbones are transformers', heads are read from safetensors. A reward of an outcome model is a
number without a scale; its sigmoid keeps the order, so calibrate it (`rescaled`) before it is taken for a probability.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.models.hf.loading import (
    card_of,
    check_installed,
    config_of,
    context_of,
    folder_of,
    read_model,
    read_tokenizer,
    tensor_names,
    tensors_named,
)
from outlay.models.hf.reading import Reader, Text
from outlay.verifiers.layouts import LAYOUTS, Layout, layout
from outlay.verifiers.reading import ReadingVerifier

HEADS = ("score.", "v_head.", "classifier.")
"""How the names of a head's tensors begin."""
WRAPPED = "pretrained_model."
"""How those of the backbone begin where a value head was saved around it."""


@dataclass(frozen=True, slots=True)
class Head:
    """Linear layers with ReLU between them: for each a weight [out, in] and a bias [out] or None."""

    layers: tuple[tuple[Any, Any], ...]

    @property
    def classes(self) -> int:
        """Numbers that it gives: 1, or 2."""
        return int(self.layers[-1][0].shape[0])

    def __call__(self, states: Any) -> Any:
        """P(right) [places] of hidden states [places, hidden]."""
        import torch
        from torch.nn import functional

        for number, (weight, bias) in enumerate(self.layers):
            states = functional.linear(torch.relu(states) if number else states, weight, bias)
        return torch.sigmoid(states[:, 0]) if self.classes == 1 else torch.softmax(states, -1)[:, 1]


def head_in(folder: Path) -> Head:
    """The head that the folder's tensors are; UserError where there is none, or one of another kind."""
    tensors = tensors_named(folder, HEADS)
    if not tensors:
        raise UserError(
            f"{folder} has no reward head (tensors score.*, v_head.* or classifier.*): a causal model that writes + or - is "
            "tokens:LAYOUT:hf:FOLDER"
        )
    head = Head(tuple(_layers(tensors)))
    sizes = [(one.shape[1], one.shape[0]) for one, _ in head.layers]
    fits = all(out == into for (_, out), (into, _) in pairwise(sizes))
    if not fits or head.classes not in (1, 2):
        raise UserError(
            f"the head in {folder} ({', '.join(sorted(tensors))}) is none that gives one number or two classes: name another model"
        )
    return head


def _layers(tensors: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    names = sorted(name for name in tensors if name.endswith(".weight"))
    return [(tensors[name], tensors.get(name.removesuffix("weight") + "bias")) for name in names]


def layout_of(folder: Path) -> Layout:
    """The layout that a folder's model was made for, read off its configuration.

    Raises UserError for the lab's self-channel heads, which transformers does not know.
    """
    if (folder / "value_head.safetensors").is_file():
        raise UserError(
            f"{folder} has a head of Outlay's own (value_head.safetensors), which transformers does not know: use embedded:{folder}"
        )
    kind = next(iter(config_of(folder).get("architectures") or ()), "")
    if kind == "Qwen2ForProcessRewardModel":
        return layout("qwen-math-prm")
    if any(one.startswith("v_head.") for one in tensor_names(folder)):
        return layout("skywork")
    if kind.endswith("ForTokenClassification"):
        return layout("step-end" if card_of(folder) else "trl")
    if kind.endswith(("ForSequenceClassification", "ForRewardModel")):
        return layout("outcome")
    raise UserError(
        f"{folder} is a {kind or 'model of no kind'}: its layout is not known, so name it, hf:LAYOUT:{folder} with one of "
        f"{', '.join(LAYOUTS)}"
    )


def reward_model(name: str) -> ReadingVerifier:
    """The verifier at `FOLDER_OR_ID` or `LAYOUT:FOLDER_OR_ID`.

    Raises UserError for what is no reward model, or where the extra `hf` is missing.
    """
    check_installed(f"hf:{name}")
    named, colon, rest = name.partition(":")
    chosen = layout(named) if colon and not Path(name).exists() else None
    folder = folder_of(rest if chosen else name)
    laid = chosen or layout_of(folder)
    head = head_in(folder)
    wrapped = any(one.startswith(WRAPPED) for one in tensor_names(folder))
    renamed = {"key_mapping": {r"^pretrained_model\.": ""}} if wrapped else {}
    backbone, tokenizer = read_model(folder, "AutoModel", **renamed), read_tokenizer(folder)
    reader = Reader(backbone)
    if head.layers[0][0].shape[1] != reader.hidden:
        raise UserError(
            f"the head in {folder} is for another model: it takes {head.layers[0][0].shape[1]} numbers, not {reader.hidden}"
        )
    head = Head(tuple((w.to(backbone.device), None if b is None else b.to(backbone.device)) for w, b in head.layers))
    counted = sum(one.numel() for one in backbone.parameters()) + sum(
        one.numel() for pair in head.layers for one in pair if one is not None
    )

    def judge(texts: Sequence[Text]) -> list[list[float]]:
        return [head(states).clamp(0, 1).tolist() for states in reader.states(texts)]

    return ReadingVerifier(
        f"hf:{name}",
        counted,
        lambda question, solution: laid(tokenizer, question, solution),
        judge,
        context_of(backbone),
    )
