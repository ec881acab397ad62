from typing import Any

from rich.console import Console

from outlay.cli.claims_table import MOST_CLAIMS, claims_table, points, print_claims


def claim(**changes: Any) -> dict[str, Any]:
    return {
        "finding": 1,
        "claim": "search is ahead",
        "task": "sums",
        "model": "embedded:sums-small",
        "subject": "beam search M=4",
        "on": "all, N = 4",
        "difference": {"mean": 0.05, "low": 0.01, "high": 0.09},
        "verdict": "holds",
        "note": "",
        **changes,
    }


RISING = {
    "task": "sums",
    "model": "embedded:sums-small",
    "method": "best_of_n",
    "n": 4,
    "still": True,
    "doublings": [{"to": 4}],
}


def printed(*claims: dict[str, Any], width: int = 100) -> str:
    console = Console(width=width, record=True, file=None, force_terminal=False)
    with console.capture() as captured:
        print_claims(console, {"claims": list(claims), "rising": [RISING]})
    return captured.get()


def test_a_claim_is_a_line_under_its_finding() -> None:
    lines = printed(claim()).splitlines()
    place = lines.index("1. Search is ahead")
    assert lines[place + 1].split() == [
        "holds",
        "+5.0",
        "[+1.0,",
        "+9.0]",
        "sums,",
        "beam",
        "search",
        "M=4,",
        "all,",
        "N=4",
    ]


def test_all_claims_are_counted_and_what_cannot_be_told_is_one_line() -> None:
    told = printed(
        claim(),
        claim(verdict="does not hold"),
        claim(verdict="cannot be told", subject="beam search M=2"),
        claim(verdict="cannot be told", subject="beam search M=8"),
    )
    assert "4 claims: 1 holds, 1 does not, 2 cannot be told" in " ".join(told.split())
    assert ["cannot", "be", "told", "2", "of", "4", "sums"] in [line.split() for line in told.splitlines()]
    assert "M=2" not in told
    assert "- sums: best-of-N still gains by the last doubling, to N = 4." in told


def test_models_that_share_a_task_are_named() -> None:
    told = printed(claim(), claim(model="embedded:sums-reviser"))
    assert "sums-small, beam search" in told
    assert "sums-reviser, beam search" in told
    assert "- sums-small: best-of-N still gains" in told


def test_a_long_line_folds_behind_its_verdict() -> None:
    console = Console(width=60)
    with console.capture() as captured:
        console.print(claims_table([claim(subject="beam search M=2, distinct, T=0.8 by a-verifier-with-a-long-name")]))
    first, *rest = captured.get().splitlines()
    assert first.startswith("holds")
    assert rest and all(line.startswith(" " * 35) for line in rest)


def test_a_difference_of_nothing_has_no_sign_of_less() -> None:
    assert points({"mean": -0.00001, "low": -0.00002, "high": 0.0}) == "+0.0 [+0.0, +0.0]"


def test_of_very_many_claims_each_finding_is_counted() -> None:
    many = [claim()] * MOST_CLAIMS + [
        claim(verdict="does not hold", claim="votes are ahead"),
        claim(verdict="cannot be told"),
    ]
    lines = [" ".join(line.split()) for line in printed(*many).splitlines()]
    assert f"{MOST_CLAIMS} 0 0 Search is ahead" in lines
    assert "0 1 0 Votes are ahead" in lines
    assert "1. Search is ahead" not in lines
    assert f"{MOST_CLAIMS + 2} claims: {MOST_CLAIMS} hold, 1 does not, 1 cannot be told" in " ".join(lines)


def test_a_ratio_is_no_difference_in_points() -> None:
    ratio = claim(unit="times", difference={"mean": 2.04, "low": 1.3, "high": None})
    assert "2.0x [1.3, inf]" in printed(ratio)
    assert "204" not in printed(ratio)
