"""Reading prompts: what of them was read or written before is taken from memory, the rest is read together.

Prompts of which a like number of tokens is new are read in one pass, padded on the left, and laid into one batch. The result is
that of reading them whole, but for the last bits. Only plain attention can be gone on from at any place: a model of another kind
(states that cannot be cut, positions that turn with the length) is read whole each time, and so is a text beyond a sliding window.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from outlay.models.hf.memory import Memory, States

PLAIN, SLIDING = "DynamicLayer", "DynamicSlidingWindowLayer"
"""Kinds of layers in transformers' caches whose states stand by token."""
TURNING = ("dynamic", "longrope")
"""Rotary embeddings whose angles depend on how long the text is."""


@dataclass(slots=True)
class Read:
    """Prompts that have been read: `logits` [P, V] behind each, the `cache` of their keys and values, `mask` [P, longest] of which
    places hold a token, and how many tokens were read for each."""

    logits: Any
    cache: Any
    mask: Any
    counts: list[int]

    def select(self, rows: Any) -> None:
        """Keep these rows alone, in this order."""
        self.logits, self.mask = self.logits[rows], self.mask[rows]
        self.cache.batch_select_indices(rows)


class Prefill:
    """Reads with one causal model. `padding` is the token that fills up; with a `memory` of 0 bytes nothing is remembered."""

    def __init__(self, model: Any, padding: int, memory: Memory) -> None:
        self.model, self.memory, self._padding = model, memory, padding
        named = "cache" in inspect.signature(model.forward).parameters  # until 5.24 it was called past_key_values
        self.cache_name = "cache" if named else "past_key_values"
        self._window = _window(model) if memory.limit else 0

    @property
    def remembers(self) -> bool:
        """Whether anything can be gone on from."""
        return self._window > 0

    def read(self, prompts: Sequence[tuple[int, ...]]) -> Read:
        """Read the prompts, and remember them."""
        if max(map(len, prompts)) >= self._window:
            found = self._together(prompts, max(map(len, prompts)))
        else:
            new = [max(len(tokens) - self.memory.known(tokens), 1) for tokens in prompts]
            groups = _alike(new)
            parts = [
                self._together([prompts[row] for row in group], max(new[row] for row in group)) for group in groups
            ]
            found = parts[0] if len(parts) == 1 else self._beside(parts, [row for group in groups for row in group])
            for row, tokens in enumerate(prompts):
                self.keep(tokens, found.cache, row)
        self.memory.counters.read += sum(found.counts)
        self.memory.counters.reused += sum(map(len, prompts)) - sum(found.counts)
        return found

    def keep(self, tokens: Sequence[int], cache: Any, row: int) -> None:
        """Remember the states of `tokens`, the last ones that stand in this row of the cache."""
        if cache.get_seq_length() >= self._window:
            return
        layers = cache.layers
        if any(layer.keys is None or layer.keys.shape[1:] != layers[0].keys.shape[1:] for layer in layers):
            return  # layers that share their states, or differ

        def states(start: int, end: int) -> States:
            import torch

            behind = layers[0].keys.shape[-2] - len(tokens)
            here = slice(behind + start, behind + end)
            return (
                torch.stack([layer.keys[row, :, here] for layer in layers]),
                torch.stack([layer.values[row, :, here] for layer in layers]),
            )

        self.memory.keep(tokens, states)

    def _together(self, prompts: Sequence[tuple[int, ...]], new: int) -> Read:
        """One pass over the last `new` tokens of each prompt; what stands before them has to be known."""
        import torch
        from transformers import DynamicCache

        longest, device = max(map(len, prompts)), self.model.device
        ids = torch.full((len(prompts), longest), self._padding)
        mask = torch.zeros((len(prompts), longest), dtype=torch.long)
        for row, tokens in enumerate(prompts):
            ids[row, longest - len(tokens) :] = torch.tensor(tokens)
            mask[row, longest - len(tokens) :] = 1
        ids, mask = ids.to(device), mask.to(device)
        cache = DynamicCache(config=self.model.config)
        before = longest - new
        if before:
            for layer, (keys, values) in enumerate(zip(*self._laid(prompts, before, new), strict=True)):
                cache.update(keys, values, layer)
        out = self.model(
            input_ids=ids[:, before:],
            attention_mask=mask,
            position_ids=(mask.cumsum(1) - 1).clamp_min(0)[:, before:],
            use_cache=True,
            logits_to_keep=1,
            **{self.cache_name: cache},
        )
        return Read(out.logits[:, -1].float(), cache, mask, [min(len(tokens), new) for tokens in prompts])

    def _laid(self, prompts: Sequence[tuple[int, ...]], before: int, new: int) -> States:
        """What is known of each prompt but its last `new` tokens, as a batch [layers, P, heads, before, width], zeros first."""
        known = {row: self.memory.take(tokens[:-new]) for row, tokens in enumerate(prompts) if len(tokens) > new}
        shapes = next(iter(known.values()))[0]
        keys, values = (
            one.new_zeros((one.shape[0], len(prompts), one.shape[1], before, one.shape[3])) for one in shapes
        )
        for row, stretches in known.items():
            place = before - (len(prompts[row]) - new)
            for one_keys, one_values in stretches:
                end = place + one_keys.shape[2]
                keys[:, row, :, place:end], values[:, row, :, place:end] = one_keys, one_values
                place = end
        return keys, values

    def _beside(self, parts: Sequence[Read], order: Sequence[int]) -> Read:
        """Several passes as one batch; `order` says which prompt each of their rows is."""
        import torch
        from transformers import DynamicCache

        longest = max(part.mask.shape[1] for part in parts)
        place = torch.tensor(order, device=parts[0].logits.device).argsort()

        def level(one: Any, part: Read) -> Any:
            return torch.nn.functional.pad(one, (0, 0, longest - part.mask.shape[1], 0))

        cache = DynamicCache(config=self.model.config)
        for layer in range(len(parts[0].cache.layers)):
            keys, values = (
                torch.cat([level(getattr(part.cache.layers[layer], name), part) for part in parts])[place]
                for name in ("keys", "values")
            )
            cache.update(keys, values, layer)
        masks = [torch.nn.functional.pad(part.mask, (longest - part.mask.shape[1], 0)) for part in parts]
        counts = dict(zip(order, [count for part in parts for count in part.counts], strict=True))
        logits = torch.cat([part.logits for part in parts])[place]
        return Read(logits, cache, torch.cat(masks)[place], [counts[row] for row in range(len(order))])


def _alike(new: Sequence[int]) -> list[list[int]]:
    """Places of prompts in groups: in each, no number of new tokens is more than twice another."""
    groups: dict[int, list[int]] = {}
    for row, count in enumerate(new):
        groups.setdefault(count.bit_length(), []).append(row)
    return list(groups.values())


def _window(model: Any) -> int:
    """The length below which a text's states can be cut at any place; 0 where they cannot be."""
    from transformers import DynamicCache

    config = model.config.get_text_config(decoder=True)
    told = getattr(config, "rope_parameters", None) or getattr(config, "rope_scaling", None) or {}
    ropes = [told, *(one for one in told.values() if isinstance(one, dict))]
    if any(rope.get("rope_type", rope.get("type")) in TURNING for rope in ropes):
        return 0
    layers = DynamicCache(config=model.config).layers
    if any(type(layer).__name__ not in (PLAIN, SLIDING) for layer in layers):
        return 0
    return min((int(layer.sliding_window) for layer in layers if type(layer).__name__ == SLIDING), default=1 << 62)
