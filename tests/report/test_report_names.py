import pytest

from outlay.report.names import bin_name, method_name, policy_name, styled


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("pass", "coverage (pass@N)"),
        ("best_of_n", "best-of-N"),
        ("best_of_n@16", "best-of-N, N = 16"),
        ('{"name": "beam_search", "width": 4}', "beam search, M = 4"),
        ('{"name": "beam_search", "width": "sqrt"}', "beam search, M = √N"),
        ('{"name": "lookahead", "options": {"steps": 3, "width": 4}}', "lookahead search, k = 3, M = 4"),
        ('{"name": "beam_search", "selection": "best_of_n", "width": 4}', "beam search, chosen by best-of-N, M = 4"),
        ('{"name": "best_of_n", "temperature": 0.7}', "best-of-N, T = 0.7"),
        ("my_own_search", "my own search"),
        ("{not json", "{not json"),
    ],
)
def test_a_method_has_a_readable_name(key: str, name: str) -> None:
    assert method_name(key) == name


def test_an_unknown_policy_is_named_by_its_words() -> None:
    assert policy_name("stop_early") == "stop early"


def test_only_the_outer_bins_say_what_they_are() -> None:
    assert [bin_name(i, 3) for i in range(3)] == ["bin 0 (easiest)", "bin 1", "bin 2 (hardest)"]


def test_a_method_looks_the_same_whatever_else_is_drawn() -> None:
    assert styled(["best_of_n"])["best_of_n"] == styled(["pass", "dvts", "best_of_n"])["best_of_n"]


def test_two_methods_never_look_the_same() -> None:
    keys = ["pass", "greedy", "large_greedy", "best_of_n", "majority", "weighted", *map(str, range(9))]
    looks = [(one.color, one.dash, one.symbol, one.level) for one in styled(keys).values()]
    assert len(set(looks)) == len(keys)
