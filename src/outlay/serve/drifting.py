"""Drift, watched: every usual answer is compared with what the calibration's questions looked like, over restarts too."""

from __future__ import annotations

import hashlib
import json
import math
from contextlib import suppress
from pathlib import Path

from outlay.errors import UserError
from outlay.policies import Policy
from outlay.promises import Monitor, statistics
from outlay.serve.metrics import Metrics
from outlay.serve.outcome import Answered
from outlay.serve.recording import Log
from outlay.traces.files import write_text_whole

FILE = "drift.json"
KEPT_EVERY = 100
"""Answers after which what was observed is written down; a killed server forgets at most so many."""


class Drifting:
    """The drift monitor of one server. Where the policy file has nothing to compare with, it does nothing.

    Answers count that were found as the calibration's were: with the budget `usual`, not cut short, not aimed at a confidence.
    """

    def __init__(self, policy: Policy, usual: float, folder: Path | None, metrics: Metrics, log: Log) -> None:
        self._usual, self._metrics, self._log = usual, metrics, log
        self._file = None if folder is None else folder / FILE
        self._since = 0
        self._monitor = policy.monitor()
        self._reference = (
            "" if policy.drift is None else hashlib.sha256(policy.drift.model_dump_json().encode()).hexdigest()
        )
        self._alarmed = False
        self._restore(policy)

    def observe(self, answered: Answered) -> None:
        """Look at one answer; the first of an alarm is in the log, in words."""
        asked = answered.asked
        if self._monitor is None or answered.stopped_by not in ("plan", "policy"):
            return
        if asked.budget != self._usual or asked.target_confidence is not None:
            return
        spent = answered.generations if answered.counts is None else answered.counts
        answers = [one.answer for one in answered.looked_at]
        scores = [math.nan if one.score is None else one.score for one in answered.looked_at]
        status = self._monitor.observe(statistics(answers, scores, spent))
        self._metrics.drift(status)
        if status.alarm and not self._alarmed:
            self._log.line("drift", sentence=status.sentence)
        self._alarmed = status.alarm
        self._since += 1
        if self._since >= KEPT_EVERY:
            self.keep()

    def keep(self) -> None:
        """Write down what was observed."""
        if self._monitor is None or self._file is None or not self._since:
            return
        self._since = 0
        with suppress(UserError, OSError):  # a full disk: it goes on, and is tried again
            write_text_whole(self._file, json.dumps({"reference": self._reference, "state": self._monitor.state()}))

    def _restore(self, policy: Policy) -> None:
        """Go on where an earlier server left off, with the same policy's reference."""
        if policy.drift is None or self._file is None or not self._file.is_file():
            return
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            if kept["reference"] == self._reference:
                self._monitor = Monitor.restore(policy.drift, kept["state"])
                self._alarmed = kept["state"]["alarm"] is not None
        except (OSError, ValueError, KeyError, TypeError, UserError):
            self._log.line("drift_forgotten")
