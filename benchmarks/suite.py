"""Which measurements are taken, how much work each does, and the tables they make."""

from __future__ import annotations

from typing import Any

from benchmarks import driver, engine, engine_parts, estimators, llama_cpp, searches, startup, torch_loop
from benchmarks.measuring import Rate, in_a_process
from benchmarks.tables import Results, Table, Target

SEQUENCES = {"small": 2048, "large": 512}
SCANNED = 512
LEAST_RATIO, MOST_OVERHEAD, MOST_IMPORTS, MOST_SECONDS, MOST_MIB = 3.0, 0.10, 4.0, 20.0, 1024.0
HEADINGS = ("what", "tokens / CPU second", "tokens / second", "engine is", "peak MiB")


def everything(results: Results, quick: bool) -> None:
    """Take every measurement; a quick run does a quarter of the work, or less, and tries few settings."""
    for size in SEQUENCES:
        engines(results, size, quick)
    slot_counts(results, quick)
    breakdown(results, quick)
    drivers(results, quick)
    searches.in_lock_step(results, quick)
    searches.beside_peers(results, quick)
    startups(results, 3 if quick else 11)
    estimates(results, quick)


def engines(results: Results, size: str, quick: bool) -> None:
    """The engine beside everything else that runs the same weights."""
    work = {
        "model": f"countdown-{size}",
        "sequences": SEQUENCES[size] // (4 if quick else 1),
        "repeats": 1 if quick else 3,
    }
    own = in_a_process(engine.generating, **work)
    llama = llama_rows(work, quick)
    rows = {
        "the machine's matrix products at these shapes, nothing else": in_a_process(engine.matrix_products, **work),
        "**engine, generating**": own,
        "engine, reading whole solutions (scoring)": in_a_process(engine.reading, **work),
        **llama,
        "plain torch loop with a key-value cache": in_a_process(torch_loop.plain_loop, **work),
        "transformers `generate()`": in_a_process(torch_loop.transformers_generate, **work),
    }
    rate = _rate(own).per_cpu_second
    results.add(
        size,
        Table(
            f"countdown-{size}, {own['tokens']:,} tokens, 256 sequences in flight, float32, one thread",
            HEADINGS,
            tuple(_engine_row(name, row, rate) for name, row in rows.items()),
        ),
        *(_against(name, row, rate) for name, row in llama.items() if size == "small"),
    )


INSIDE = {"countdown-small": 2048, "arithmetic-large": 1024}
"""Models whose engine is looked into, and how many sequences each writes."""
SLOTS = (16, 64, 128, 256, 512)
LEAST_OF_PRODUCTS = 0.6


