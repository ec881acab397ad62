"""What a server has to withstand, and what it must never say."""

import json
import re
import socket
import time
from pathlib import Path

import pytest
import yaml
from serving import PILOT, QUESTION, VOTE, policy_file, serving
from upstream import Upstream

import outlay
from outlay.errors import UserError
from outlay.serve import guarding
from outlay.serve.keys import Keys, make_key
from outlay.serve.service import Service
from outlay.serve.settings import Settings

ASKED = {"model": "outlay", "messages": [{"role": "user", "content": QUESTION}]}


@pytest.fixture(scope="module")
def keyed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    key = make_key(folder / "keys", "me")
    with serving(policy_file(folder, PILOT), key_file=folder / "keys", body_bytes=20_000, body_seconds=0.5) as running:
        running.key = key
        yield running


def sent(server, data, pauses=(), wait=5.0):
    """Bytes as they are over a connection of its own, and all that comes back until the server closes it."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=wait) as connection:
        for part in [data] if isinstance(data, bytes) else data:
            try:
                connection.sendall(part)
            except (BrokenPipeError, ConnectionResetError):
                break
            if pauses:
                time.sleep(pauses[0])
        got = b""
        try:
            while block := connection.recv(65536):
                got += block
        except (TimeoutError, ConnectionResetError):
            pass
        return got


def test_without_a_valid_key_nothing_is_answered_but_health_and_the_page(keyed):
    for header in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": keyed.key},
        {"Authorization": f"Basic {keyed.key}"},
    ):
        for path, method in (
            ("/v1/chat/completions", "POST"),
            ("/v1/policy", "GET"),
            ("/v1/models", "GET"),
            ("/metrics", "GET"),
        ):
            status, headers, content = keyed.ask(ASKED if method == "POST" else None, path, method, header)
            assert (status, content["error"]["code"]) == (401, "invalid_api_key"), path
            assert headers["WWW-Authenticate"] == "Bearer"
    for path in ("/healthz", "/readyz", "/"):
        assert keyed.get(path)[0] == 200
    keyed.chat(headers={"Authorization": f"Bearer {keyed.key}"})


def test_a_key_is_a_hash_at_rest_and_made_once(tmp_path):
    key = make_key(tmp_path / "keys", "me")
    content = (tmp_path / "keys").read_text()
    assert key not in content and re.fullmatch(r"me sha256:[0-9a-f]{64}\n", content)
    assert (tmp_path / "keys").stat().st_mode & 0o077 == 0
    assert make_key(tmp_path / "keys", "you") != key
    assert Keys.load(tmp_path / "keys").holder(f"Bearer {key}") == "me"
    with pytest.raises(UserError, match="named me already"):
        make_key(tmp_path / "keys", "me")
    with pytest.raises(UserError, match="no name"):
        make_key(tmp_path / "keys", "a b")


def test_a_file_with_keys_in_the_clear_is_refused_without_repeating_them(tmp_path):
    (tmp_path / "keys").write_text("sk-secret-key-in-the-clear\n")
    with pytest.raises(UserError, match="line 1") as refused:
        Keys.load(tmp_path / "keys")
    assert "sk-secret" not in str(refused.value)


def test_keys_are_compared_in_constant_time(monkeypatch):
    import hmac

    compared = []
    monkeypatch.setattr(hmac, "compare_digest", lambda a, b: compared.append((a, b)) or a == b)
    Keys({"a": "0" * 64, "b": "1" * 64}).holder("Bearer x")
    assert len(compared) == 2 and all(len(one) == len(other) == 64 for one, other in compared)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org"])
def test_a_public_address_is_refused_without_keys(tmp_path, host):
    with pytest.raises(UserError, match="api-key-file"):
        Service(Settings(policy=policy_file(tmp_path, PILOT), host=host))


def test_an_oversized_body_is_refused_by_its_length_and_as_it_arrives(keyed):
    auth = f"Authorization: Bearer {keyed.key}\r\n"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n{auth}"
    told = sent(keyed, f"{head}Content-Length: 999999999\r\n\r\n".encode())
    assert told.startswith(b"HTTP/1.1 413") and b"request_too_large" in told
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    told = sent(keyed, [f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), *[chunk] * 50])
    assert told.startswith(b"HTTP/1.1 413")


def test_a_slow_body_is_not_waited_for(keyed):
    auth = f"Authorization: Bearer {keyed.key}\r\n"
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n{auth}Content-Length: 100\r\n\r\n".encode()
    began = time.monotonic()
    told = sent(keyed, [head, b"{", b'"'], pauses=[0.1])
    assert told.startswith(b"HTTP/1.1 408") and b"request_timeout" in told and b"connection: close" in told.lower()
    assert time.monotonic() - began < 5


def test_a_slow_head_ends_the_connection(keyed, monkeypatch):
    monkeypatch.setattr(guarding, "HEAD_SECONDS", 0.3)
    monkeypatch.setattr(guarding, "IDLE_SECONDS", 0.3)
    assert sent(keyed, b"", wait=20.0) == b""  # closed, long before the time that we would wait
    assert sent(keyed, [b"GET /healthz HTTP/1.1\r\n", b"A: b\r\n"], pauses=[0.1]).startswith(b"HTTP/1.1 408")
    again = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    told = sent(keyed, [again, b"GET /heal"], pauses=[0.1])  # and the second of one connection too
    assert told.startswith(b"HTTP/1.1 200") and b"HTTP/1.1 408" in told


def test_a_flood_of_headers_ends_the_connection(keyed):
    many = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 100) for number in range(2000))
    assert sent(keyed, b"GET /healthz HTTP/1.1\r\n" + many + b"\r\n").startswith(b"HTTP/1.1 431")
    endless = [b"GET /healthz HTTP/1.1\r\n", *[b"X: " + b"y" * 8000 + b"\r\n"] * 30]
    assert sent(keyed, endless).startswith(b"HTTP/1.1 431")


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/models/../../../etc/passwd",
        "/v1/..%2f..%2fpyproject.toml",
        "//etc/passwd",
    ],
)
def test_no_path_leads_to_a_file(keyed, path):
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {keyed.key}\r\nConnection: close\r\n\r\n"
    told = sent(keyed, request.encode())
    assert told.startswith(b"HTTP/1.1 404") and b"root:" not in told and b"[project]" not in told


def test_what_is_no_http_is_a_400(keyed):
    assert sent(keyed, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_no_key_question_or_answer_is_in_the_log_or_the_metrics(tmp_path, capfd):
    key = make_key(tmp_path / "keys", "holder-name")
    with serving(policy_file(tmp_path, PILOT), key_file=tmp_path / "keys") as server:
        header = {"Authorization": f"Bearer {key}"}
        said = server.chat("9 3 5 7 > 64", headers=header, outlay={"explain": True})
        server.ask({"model": "outlay", "messages": [{"role": "user", "content": "secretword 5"}]}, headers=header)
        server.ask({"model": "secretmodel", "messages": []}, headers=header)
        server.ask(raw=b'{"secretbroken', headers=header)
        server.get("/secretpath/9 3 5 7".replace(" ", "%20"), headers=header)
        metrics = server.get("/metrics", headers=header)[2].decode()
    out, err = capfd.readouterr()
    logged = out + err
    assert '"event": "answer"' in logged
    for secret in (key, "9 3 5 7", "secret", said["outlay"]["answer"], said["choices"][0]["message"]["content"]):
        assert secret not in logged and secret not in metrics, secret


def test_texts_are_in_the_log_where_that_was_asked_for(tmp_path, capfd):
    with serving(policy_file(tmp_path, PILOT), log_texts=True) as server:
        server.chat("9 3 5 7 > 64")
    assert "9 3 5 7 > 64" in capfd.readouterr().err


def test_the_clients_key_does_not_go_upstream_and_the_upstreams_does_not_come_back(tmp_path, monkeypatch):
    monkeypatch.setenv("OUTLAY_API_KEY", "upstream-secret-key")
    key = make_key(tmp_path / "keys", "me")
    with Upstream() as upstream:
        policy = policy_file(tmp_path, VOTE, model=upstream.address)
        with serving(policy, key_file=tmp_path / "keys") as server:
            one = {"outlay": {"budget": {"generations": 1}}}
            _, headers, content = server.ask(ASKED | one, headers={"Authorization": f"Bearer {key}"})
            server.ask(ASKED, headers={"Authorization": f"Bearer {key}"})
        assert {head["Authorization"] for head in upstream.headers} == {"Bearer upstream-secret-key"}
    assert "upstream-secret-key" not in json.dumps(content) + str(headers)


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "\n".join(
    f"{this}: &{this} [{','.join([f'*{before}'] * 9)}]" for before, this in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "!!python/object/apply:os.system ['touch owned']",
        "task: !!python/object/new:os.system [touch owned]",
        "plans: [" * 5000,
        "\x00\x01",
        "kind: per_bin\nkind: per_bin\n" + "x: 1\n" * 10,
    ],
    ids=["bomb", "apply", "new", "deep", "binary", "unknown"],
)
def test_a_policy_file_that_means_harm_is_refused_in_one_sentence(tmp_path, monkeypatch, text):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(text)
    began = time.process_time()
    with pytest.raises(UserError) as refused:
        Service(Settings(policy=tmp_path / "policy.yaml"))
    assert len(str(refused.value).splitlines()) == 1 and len(str(refused.value)) < 1000
    assert not (tmp_path / "owned").exists() and time.process_time() - began < 10


def test_nothing_is_unpickled_and_yaml_is_read_safely():
    for path in Path(outlay.__file__).parent.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|from) (pickle|cPickle|dill|shelve|marshal)\b", source, re.MULTILINE), path
        assert not re.search(r"yaml\.(load_all|unsafe_load|full_load|UnsafeLoader|FullLoader|Loader\b)", source), path
        loaders = re.findall(r"yaml\.load\(.*, (\w+)\)", source)
        assert source.count("yaml.load(") == len(loaders), path
        assert all(f"class {loader}(yaml.SafeLoader)" in source for loader in loaders), path
        assert "allow_pickle=True" not in source and "weights_only=False" not in source, path


def test_the_page_allows_no_foreign_script_and_no_frame(keyed):
    _, headers, page = keyed.get("/")
    allowed = headers["Content-Security-Policy"]
    assert "default-src 'none'" in allowed and "frame-ancestors 'none'" in allowed and "connect-src 'self'" in allowed
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]+'", allowed)
    assert b"http://" not in page and b"https://" not in page
    assert yaml.safe_load("a: 1") == {"a": 1}
