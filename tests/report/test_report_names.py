from outlay.report.names import bin_name, policy_name, styled


def test_an_unknown_policy_is_named_by_its_words() -> None:
    assert policy_name("stop_early") == "stop early"


def test_a_uniform_policy_is_named_by_its_method() -> None:
    assert policy_name("uniform_best_of_n") == "same for all: best-of-N"


def test_only_the_outer_bins_say_what_they_are() -> None:
    assert [bin_name(i, 3) for i in range(3)] == ["bin 0 (easiest)", "bin 1", "bin 2 (hardest)"]


def test_a_method_looks_the_same_whatever_else_is_drawn() -> None:
    assert styled(["best_of_n"])["best_of_n"] == styled(["pass", "my_search", "best_of_n"])["best_of_n"]


def test_two_methods_never_look_the_same() -> None:
    keys = ["pass", "greedy", "large_greedy", "best_of_n", "majority", "weighted", *map(str, range(9))]
    looks = [(one.color, one.dash, one.symbol, one.level) for one in styled(keys).values()]
    assert len(set(looks)) == len(keys)
