"""What the shell offers for an option whose values are known: tasks, models, verifiers, lab families.

Each function gets what has been typed so far and imports what it needs when it is called. bash takes a colon for the end of a
word, which breaks addresses such as `embedded:countdown-small` apart; `mend_words` puts them together again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, MutableMapping

COMPLETE_VARIABLE = "_OUTLAY_COMPLETE"
DROPPED_VARIABLE = "_OUTLAY_DROPPED"
SHELLS = ("bash", "zsh", "fish", "powershell", "pwsh")


def tasks(incomplete: str) -> list[str]:
    """Tasks by name."""
    from outlay.tasks import registered

    return offered(registered(), incomplete)


def models(incomplete: str) -> list[str]:
    """Addresses of the shipped models that draw solutions, and the other backends' names with their colon."""
    from outlay.models import registered

    backends = (f"{name}:" for name in registered() if name != "embedded")
    return offered([*embedded(verifying=False), *backends], incomplete)


def verifiers(incomplete: str) -> list[str]:
    """Addresses of the shipped verifiers, and the other verifiers' names, with a colon where something has to follow."""
    from outlay.verifiers import ALONE, registered

    others = (name if name in ALONE else f"{name}:" for name in registered() if name != "embedded")
    return offered([*embedded(verifying=True), *others], incomplete)


def aggregations(incomplete: str) -> list[str]:
    """Rules that make one score of step scores."""
    from outlay.selection import AGGREGATIONS

    return offered(AGGREGATIONS, incomplete)


def families(incomplete: str) -> list[str]:
    """Families of the lab."""
    from outlay.lab.recipes import FAMILIES

    return offered(FAMILIES, incomplete)


def lab_models(incomplete: str) -> list[str]:
    """Models that the lab can train."""
    from outlay.lab.recipes import MODEL_NAMES

    return offered(MODEL_NAMES, incomplete)


def embedded(*, verifying: bool) -> list[str]:
    """Addresses of the shipped models of one kind, told by the role in their records."""
    import json
    from importlib.resources import files

    weights = files("outlay") / "lab" / "weights"
    records = [folder / "outlay.json" for folder in weights.iterdir() if (folder / "outlay.json").is_file()]
    roles = {told["name"]: told["role"] for told in (json.loads(record.read_text("utf-8")) for record in records)}
    return sorted(f"embedded:{name}" for name, role in roles.items() if (role != "policy") == verifying)


def offered(values: Iterable[str], incomplete: str) -> list[str]:
    """The values that go on from what was typed; without what bash keeps before the last colon."""
    dropped = os.environ.get(DROPPED_VARIABLE, "")
    typed = dropped + incomplete
    return [value[len(dropped) :] for value in values if value.startswith(typed)]


def mend_words(environment: MutableMapping[str, str]) -> None:
    """Where bash asks, rejoin the words that it broke at colons, and note what of the last one it will keep by itself."""
    if environment.get(COMPLETE_VARIABLE) != "complete_bash":
        return
    words = environment.get("COMP_WORDS", "").split("\n")
    whole, kept, typed = joined_at_colons(words[: int(environment.get("COMP_CWORD", 0)) + 1])
    environment["COMP_WORDS"] = "\n".join([*whole, typed])
    environment["COMP_CWORD"] = str(len(whole))
    environment[DROPPED_VARIABLE] = kept


def joined_at_colons(words: list[str]) -> tuple[list[str], str, str]:
    """Words that were broken at colons, whole again: all but the last; what the shell keeps of the last; the rest of it.

    >>> joined_at_colons(["outlay", "doctor", "--model", "embedded", ":", "cou"])
    (['outlay', 'doctor', '--model'], 'embedded:', 'cou')
    >>> joined_at_colons(["outlay", "doctor", "--model", "embedded:cou"])
    (['outlay', 'doctor', '--model'], '', 'embedded:cou')
    """
    whole: list[str] = []
    kept = ""
    for place, word in enumerate(words):
        follows = place > 0 and word != "" and (word.startswith(":") or words[place - 1].endswith(":"))
        kept = whole.pop() if follows else ""
        whole.append(kept + word)
    typed = "" if words[-1] == ":" else words[-1]
    return whole[:-1], whole[-1].removesuffix(typed), typed
