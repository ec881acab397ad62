"""From a summary to one HTML file.

The page carries all it needs (drawing library, style, data, and the files that its links save) and asks for nothing: its
content security policy forbids every request, and lets only the scripts written here run, by their hashes. Text from the
summary (task and model names, warnings) is escaped wherever it goes, also inside the data blocks.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import itertools
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from importlib import resources
from pathlib import Path
from typing import Any

from outlay.errors import UserError
from outlay.report.claims import claims_in_short, claims_section
from outlay.report.closing import general_limits, limits_of
from outlay.report.exchanging import exchange_chapter
from outlay.report.opening import WORDS, asked, at_a_glance, exchange_at_a_glance, findings, going_at_a_glance, warned
from outlay.report.parts import Figure
from outlay.report.reading import texts
from outlay.report.story import comparison_section, groups_of, run_section
from outlay.report.training import training_section
from outlay.traces.files import write_text_whole

_SCRIPTS = ("assets/d3.min.js", "assets/plot.umd.min.js", "template/charts.js")
_MINUS = re.compile(r"(?<=[\s(])-(?=\d)")
_LICENCES = ("assets/d3.LICENSE.txt", "assets/plot.LICENSE.txt", "assets/BUNDLED-LICENSES.txt")


def write_report(summary: Mapping[str, Any], path: str | os.PathLike[str]) -> None:
    """Write the report of a summary to one HTML file that opens without a network.

    `summary` is what `summary.json` holds; any part of it may be absent, and the section that needs it is then left
    out. Raises `UserError` where the summary is malformed or the file cannot be written.

    >>> write_report(json.loads(Path("summary.json").read_text()), "report.html")  # doctest: +SKIP
    """
    write_text_whole(Path(path), render(summary))


def render(summary: Mapping[str, Any]) -> str:
    """The report's HTML as text."""
    import jinja2
    from markupsafe import Markup

    if not isinstance(summary, Mapping):
        raise UserError("A summary should be a JSON object with the key groups; pass the content of summary.json.")
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.globals["next_number"] = itertools.count(1).__next__
    environment.tests["figure"] = lambda block: isinstance(block, Figure)
    environment.filters["kept"] = kept_together
    environment.filters["data"] = lambda figure: Markup(embedded_json(figure_data(figure)))
    environment.filters["csv"] = lambda figure: _address("text/csv", as_csv(figure))
    environment.filters["json"] = lambda figure: _address("application/json", as_json(figure))
    scripts = [_read(name) for name in _SCRIPTS]
    groups, exchange, claims = groups_of(summary), exchange_chapter(summary), claims_section(summary)
    return environment.from_string(_read("template/page.html")).render(
        title=_title(summary),
        headline=str(summary.get("headline") or ""),
        sentences=texts(summary.get("sentences"), "sentences"),
        asked=asked(summary, groups, exchange),
        found=findings(groups, exchange),
        counted=claims_in_short(claims),
        glances=[
            table
            for table in (
                at_a_glance(summary, groups),
                going_at_a_glance(summary, groups),
                exchange_at_a_glance(summary),
            )
            if table is not None
        ],
        words=WORDS,
        warnings=warned(summary),
        run=run_section(summary),
        groups=groups,
        comparison=comparison_section(summary),
        exchange=exchange,
        training=training_section(summary),
        claims=claims,
        general_limits=general_limits(summary, exchange),
        limits=limits_of(groups, exchange),
        style=Markup(_read("template/page.css")),
        scripts=[Markup(script) for script in scripts],
        policy="; ".join(_security_policy(scripts)),
        licences="\n\n".join(_read(name) for name in _LICENCES),
    )


def kept_together(text: str) -> str:
    """The text with short equations (`N = 4`) kept on one line, and with true minus signs before numbers.

    >>> kept_together("N = 4, -0.3 points") == "N\\u00a0=\\u00a04, \u22120.3 points"
    True
    """
    return _MINUS.sub("\u2212", text.replace(" = ", "\u00a0=\u00a0"))


def as_csv(figure: Figure) -> str:
    """A figure's rows as CSV: the headings of its table, unrounded numbers, an empty cell where a value is absent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.heading for column in figure.columns])
    writer.writerows(
        [["" if (value := row.get(column.key)) is None else value for column in figure.columns] for row in figure.rows]
    )
    return text.getvalue()


def as_json(figure: Figure) -> str:
    """The same rows as JSON, an object a row, with what the figure says of itself."""
    rows = [{column.heading: row.get(column.key) for column in figure.columns} for row in figure.rows]
    return json.dumps(
        _finite({"title": figure.title, "finding": figure.finding, "rows": rows}), ensure_ascii=False, indent=1
    )


def _address(media_type: str, text: str) -> str:
    return f"data:{media_type};charset=utf-8;base64,{base64.b64encode(text.encode()).decode()}"


def figure_data(figure: Figure) -> dict[str, Any]:
    """What the drawing code gets: the figure's kind, rows, series, columns and options."""
    return {
        "id": figure.id,
        "kind": figure.kind,
        "title": figure.title,
        "columns": [asdict(column) for column in figure.columns],
        "rows": [dict(row) for row in figure.rows],
        "series": [asdict(series) for series in figure.series],
        "options": dict(figure.options),
    }


def embedded_json(value: Any) -> str:
    r"""JSON that is safe inside a script element: no `<`, `>` or `&`, and no number that JSON lacks.

    >>> embedded_json({"name": "</script>"})
    '{"name": "\\u003c/script\\u003e"}'
    """
    text = json.dumps(_finite(value), allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _title(summary: Mapping[str, Any]) -> str:
    return str(summary.get("title") or "What test-time compute buys")


def _read(name: str) -> str:
    return resources.files("outlay.report").joinpath(name).read_text(encoding="utf-8")


def _security_policy(scripts: list[str]) -> Iterator[str]:
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    yield "default-src 'none'"
    yield "style-src 'unsafe-inline'"
    yield "script-src " + " ".join(f"'sha256-{value}'" for value in hashes)
    yield "base-uri 'none'"
    yield "form-action 'none'"
