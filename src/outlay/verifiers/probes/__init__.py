"""Probes: small heads on what a model has in mind, trained on one's own traces (`outlay train probe`) and used as `probe:FOLDER`.

`head` is the logistic or small-MLP head, `features` what it looks at, `folder` what is on disk, `verifier` the verifier,
`difficulty` the estimate from the question alone.
"""

from outlay.verifiers.probes.difficulty import DifficultyProbe, difficulty_by, load_difficulty
from outlay.verifiers.probes.folder import Probe, load_probe, save_probe
from outlay.verifiers.probes.head import Head
from outlay.verifiers.probes.verifier import probe_verifier

__all__ = [
    "DifficultyProbe",
    "Head",
    "Probe",
    "difficulty_by",
    "load_difficulty",
    "load_probe",
    "probe_verifier",
    "save_probe",
]
