"""A probe as a verifier, `probe:FOLDER`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from outlay.cost import Reads, Scored
from outlay.errors import UserError
from outlay.models.hf.reading import Text
from outlay.types import Cost, Question, Solution, StepScores
from outlay.verifiers.probes.difficulty import check_width
from outlay.verifiers.probes.features import Embeddings, States, features_of
from outlay.verifiers.probes.folder import Probe, load_probe
from outlay.verifiers.reading import ReadingVerifier


def probe_verifier(folder: str) -> Any:
    """The verifier at `FOLDER`: after each step the probe's P(right), or one for the whole where its features are embeddings.

    Raises UserError where there is no probe, where it estimates difficulty, and where its features have another width now.
    """
    if not folder:
        raise UserError('"probe:" names no probe: write probe:FOLDER, with a folder that outlay train probe wrote')
    probe = load_probe(folder)
    if probe.target != "solutions":
        raise UserError(
            f"the probe in {folder} estimates how hard a question is and does not look at solutions: use it as "
            f"difficulty: probe:{folder} in a study, or train one with target: solutions"
        )
    features = features_of(probe.features, probe.layer, probe.parts)
    if isinstance(features, Embeddings):
        return EmbeddedTexts(f"probe:{folder}", probe, features)
    return _of_states(f"probe:{folder}", probe, features)


def _of_states(name: str, probe: Probe, features: States) -> ReadingVerifier:
    def judge(texts: Sequence[Text]) -> list[list[float]]:
        states = features.states(texts)
        check_width(name, probe, states)
        return [[float(one) for one in probe.head(rows)] for rows in states]

    return ReadingVerifier(name, features.parameters + probe.head.parameters, features.lay, judge, features.context)


class EmbeddedTexts:
    """A probe on a server's embeddings: one vector, one score for each solution as a whole."""

    reads = Reads(reported=True)

    def __init__(self, name: str, probe: Probe, features: Embeddings) -> None:
        self.name, self.parameters = name, probe.head.parameters
        self._probe, self._features = probe, features

    async def score(self, question: Question, solutions: Sequence[Solution]) -> list[StepScores]:
        """As `Verifier.score`."""
        texts = [Embeddings.text(question, solution) for solution in solutions]
        vectors, read, calls = await self._features.vectors(texts)
        check_width(self.name, self._probe, [vectors])
        scores: list[StepScores] = [(float(one),) for one in self._probe.head(vectors)]
        return Scored(scores, spent=Cost(verifier_prompt_tokens=read, calls=calls))

    async def close(self) -> None:
        """Close the connections of the running event loop."""
        await self._features.close()
