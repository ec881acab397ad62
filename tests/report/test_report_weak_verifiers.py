from outlay.report.parts import Figure, Table
from outlay.report.verifying import verifier_section
from outlay.report.weak_verifiers import weak_verifiers


def curve(*means: float) -> dict[str, list[float]]:
    return {"n": [1, 4, 16], "mean": list(means), "low": [m - 0.02 for m in means], "high": [m + 0.02 for m in means]}


GROUP = {
    "curves": {"best_of_n": curve(0.4, 0.6, 0.7)},
    "verifier": {"name": "embedded:prm", "auc_within_question": {"mean": 0.9, "low": 0.88, "high": 0.92}},
    "verifiers": [
        {
            "name": "embedded:prm-weak",
            "auc_within_question": {"mean": 0.6, "low": 0.55, "high": 0.65},
            "curves": {"best_of_n": curve(0.4, 0.5, 0.3)},
        }
    ],
}


def test_every_verifier_is_a_line_and_a_row_the_own_one_first() -> None:
    figure, table = weak_verifiers(GROUP, "g", "g0")
    assert isinstance(figure, Figure) and isinstance(table, Table)
    assert [series.label for series in figure.series] == ["prm", "prm-weak"]
    assert table.rows == (
        ("prm", "0.90 (0.88 to 0.92)", "70.0% (68.0 to 72.0) at N = 16", "70.0% (68.0 to 72.0) at N = 16"),
        ("prm-weak", "0.60 (0.55 to 0.65)", "50.0% (48.0 to 52.0) at N = 4", "30.0% (28.0 to 32.0) at N = 16"),
    )


def test_they_stand_with_the_verifier() -> None:
    section = verifier_section(GROUP, "g", "g0")
    assert section is not None
    assert [block.title for block in section.blocks[-2:]] == [
        "Best-of-N by each verifier, on the same samples",
        "Verifiers on the same samples",
    ]


def test_one_verifier_alone_is_compared_with_none() -> None:
    assert weak_verifiers({"curves": GROUP["curves"], "verifier": GROUP["verifier"]}, "g", "g0") == ()
