"""Write docs/reproduction.md, the paper claim by claim, and docs/reproduction.csv, every claim, from the summaries of studies.

    outlay run studies/snell2024.yaml --out runs/snell2024
    python docs/reproduction.py runs/snell2024/summary.json

Further summaries add their claims; `--topic` keeps to one topic, for a page of one study:

    python docs/reproduction.py runs/weak-verifiers/summary.json --topic "Weak verifiers" --page docs/weak-verifiers.md

Nothing on a page is typed by hand but the words of this file: figures, verdicts and sentences follow from the summaries,
which hold no date and no machine that the page would tell.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from reproduction_tables import tables_of

from outlay.cli.claims_table import figure_of
from outlay.study.catalogue import TOPICS
from outlay.study.claim import VERDICTS, Finding, counted

PAGE = Path(__file__).parent / "reproduction.md"
EVERY = PAGE.with_suffix(".csv")

FAMILIES = {
    "countdown": "search",
    "arithmetic": "arithmetic",
    "arithmetic-clean": "arithmetic",
    "halving": "revision",
    "knowledge": "knowledge",
    "programs": "programs",
}
"""What the tasks of the lab stand for; every other task is a pool of real samples."""

MOST_SHOWN = 12
"""Of a finding with more claims than this the page shows those that are decided; the file beside it holds them all."""

COLUMNS = ("search", "arithmetic", "revision", "knowledge", "programs", "real pools")

REAL_POOLS = (
    "outlay analyse SAMPLES... --findings --out runs/real-pools  # which samples, and from where: studies/README.md"
)
"""What makes the summary that is of no study: samples that others drew, which are no part of the repository."""

HEAD = """# {title}

Made by `docs/reproduction.py` from the summaries of studies; every figure is re-made by

```bash
{commands}
```

