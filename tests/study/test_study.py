import pytest

from outlay.errors import UserError
from outlay.study.study import check_addresses, demo_study, load_study, parse_study
from outlay.study.work import jobs

GOOD = {
    "name": "s",
    "entries": [
        {
            "task": "countdown",
            "model": "embedded:countdown-small",
            "verifier": "random:0",
            "searches": [{"strategy": "beam_search", "budgets": [4]}],
        }
    ],
}


def changed(**fields):
    return {**GOOD, "entries": [{**GOOD["entries"][0], **fields}]}


def searching(strategy):
    return changed(searches=[{"strategy": strategy, "budgets": [4]}])


STRATEGY = "s.yaml, field entries.0.searches.0.strategy"


def test_a_strategy_may_be_a_bare_name():
    assert parse_study(GOOD, "s.yaml").entries[0].searches[0].strategy == {"name": "beam_search"}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"name": "s"}, "s.yaml, field entries: missing; add it"),
        ({**GOOD, "sede": 1}, 'field sede: unknown; did you mean "seed"'),
        (changed(questoins=20), 'did you mean "questions"'),
        (changed(searches=[{"strategy": "beam_serch", "budgets": [4]}]), 'did you mean "beam_search"'),
        (changed(searches=[{"strategy": "beam_search", "budgets": [0]}]), "at least 1 generation"),
        (changed(searches=[{"strategy": "beam_search", "budget": [4]}]), "budgets"),
        (changed(verifier=None), "beam_search needs a verifier"),
        (
            changed(other_pools=[{"temperature": 1.0, "samples": 4}]),
            "two pools have the temperature 1; give each its own",
        ),
        (changed(other_pools=[{"temperature": 0.0, "samples": 4}]), "other_pools.0.temperature"),
        (changed(other_pools=[{"temperature": 0.3, "samples": 4, "sample": 4}]), 'did you mean "samples"'),
        ({**GOOD, "pilot": 64}, "leaves nothing"),
        (changed(questions=2), "questions"),
        ({**GOOD, "seed": -1}, "field seed: should be greater than or equal to 0, not -1"),
        (searching({"name": "beam_serch"}), f'{STRATEGY}: there is no strategy named "beam_serch"'),
        (searching({"name": "beam_search", "widht": 2}), f'{STRATEGY}: "beam_search" has no option "widht"'),
        (searching({"name": "beam_search", "width": 0}), f"{STRATEGY}: a beam width"),
        (
            searching({"name": "beam_search", "temperature": -1}),
            f"{STRATEGY}: beam_search: a temperature is at least 0, not -1",
        ),
        (searching({"name": "beam_search", "top_p": 0}), f"{STRATEGY}: beam_search: top_p is above 0"),
        (searching({"name": "beam_search", "distinct": [1]}), f'{STRATEGY}: option "distinct"'),
        (searching({"width": 2}), f"{STRATEGY}: there is no strategy"),
        ({**GOOD, "pilot": 64}, "s.yaml: a pilot of 64"),
    ],
)
def test_a_wrong_study_is_refused_with_file_field_and_remedy(content, message):
    with pytest.raises(UserError) as raised:
        parse_study(content, "s.yaml")
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- 1\n- 2\n", "must hold a mapping"),
        ("a: [", "line 1: not YAML"),
        ("", "is empty"),
        ("# nothing\n", "is empty"),
    ],
)
def test_a_file_that_is_no_study_is_refused(tmp_path, text, message):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        load_study(path)


