"""Hidden states of texts that are given as tokens: what heads and probes look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from outlay.models.hf.loading import out_of_memory

TOKENS_TOGETHER = 1 << 14
"""Tokens, padding included, that are read in one forward pass."""
LOGITS_TOGETHER = 256
"""Tokens whose distributions over the vocabulary are computed at once."""


@dataclass(frozen=True, slots=True)
class Text:
    """Tokens to read, the places whose states are wanted, and where what is judged starts."""

    tokens: tuple[int, ...]
    places: tuple[int, ...]
    start: int = 1


class Reader:
    """Reads with a decoder without its head: `backbone` gives the normed final states, `layer` -1, or those after a block."""

    def __init__(self, backbone: Any, layer: int = -1) -> None:
        self.backbone, self.layer = backbone, layer
        self.hidden = int(backbone.config.hidden_size)

    def states(self, texts: Sequence[Text]) -> list[Any]:
        """For each text a tensor [its places, hidden] in float32. Each text is read in one forward pass, whatever its places."""
        import torch

        found: list[Any] = [None] * len(texts)
        try:
            with torch.inference_mode():
                for batch in _batches(texts):
                    for index, states in zip(batch, self._read([texts[index] for index in batch]), strict=True):
                        found[index] = states
        except (RuntimeError, MemoryError) as error:
            told = out_of_memory(error)
            if told is None:
                raise
            raise told from None
        return found

    def states_and_logprobs(self, text: Text, output: Any) -> tuple[Any, Any]:
        """Of one text the states [tokens, hidden] (of the layer), and its tokens' log-probabilities [tokens], 0 for the first.

        `output` is the model's output embedding; where it is None there are no log-probabilities.
        """
        import torch

        with torch.inference_mode():
            ids = torch.tensor([text.tokens], device=self.backbone.device)
            inner = self.layer != -1
            out = self.backbone(input_ids=ids, use_cache=False, output_hidden_states=inner)
            final = out.last_hidden_state[0]
            states = (out.hidden_states[self.layer][0] if inner else final).float()
            if output is None:
                return states, None
            told = torch.zeros(ids.shape[1], device=ids.device)
            for first in range(0, ids.shape[1] - 1, LOGITS_TOGETHER):
                last = min(first + LOGITS_TOGETHER, ids.shape[1] - 1)
                logits = output(final[first:last]).float()
                chosen = logits.gather(1, ids[0, first + 1 : last + 1, None])[:, 0]
                told[first + 1 : last + 1] = chosen - torch.logsumexp(logits, -1)
            return states, told

    def _read(self, texts: Sequence[Text]) -> Iterator[Any]:
        import torch

        longest, device = max(len(text.tokens) for text in texts), self.backbone.device
        ids = torch.zeros((len(texts), longest), dtype=torch.long)
        mask = torch.zeros((len(texts), longest), dtype=torch.long)
        for row, text in enumerate(texts):
            ids[row, : len(text.tokens)] = torch.tensor(text.tokens)
            mask[row, : len(text.tokens)] = 1
        inner = self.layer != -1
        out = self.backbone(
            input_ids=ids.to(device), attention_mask=mask.to(device), use_cache=False, output_hidden_states=inner
        )
        states = out.hidden_states[self.layer] if inner else out.last_hidden_state
        for row, text in enumerate(texts):
            yield states[row, list(text.places)].float()


def _batches(texts: Sequence[Text]) -> Iterator[list[int]]:
    """Places of the texts, those of like length together, as many as may be read at once."""
    batch: list[int] = []
    for index in sorted(range(len(texts)), key=lambda index: len(texts[index].tokens), reverse=True):
        if batch and len(texts[batch[0]].tokens) * (len(batch) + 1) > TOKENS_TOGETHER:
            yield batch
            batch = []
        batch.append(index)
    if batch:
        yield batch
