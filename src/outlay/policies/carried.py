"""What every kind of policy carries beside its decisions: a promise, a calibrated confidence, what drift is measured against,
and what it was made from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from pydantic import Field

from outlay.errors import UserError
from outlay.policies.parts import Part
from outlay.promises import Confidence, Monitor, Promise, Reference

if TYPE_CHECKING:
    from outlay.policies.observed import State


class Origin(Part):
    """What a policy was made from, so that it can be checked and made again: hashes of traces, weights and tokenizers.

    `traces` is the hash of the traces' content; `weights` and `tokenizers` are by the address of a model or verifier, for those
    that have files on this machine (a server's are its own).
    """

    traces: str = Field("", description="SHA-256 of the traces that it was calibrated on")
    weights: dict[str, str] = Field(default_factory=dict, description="hash of the weights, by model or verifier")
    tokenizers: dict[str, str] = Field(default_factory=dict, description="hash of the tokenizer, by model or verifier")
    outlay: str = Field("", description="version of Outlay that wrote the file")


class Carried(Part):
    """Fields and methods that all kinds of policies share."""

    promise: Promise | None = Field(None, description="what is guaranteed at the largest budget, and how it was shown")
    answer_confidence: Confidence | None = Field(None, description="P(an answer is right), calibrated")
    search_confidence: Confidence | None = Field(
        None, description="the same for answers that a search gave, read off the samples before it"
    )
    handed_confidence: dict[str, Confidence] = Field(
        default_factory=dict, description="the same for answers of other models, by model"
    )
    drift: Reference | None = Field(None, description="what the calibration's questions looked like")
    origin: Origin = Field(default_factory=lambda: Origin())

    def confidence(
        self, state: State, chosen: str | None = None, *, searched: bool = False, model: str | None = None
    ) -> float | None:
        """P(the answer is right), calibrated on other questions; None where the file carries no confidence, or cannot tell from
        this state.

        Args:
            state: what was drawn for the question, all of it, in the order of asking.
            chosen: the answer that is given; where it is None, the one that most of the policy's plans would choose.
            searched: a search gave the answer; `state` has the samples that were drawn before it, and `chosen` is not looked at.
            model: another model gave the answer, after the samples in `state`; None where the policy's own did.
        """
        judge = self.search_confidence if searched else self.answer_confidence
        if model is not None and model in self.handed_confidence:
            judge, searched = self.handed_confidence[model], True
        if judge is None:
            return None
        scores = [score if math.isfinite(score) else math.nan for score in state.scores]
        return judge.of(state.answers, scores or None, None if searched else chosen, self.told_difficulty(state))

    def told_difficulty(self, state: State) -> float | None:
        """The difficulty that is known of a question before anything is sampled; None where nothing tells it then."""
        return None

    def monitor(self, seed: int = 0, level: float | None = None) -> Monitor | None:
        """A drift monitor that compares with this policy's calibration; None where the file has nothing to compare with."""
        if self.drift is None:
            return None
        return Monitor(self.drift, seed=seed) if level is None else Monitor(self.drift, seed=seed, level=level)

    def told(self) -> list[str]:
        """The promise, the confidence's quality and what is watched, a line each."""
        lines = [] if self.promise is None else [f"Promise: {self.promise.sentence()}"]
        for kind, judge in (
            ("chosen among samples", self.answer_confidence),
            ("that a search gives", self.search_confidence),
            *((f"by {model}", judge) for model, judge in self.handed_confidence.items()),
        ):
            quality = None if judge is None else judge.reliability
            if quality is None:
                continue
            lines.append(
                f"Every answer {kind} has a calibrated P(right): calibration error {quality.calibration_error:.3f} "
                f"({quality.calibration_error_low:.3f} to {quality.calibration_error_high:.3f}), Brier score {quality.brier:.3f} "
                f"({quality.brier_low:.3f} to {quality.brier_high:.3f}) on {quality.questions} questions it had not seen."
            )
        if self.drift is not None:
            watched = ", ".join(self.drift.statistics)
            lines.append(f"A server watches {watched} against {self.drift.questions} calibration questions.")
        return lines

    def check_origin(self, weights: Mapping[str, str], tokenizers: Mapping[str, str]) -> None:
        """Refuse other weights or another tokenizer under the same name; addresses that only one side knows are passed over.

        Raises:
            UserError: the first that differs.
        """
        for what, now, own in (
            ("other weights", weights, self.origin.weights),
            ("another tokenizer", tokenizers, self.origin.tokenizers),
        ):
            for address, digest in own.items():
                if now.get(address, digest) != digest:
                    raise UserError(
                        f"This policy was calibrated with {what} of {address!r} (hash {digest[:12]}, "
                        f"now {now[address][:12]}); "
                        "calibrate it again."
                    )
