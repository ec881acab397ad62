"""`outlay run STUDY.yaml --total-budget B`: one budget for all the questions of a study, spent by a policy."""

from __future__ import annotations

import json
import logging
from pathlib import Path

from outlay.errors import UserError

log = logging.getLogger(__name__)


def run_with_total(
    study: Path, out: Path | None, total: int, policy: Path | None, seed: int | None, as_json: bool
) -> None:
    """Ask a study's questions with `total` generations in all; what came of it is printed, and the runs stay in `out`."""
    from rich.console import Console
    from rich.progress import Progress

    from outlay.policies import Policy
    from outlay.study.batch import check_batch, run_batch
    from outlay.study.study import check_addresses, load_study

    if policy is None:
        raise UserError(
            "--total-budget is spent by a policy: name its file with --policy; `outlay calibrate TRACES --policy sequential "
            "--budget B` writes one."
        )
    loaded = load_study(study)
    if seed is not None:
        loaded = loaded.model_copy(update={"seed": seed})
    batch = check_batch(loaded, Policy.load(policy), total)
    check_addresses(loaded)
    folder = out or Path("runs") / f"{loaded.name}-batch"
    console = Console(stderr=as_json)
    with Progress(console=console) as bars:
        bar = bars.add_task("generations", total=total)
        found = run_batch(batch, folder, lambda done, spent: bars.update(bar, completed=spent))
    if as_json:
        print(json.dumps(found, allow_nan=False))
        return
    each = found["generations_a_question"]
    console.print(
        f"{found['questions']} questions, {found['generations']:g} of {total} generations: {each['mean']:.1f} a question (median "
        f"{each['median']:g}, most {each['most']:g}).",
        markup=False,
    )
    if "accuracy" in found:
        right = found["accuracy"]
        console.print(
            f"Right: {100 * right['mean']:.1f}% ({100 * right['low']:.1f} to {100 * right['high']:.1f}).", markup=False
        )
    console.print(f"Written: {folder}", markup=False)