def slot_counts(results: Results, quick: bool) -> None:
    """The engine with more and fewer sequences in flight, beside the matrix products alone, and the memory they take."""
    rows, targets = [], []
    for model, sequences in INSIDE.items():
        work = {"model": model, "sequences": sequences // (4 if quick else 1), "repeats": 1 if quick else 3}
        products = _rate(in_a_process(engine.matrix_products, **work)).per_cpu_second
        shares = {}
        for slots in SLOTS[2:4] if quick else SLOTS:
            rate = _rate(in_a_process(engine.generating, **work, slots=slots)).per_cpu_second
            state = in_a_process(engine.state, model=model, sequences=work["sequences"], slots=slots)
            shares[slots] = rate / products
            cells = (
                f"{rate:,.0f}",
                f"{shares[slots]:.2f}",
                f"{state['lanes_in_use']:.0%}",
                f"{state['bytes_a_slot']:,.0f}",
            )
            rows.append((f"{model}, {slots} in flight", *cells))
        if model.endswith("large"):
            best = max(shares.values())
            what = f"engine of the machine's matrix products, {model}"
            targets.append(Target(what, f">= {LEAST_OF_PRODUCTS:.0%}", f"{best:.0%}", best >= LEAST_OF_PRODUCTS))
    headings = ("what", "tokens / CPU second", "of the products", "lanes in use", "bytes a slot")
    results.add("slots", Table("Engine: sequences in flight", headings, tuple(rows)), *targets)


def breakdown(results: Results, quick: bool) -> None:
    """Where the engine's time goes, 256 sequences in flight."""
    found = {
        model: in_a_process(engine_parts.parts, model=model, sequences=sequences // (4 if quick else 1), slots=256)
        for model, sequences in INSIDE.items()
    }
    names = sorted({name for one in found.values() for name in one["seconds"]})
    table = {name: [one["seconds"].get(name, 0.0) / one["tokens"] * 1e6 for one in found.values()] for name in names}
    whole = [sum(column) for column in zip(*table.values(), strict=True)]
    rows = [
        (name, *(f"{each:.2f} ({each / total:.0%})" for each, total in zip(times, whole, strict=True)))
        for name, times in sorted(table.items(), key=lambda row: -row[1][0])
    ]
    headings = ("part", *(f"{model}, microseconds a token" for model in found))
    results.add("parts", Table("Engine: where its time goes", headings, tuple(rows)))


def llama_rows(work: dict[str, Any], quick: bool) -> dict[str, dict[str, Any]]:
    """llama.cpp at the best of its settings in float32, the best with flash attention, and the best with 256 slots."""
    settings = [
        s for s in llama_cpp.SETTINGS if not quick or (s["slots"] == 32 and s["unified"] == s["flash_attention"])
    ]
    tried = []
    for setting in settings:
        found = in_a_process(
            llama_cpp.generating, **{**work, "sequences": SCANNED if not quick else 256, "repeats": 1}, setting=setting
        )
        if "missing" in found:
            return {"llama.cpp": found}
        tried.append((_rate(found).per_cpu_second, setting))
    kinds = {
        "llama.cpp, float32": [t for t in tried if not t[1]["flash_attention"]],
        "llama.cpp, flash attention": [t for t in tried if t[1]["flash_attention"]],
        "llama.cpp, 256 slots": [t for t in tried if t[1]["slots"] == 256],
    }
    return dict(_finalists(kind, candidates, work) for kind, candidates in kinds.items() if candidates)


def _finalists(
    kind: str, candidates: list[tuple[float, dict[str, Any]]], work: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The fastest of the three most promising settings, each on the whole work: a short trial alone may pick the wrong one."""
    promising = sorted(candidates, key=lambda one: one[0], reverse=True)[:3]
    whole = [(in_a_process(llama_cpp.generating, **work, setting=setting), setting) for _, setting in promising]
    found, setting = max(whole, key=lambda one: _rate(one[0]).per_cpu_second)
    return f"{kind} ({_said(setting)}; differs by {found['difference']:.0e})", found


def drivers(results: Results, quick: bool) -> None:
    """What driving strategies costs."""
    rows, targets = [], []
    for model, sequences in (("countdown-small", 1024), ("arithmetic-small", 1024), ("countdown-large", 512)):
        found = in_a_process(
            driver.overhead, model=model, sequences=sequences // (4 if quick else 1), repeats=2 if quick else 8
        )
        over = found["driver_seconds"] / found["engine_seconds"] - 1
        rows.append(
            (
                model,
                f"{found['tokens']:,}",
                f"{found['engine_seconds']:.2f}",
                f"{found['driver_seconds']:.2f}",
                f"{over:+.0%}",
                f"{(found['driver_seconds'] - found['engine_seconds']) / found['sequences'] * 1e6:.0f}",
                f"{found['peak_mib']:,.0f}",
            )
        )
        targets.append(
            Target(f"driver over bare engine, {model}", f"< {MOST_OVERHEAD:.0%}", f"{over:.0%}", over < MOST_OVERHEAD)
        )
    headings = (
        "model",
        "tokens",
        "engine, CPU seconds",
        "driver, CPU seconds",
        "overhead",
        "microseconds a solution",
        "peak MiB",
    )
    results.add(
        "driver",
        Table(
            "Driver: majority of 16 through `BatchingDriver`, beside the same jobs on the engine", headings, tuple(rows)
        ),
        *targets,
    )


def startups(results: Results, repeats: int) -> None:
    """How fast the command starts."""
    found = in_a_process(startup.seconds, repeats=repeats)
    numpy = found['python -c "import numpy"']
    rows = tuple(
        (
            f"`{name}`",
            f"{found[name]['wall']:.3f}",
            f"{found[name]['cpu']:.3f}",
            f"{found[name]['wall'] / numpy['wall']:.2f} x",
            f"{found[name]['peak_mib']:,.0f}",
        )
        for name in startup.COMMANDS
    )
    ratio = found["outlay --help"]["wall"] / numpy["wall"]
    results.add(
        "startup",
        Table(
            "Start of a process (median)", ("command", "seconds", "CPU seconds", "of numpy's import", "peak MiB"), rows
        ),
        Target("`outlay --help` over `import numpy`", f"< {MOST_IMPORTS:g} x", f"{ratio:.1f} x", ratio < MOST_IMPORTS),
    )


def estimates(results: Results, quick: bool) -> None:
    """The estimators on large pools."""
    rows, total, largest = [], 0.0, 0.0
    for number, row in enumerate(estimators.ROWS):
        found = in_a_process(estimators.measure, number=number, quick=quick)
        total += found["cpu_seconds"] * row.counted
        largest = max(largest, found["beyond_import_mib"])
        rows.append(
            (
                row.name,
                f"{found['questions']:,} x {row.samples}",
                f"{found['cpu_seconds']:.2f}",
                f"{found['beyond_import_mib']:,.0f}",
            )
        )
    results.add(
        "estimators",
        Table("Estimators", ("what", "questions x samples", "CPU seconds", "peak MiB beyond the import"), tuple(rows)),
        Target(
            "estimators on 10,000 x 256 together",
            f"< {MOST_SECONDS:g} s",
            f"{total:.1f} s",
            None if quick else total < MOST_SECONDS,
        ),
        Target(
            "estimators, largest peak", "< 1 GiB", f"{largest / 1024:.2f} GiB", None if quick else largest < MOST_MIB
        ),
    )


def _rate(found: dict[str, Any]) -> Rate:
    return Rate(found["tokens"], found["cpu_seconds"], found["wall_seconds"])


def _engine_row(name: str, found: dict[str, Any], engine_rate: float) -> tuple[str, ...]:
    if "missing" in found:
        return name, f"left out: {found['missing']} is not installed", "", "", ""
    rate = _rate(found)
    times = f"{engine_rate / rate.per_cpu_second:.2f} x"
    return name, f"{rate.per_cpu_second:,.0f}", f"{rate.per_second:,.0f}", times, f"{found['peak_mib']:,.0f}"


def _against(name: str, found: dict[str, Any], engine_rate: float) -> Target:
    what = f"engine over {name.partition(' (')[0]}, small models"
    if "missing" in found:
        return Target(what, f">= {LEAST_RATIO:g} x", "-", None)
    ratio = engine_rate / _rate(found).per_cpu_second
    return Target(what, f">= {LEAST_RATIO:g} x", f"{ratio:.2f} x", ratio >= LEAST_RATIO)


def _said(setting: dict[str, Any]) -> str:
    cache = "one cache" if setting["unified"] else "a cache a slot"
    flash = "flash attention" if setting["flash_attention"] else "no flash attention"
    return f"{setting['slots']} slots, {cache}, {flash}"
