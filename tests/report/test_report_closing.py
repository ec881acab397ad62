from example_summary import example_summary

from outlay.report.closing import EXCHANGE_NEEDS, NEEDS, general_limits, limits_of
from outlay.report.exchanging import exchange_chapter
from outlay.report.story import groups_of


def test_every_warning_of_the_summary_stands_at_the_end() -> None:
    summary = example_summary()
    exchange = exchange_chapter(summary)
    told = [*general_limits(summary, exchange)]
    told += [item for part in limits_of(groups_of(summary), exchange) for item in part.items]
    for part in (summary, *summary["groups"], *summary["exchange"]):
        assert set(part["warnings"]) <= set(told)


def test_a_part_that_is_absent_says_what_it_needs() -> None:
    (limits,) = limits_of(groups_of({"groups": [{"task": "a"}]}), None)
    assert len(limits.items) == len(NEEDS)
    assert "There is no part on what the verifier is worth: it needs scores." in limits.items


def test_a_report_without_an_exchange_says_so() -> None:
    summary = example_summary()
    assert EXCHANGE_NEEDS in general_limits(summary, None)
    assert EXCHANGE_NEEDS not in general_limits(summary, exchange_chapter(summary))