Each finding of Snell et al. ([arXiv 2408.03314](https://arxiv.org/abs/2408.03314)), of its appendices, and of what its reviewers
asked for, is asked of every family of the lab that allows it. It **holds** where the 95% interval of the difference lies wholly on
the claimed side, **does not hold** where it lies wholly on the other side, and **cannot be told** otherwise; the rules are fixed in
code ([explanation](explanation/claims.md)). All that were asked are counted here, and none was picked by its verdict: {count}.
[One file]({name}.csv) has every one of them. Each interval is at 95% by itself, so of claims about what does not differ
at all about one in twenty would be decided by chance. A verdict says something of these small models and these questions, and
by itself nothing for or against the paper.
"""

Claim = Mapping[str, Any]


def page(summaries: Sequence[Mapping[str, Any]], topic: str | None = None, name: str = PAGE.stem) -> str:
    """The whole page, or that of a topic."""
    topics = TOPICS if topic is None else {topic: TOPICS[topic]}
    known = {finding.name for findings in topics.values() for finding in findings}
    claims = [claim for summary in summaries for claim in summary.get("claims", ()) if claim["name"] in known]
    commands = [
        f"outlay run studies/{summary['study']}.yaml --out runs/{summary['study']}"
        for summary in summaries
        if "study" in summary
    ]
    commands += [REAL_POOLS] if any("study" not in summary for summary in summaries) else []
    made = " ".join(f"runs/{summary.get('study', 'real-pools')}/summary.json" for summary in summaries)
    of_one = f' --topic "{topic}" --page docs/{name}.md' if topic else ""
    title = f"{name.replace('-', ' ').capitalize()}, claim by claim" if topic else "The paper, claim by claim"
    commands.append(f"python docs/reproduction.py {made}{of_one}")
    parts = [HEAD.format(title=title, name=name, commands="\n".join(commands), count=counted(claims))]
    parts += ["## At a glance\n", "\n".join(glance(claims, topics))]
    for topic, findings in topics.items():
        parts.append(f"\n## {topic}")
        parts += tables_of(topic, summaries)
        parts += ["\n".join(told(finding, claims, f"{name}.csv")) for finding in findings]
    return "\n".join(parts) + "\n"


def glance(claims: Sequence[Claim], topics: Mapping[str, Sequence[Finding]] = TOPICS) -> Iterable[str]:
    """A row a finding, a column a family: how many of its claims hold, do not, and cannot be told."""
    yield "Of each finding and family: claims that hold / do not hold / cannot be told.\n"
    yield f"| finding | {' | '.join(COLUMNS)} |"
    yield f"|---|{'---|' * len(COLUMNS)}"
    for findings in topics.values():
        for finding in findings:
            mine = [claim for claim in claims if claim["name"] == finding.name]
            cells = [_cell([claim for claim in mine if _family(claim) == column]) for column in COLUMNS]
            yield f"| [{finding.says}](#{_anchor(finding)}) | {' | '.join(cells)} |"


def told(finding: Finding, claims: Sequence[Claim], every: str = EVERY.name) -> Iterable[str]:
    """The finding, what its authors report, a sentence of what came out here, and every claim."""
    mine = [claim for claim in claims if claim["name"] == finding.name]
    yield f'\n<a id="{_anchor(finding)}"></a>'
    yield f"### {finding.says[:1].upper()}{finding.says[1:]}\n"
    yield f"*In the paper* ({finding.source}): {finding.paper}\n"
    yield f"*Here*: {sentence(mine)}\n"
    shown = [claim for claim in mine if len(mine) <= MOST_SHOWN or claim["verdict"] != VERDICTS[2]]
    if shown:
        yield "| verdict | figure (95%) | family and model | what | on | questions that differ / all |"
        yield "|---|---|---|---|---|---|"
        yield from (_row(claim) for claim in shown)
    if len(shown) < len(mine):
        yield f"\nThe {len(mine) - len(shown)} that cannot be told are in [{every}]({every}), with their figures."


FIELDS = (
    "finding",
    "name",
    "verdict",
    "unit",
    "mean",
    "low",
    "high",
    "level",
    "margin",
    "task",
    "model",
    "subject",
    "on",
)
MORE = ("bins", "ahead", "behind", "questions", "differing", "note")


def every_claim(summaries: Sequence[Mapping[str, Any]], topic: str | None = None) -> str:
    """All claims as CSV, or those of a topic, a row each."""
    wanted = [finding.name for name, findings in TOPICS.items() if topic in (None, name) for finding in findings]
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow((*FIELDS, *MORE))
    claims = (claim for summary in summaries for claim in summary.get("claims", ()) if claim["name"] in wanted)
    for claim in claims:
        told = {**claim, **claim["difference"]}
        rows.writerow(["" if told[name] is None else told[name] for name in (*FIELDS, *MORE)])
    return text.getvalue()


def sentence(claims: Sequence[Claim]) -> str:
    """Where it holds, where it does not, and where that cannot be told; in words.

    >>> sentence([])
    'nothing that was recorded allows to ask it.'
    """
    if not claims:
        return "nothing that was recorded allows to ask it."
    places: dict[str, list[str]] = {verdict: [] for verdict in VERDICTS}
    for task in dict.fromkeys(claim["task"] for claim in claims):
        counts = Counter(claim["verdict"] for claim in claims if claim["task"] == task)
        decided = [verdict for verdict in VERDICTS[:2] if counts[verdict]]
        for verdict in decided or ["cannot be told"]:
            of = f"{counts[verdict]} of {sum(counts.values())}" if verdict in decided else f"{counts[verdict]}"
            places[verdict].append(f"{task} ({of})")
    parts = [f"{verdict} on {_listed(tasks)}" for verdict, tasks in places.items() if tasks]
    return "; ".join(parts) + "."


def _row(claim: Claim) -> str:
    what = (
        f"{claim['ahead']}, less {claim['behind']}"
        if claim["unit"] == "points"
        else f"{claim['behind']} / {claim['ahead']}"
    )
    cells = (
        claim["verdict"],
        figure_of(claim) + (" points" if claim["unit"] == "points" else ""),
        f"{claim['task']}, {claim['model'].removeprefix('embedded:')}",
        ": ".join(part for part in (claim["subject"], what) if part),
        claim["on"] + (f" ({claim['note']})" if claim["note"] else ""),
        f"{claim['differing']} / {claim['questions']}",
    )
    return f"| {' | '.join(cell.replace('|', '/') for cell in cells)} |"


def _cell(claims: Sequence[Claim]) -> str:
    counts = Counter(claim["verdict"] for claim in claims)
    return " / ".join(str(counts[verdict]) for verdict in VERDICTS) if claims else ""


def _family(claim: Claim) -> str:
    return FAMILIES.get(claim["task"], COLUMNS[-1])


def _anchor(finding: Finding) -> str:
    return finding.name.replace("_", "-")


def _listed(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def main() -> None:
    """Read the summaries that the command line names and write the page; `--page FILE` writes it elsewhere."""
    arguments = argparse.ArgumentParser(description="Write docs/reproduction.md from the summaries of studies.")
    arguments.add_argument("summaries", nargs="+", type=Path, help="summary.json of a study, as `outlay run` writes it")
    arguments.add_argument("--page", type=Path, default=PAGE, help="the page that is written")
    arguments.add_argument("--topic", choices=list(TOPICS), help="only the findings of this topic")
    given = arguments.parse_args()
    summaries = [json.loads(path.read_text(encoding="utf-8")) for path in given.summaries]
    given.page.write_text(page(summaries, given.topic, given.page.stem), encoding="utf-8")
    given.page.with_suffix(".csv").write_text(every_claim(summaries, given.topic), encoding="utf-8")


if __name__ == "__main__":
    main()
