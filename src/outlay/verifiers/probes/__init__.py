"""Probes: small heads on what a model has in mind, trained on one's own traces (`outlay train probe`) and used as `probe:FOLDER`.

`head` is the logistic or small-MLP head, `features` what it looks at, `folder` what is on disk, `verifier` the verifier.
"""

from outlay.verifiers.probes.folder import Probe, load_probe, save_probe
from outlay.verifiers.probes.head import Head
from outlay.verifiers.probes.verifier import probe_verifier

__all__ = ["Head", "Probe", "load_probe", "probe_verifier", "save_probe"]