def test_a_folder_is_no_study(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_study(tmp_path)


@pytest.mark.parametrize(
    ("field", "address", "says"),
    [
        ("task", "countdwn", "countdown"),
        ("model", "embedded:countdown-smal", 'did you mean "countdown-small"'),
        ("large", "embedded:countdown-larg", 'did you mean "countdown-large"'),
        ("large", "countdown-large", "write BACKEND:NAME"),
        ("verifier", "random:abc", "random:SEED with a whole number"),
        ("verifier", "random:-1", "random:SEED with a whole number"),
        ("verifier", "oracle:nothing", 'no task named "nothing"'),
        ("verifier", "embedded:countdown-small", "not a verifier"),
    ],
)
def test_an_unknown_address_is_named_by_its_field(field, address, says):
    with pytest.raises(UserError) as raised:
        check_addresses(parse_study(changed(**{field: address}), "s.yaml"))
    assert f"field entries.0.{field}: " in str(raised.value)
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)


def test_the_demos_addresses_are_all_there():
    check_addresses(demo_study(quick=True))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match="there is no study file"):
        load_study(tmp_path / "none.yaml")


def test_the_demo_asks_at_least_500_questions_a_family():
    assert all(entry.questions >= 500 for entry in demo_study(quick=False).entries)


def test_the_quick_demo_is_the_demo_on_less():
    full, quick = demo_study(quick=False), demo_study(quick=True)
    assert [e.task for e in full.entries] == [e.task for e in quick.entries]
    assert all(q.questions < f.questions for q, f in zip(quick.entries, full.entries, strict=True))


def test_two_entries_of_one_task_and_model_are_refused():
    entry = {"task": "countdown", "model": "embedded:countdown-small", "questions": 50}
    other = entry | {"split": "validation"}
    with pytest.raises(UserError, match="two of them have the task countdown and the model embedded:countdown-small"):
        parse_study({"name": "s", "entries": [entry, other]}, "here")


def test_plain_samples_are_asked_with_the_entrys_prompt():
    entry = parse_study(changed(prompt="Solve {question}", temperature=0.7, top_p=0.9), "s.yaml").entries[0]
    pool, difficulty, greedy = jobs(entry, 0)[:3]
    assert pool.strategy.spec() == difficulty.strategy.spec()
    assert pool.strategy.spec() == {"name": "best_of_n", "temperature": 0.7, "top_p": 0.9, "prompt": "Solve {question}"}
    assert greedy.strategy.spec() == {"name": "greedy", "prompt": "Solve {question}"}


def test_a_prompt_without_the_question_is_refused():
    with pytest.raises(UserError, match=r"field entries\.0\.prompt: a prompt says with \{question\} where"):
        parse_study(changed(prompt="Solve it"), "s.yaml")


def test_greedy_stands_in_every_entry_of_the_demos():
    for study in (demo_study(quick=True), demo_study(quick=False)):
        for entry in study.entries:
            assert next(job.model for job in jobs(entry, 0) if job.strategy.name == "greedy") == entry.model


def test_revisions_that_a_verifier_selects_have_one():
    search = {"strategy": {"name": "revisions", "selection": "verifier"}, "budgets": [4]}
    entry = parse_study(changed(searches=[search]), "s.yaml").entries[0]
    assert [job.verifier for job in jobs(entry, 0) if job.strategy.name == "revisions"] == [entry.verifier]
    with pytest.raises(UserError, match="revisions needs a verifier"):
        parse_study(changed(searches=[search], verifier=None), "s.yaml")


def test_a_weak_verifier_that_is_not_there_is_named_by_its_place():
    with pytest.raises(UserError, match=r"field entries\.0\.weak_verifiers\.1: "):
        check_addresses(parse_study(changed(weak_verifiers=["random:1", "embedded:nothing"]), "s.yaml"))


@pytest.mark.parametrize("quick", [True, False])
def test_the_demos_split_revisions_in_every_way(quick):
    revising = [e for e in demo_study(quick).entries if any(s.strategy["name"] == "revisions" for s in e.searches)]
    assert {entry.task for entry in revising} == {"halving", "countdown"}
    for entry in revising:
        budgets = {}
        for search in entry.searches:
            for n in search.budgets:
                budgets.setdefault(n, set()).add(search.strategy.get("chains", 1))
        for n, chains in budgets.items():
            assert {1, n} < chains
            assert max(chains) == n
