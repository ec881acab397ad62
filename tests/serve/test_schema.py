"""Our OpenAPI document, and requests that schemathesis makes of it, valid and not: no answer is the server's own failure."""

import json
import os
import warnings

import pytest
from serving import PILOT, QUESTION, policy_file, serving

EXAMPLES = int(os.environ.get("OUTLAY_SCHEMA_EXAMPLES", "6"))
"""Requests for each operation that takes something; set the variable for a longer look."""


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(policy_file(tmp_path_factory.mktemp("served"), PILOT), most_generations=4, budget=1) as running:
        yield running


def test_the_document_describes_every_endpoint(server):
    _, _, document = server.get("/openapi.json")
    assert set(document["paths"]) == {
        "/v1/chat/completions",
        "/v1/completions",
        "/v1/models",
        "/v1/models/{name}",
        "/v1/policy",
        "/healthz",
        "/readyz",
        "/metrics",
    }
    own = document["components"]["schemas"]["Spending"]["properties"]
    assert {"budget", "target_confidence", "max_cost_usd", "deadline_seconds", "explain", "progress"} == set(own)
    assert all("description" in field for field in own.values())


def test_no_request_that_the_document_allows_or_forbids_is_a_server_error(server):
    import hypothesis
    import schemathesis
    from schemathesis.generation import GenerationMode

    _, _, document = server.get("/openapi.json")
    schema = schemathesis.openapi.from_dict(document)
    asked = 0
    taking = [one for one in (result.ok() for result in schema.get_all_operations()) if one.body or one.path_parameters]
    both = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    for operation, mode in [(one, mode) for one in taking for mode in (both if one.body else both[:1])]:

        @hypothesis.settings(
            max_examples=EXAMPLES, database=None, deadline=None, suppress_health_check=list(hypothesis.HealthCheck)
        )
        @hypothesis.seed(7)
        @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
        def sent(case):
            nonlocal asked
            body = case.body if isinstance(case.body, dict) else None
            if body is not None and "model" in body and asked % 2:  # half of them get past the first check
                body["model"] = "outlay"
                if asked % 4 == 1 and isinstance(body.get("messages"), list) and body["messages"]:
                    body["messages"] = [{"role": "user", "content": QUESTION}]
            asked += 1
            path = case.formatted_path
            raw = (
                None
                if case.body is None or not isinstance(case.body, (dict, list, str, int, float))
                else json.dumps(case.body)
            )
            status, _, content = server.ask(path=path, method=case.method, raw=raw)
            assert status < 500, (case.method, path, case.body, content)
            if status >= 400 and isinstance(content, dict):
                assert "error" in content or path == "/readyz"

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            sent()
    assert asked >= 4 * EXAMPLES
