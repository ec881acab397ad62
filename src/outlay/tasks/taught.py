"""A table of questions that models were trained on, so that a task asks none of them when it measures.

A Bloom filter (Bloom 1970): three bits of the table for every question that was taught. A question whose three bits are all
set counts as taught. Every taught one does; of the others, about one in fifteen does as well and is passed over for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from importlib.resources import files

ADDRESS_BITS = 21
"""The table has 2 ** 21 bits: 256 KiB, two in five of them set by the 360,000 forms of arithmetic."""
PROBES = 3


@dataclass(frozen=True, slots=True)
class Taught:
    """The questions in a table; `form in taught` asks for one by the form in which questions are compared.

    >>> "(2+3)" in Taught.of(["(2+3)"])
    True
    >>> "(2+3)" in Taught.of([])
    False
    """

    table: bytes

    @classmethod
    def of(cls, forms: Iterable[str]) -> Taught:
        """The table of these forms."""
        table = bytearray(2**ADDRESS_BITS // 8)
        for form in forms:
            for place in _places(form):
                table[place // 8] |= 1 << place % 8
        return cls(bytes(table))

    def __contains__(self, form: str) -> bool:
        """Whether the form was taught, or shares its three bits with others that were."""
        return all(self.table[place // 8] >> place % 8 & 1 for place in _places(form))


@cache
def shipped(name: str) -> Taught:
    """The table that ships as `<name>_taught.bits`."""
    return Taught((files("outlay") / "tasks" / f"{name}_taught.bits").read_bytes())


def _places(form: str) -> list[int]:
    digest = int.from_bytes(blake2b(form.encode(), digest_size=8, person=b"taught").digest(), "big")
    return [digest >> ADDRESS_BITS * probe & 2**ADDRESS_BITS - 1 for probe in range(PROBES)]
