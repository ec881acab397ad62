"""Which findings of the literature are asked of which runs, and what they say.

Everything that can be asked of what was recorded is asked, and all of it is told: no claim is picked out by its verdict.
`docs/explanation/claims.md` says what each means and what was fixed beforehand.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any

from outlay.study.analysis import FEWEST_QUESTIONS
from outlay.study.claim import Asked, Claim
from outlay.study.claims_between import between_sizes, recall_gains_least
from outlay.study.claims_chains import chaining, real_chains
from outlay.study.claims_difficulty import by_level, telling_difficulty
from outlay.study.claims_exchange import exchanging, over_tasks
from outlay.study.claims_ladder import climbing, joint_part
from outlay.study.claims_policies import deciding
from outlay.study.claims_revising import revising, splits_part
from outlay.study.claims_search import searching
from outlay.study.claims_weak import between_strengths, trained, training_part, weakly
from outlay.study.claims_within import within
from outlay.study.evidence import Evidence, evidence_of_samples
from outlay.study.pools import Chains, Pool
from outlay.study.rescoring import rescored_part
from outlay.study.rising import stops_rising
from outlay.study.runs import Recorded
from outlay.study.settings import Settings
from outlay.study.telling import told_apart

log = logging.getLogger(__name__)


def with_claims(
    summary: Mapping[str, Any], found: Sequence[Recorded], settings: Settings, pools: Sequence[Pool | Chains] = ()
) -> dict[str, Any]:
    """The summary with `claims` and `rising`; its groups get `splits` of revisions, and other `verifiers`, where there are any.

    Where every finding is asked, `joint` and `training` are there too, and `pools`, samples from files, are asked as well.
    """
    began = time.monotonic()
    evidences = [Evidence(one, settings) for one in found if told_apart(one.pool) and one.pool.size > 1]
    parts = {(one.found.pool.task, one.found.pool.model): _parts(one) for one in evidences}
    groups = [{**group, **parts.get((group["task"], group["model"]), {})} for group in summary["groups"]]
    claims = [claim for one in evidences for claim in (*within(one), *revising(one), *between_sizes(one))]
    claims += recall_gains_least(evidences)
    more: dict[str, Any] = {}
    if settings.every_finding:
        claims += every_other(evidences, {(group["task"], group["model"]): group for group in groups})
        claims += of_samples(pools, settings, {(group["task"], group["model"]): group for group in groups})
        more = {"joint": joint_part(evidences), "training": training_part(evidences)}
    order = list(dict.fromkeys(claim.finding for claim in claims))
    claims.sort(key=lambda claim: (claim.finding.number, order.index(claim.finding)))
    rising = [told for one in evidences if (told := stops_rising(one)) is not None]
    log.info("%d claims asked: %.1f s", len(claims), time.monotonic() - began)
    return {**summary, "groups": groups, "claims": [claim.as_dict() for claim in claims], "rising": rising, **more}


def of_samples(
    pools: Sequence[Pool | Chains], settings: Settings, groups: Mapping[tuple[str, str], Mapping[str, Any]]
) -> list[Claim]:
    """What samples and chains from files allow to ask: no runs of searches are there, and no FLOPs."""
    claims: list[Claim] = []
    for pool in pools:
        if isinstance(pool, Chains):
            asked = Asked(pool.task, pool.model, settings)
            claims += [*real_chains(pool, asked), *by_level(asked, pool.levels, pool.correct[:, :, 0].mean(axis=1))]
            continue
        evidence = evidence_of_samples(pool, settings)
        if evidence is not None and len(pool.questions) >= FEWEST_QUESTIONS:
            claims += [*within(evidence), *telling_difficulty(evidence)]
            claims += deciding(evidence, groups[pool.task, pool.model])
    return claims


def every_other(evidences: Sequence[Evidence], groups: Mapping[tuple[str, str], Mapping[str, Any]]) -> list[Claim]:
    """The claims beyond the first nine findings; `groups` are the summary's, by task and model."""
    claims: list[Claim] = []
    for one in evidences:
        group = groups[one.found.pool.task, one.found.pool.model]
        claims += [*searching(one), *telling_difficulty(one), *deciding(one, group), *chaining(one)]
        claims += [*exchanging(one), *weakly(one)]
    return [
        *claims,
        *over_tasks(evidences),
        *climbing(evidences),
        *trained(evidences),
        *between_strengths(evidences),
    ]


def _parts(evidence: Evidence) -> dict[str, Any]:
    """What claims rest on and no other part of the group shows."""
    splits = splits_part(evidence)
    weak = rescored_part(evidence.found.rescored, evidence.bins, evidence.settings)
    return {**({"splits": splits} if splits else {}), **({"verifiers": weak} if weak else {})}
