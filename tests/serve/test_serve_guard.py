"""Who may call: tokens, names, and pages of other sites."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocrpipe.errors import ConfigError
from ocrpipe.serve.settings import ServeSettings, is_loopback
from tests.serve.conftest import Start, scan

pytest.importorskip("starlette", reason="needs ocrpipe[serve]")

from ocrpipe.serve.guard import is_known_host, is_same, session_of  # noqa: E402

TOKEN = "correct-horse-battery"
Client = Any


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1:8000", True),
        ("[::1]:8000", True),
        ("192.168.1.5", True),
        ("scanner.lan:8000", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("evil.example:localhost", False),
        ("localhost@evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("", False),
        ("[::1", False),
    ],
)
def test_names_of_the_server(host: str, known: bool) -> None:
    assert is_known_host(host, ["Scanner.lan"]) is known


@given(st.text(max_size=30))
def test_no_other_name_is_known(host: str) -> None:
    is_known_host(host, ())  # whatever it is, no error


def test_a_name_that_was_rebound_is_refused(client: Client) -> None:
    for path in ("/", "/v1/about", "/healthz", "/app.js"):
        assert client.get(path, headers={"host": "evil.example"}).status_code == 421
        assert client.get(path, headers={"host": "127.0.0.1:8000"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_pages_of_other_sites_are_refused(client: Client, headers: dict[str, str]) -> None:
    assert client.post("/v1/jobs", content=scan(9), headers=headers).status_code == 403
    assert client.get("/v1/about", headers=headers).status_code == 403
    assert client.get("/", headers=headers).status_code == 200  # a link may lead here


def test_the_own_page_is_not_another_site(client: Client) -> None:
    own = {"origin": "http://localhost", "sec-fetch-site": "same-origin"}
    assert client.post("/v1/jobs", content=scan(9), headers=own).status_code == 202


def test_with_a_token_nothing_of_a_document_is_told_without_it(start: Start) -> None:
    client = start(token=TOKEN)
    for path in ("/v1/about", "/v1/jobs/x", "/metrics", "/v1/anything"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    for wrong in ("", "x", TOKEN + "x", TOKEN[:-1], f"Basic {TOKEN}"):
        assert client.get("/v1/about", headers={"authorization": f"Bearer {wrong}"}).status_code == 401
    assert client.get("/v1/about", headers={"authorization": f"bearer {TOKEN}"}).status_code == 200
    assert client.get("/healthz").status_code == client.get("/").status_code == 200


def test_the_page_gets_a_cookie_that_scripts_cannot_read(start: Start) -> None:
    client = start(token=TOKEN)
    assert client.post("/v1/session").status_code == 401
    answer = client.post("/v1/session", headers={"authorization": f"Bearer {TOKEN}"})
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and TOKEN not in cookie
    assert client.get("/v1/about").status_code == 200  # the client keeps it
    assert client.get("/v1/about", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    client.cookies.clear()
    name = cookie.partition("=")[0]
    for value in (TOKEN, session_of("another token!!!"), '"', "\\"):
        assert client.get("/v1/about", headers={"cookie": f"{name}={value}"}).status_code == 401


@given(st.text(max_size=20), st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
def test_secrets_are_compared_whole(given_secret: str, expected: str) -> None:
    same = given_secret.encode("utf-8", "surrogatepass") == expected.encode()
    if "\ud800" <= max(given_secret, default="") <= "\udfff":
        return
    assert is_same(given_secret, expected) is same


def test_every_answer_has_the_headers(client: Client) -> None:
    for path in ("/", "/app.js", "/v1/about", "/v1/jobs/none", "/nothing"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert (
            "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
        )
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
    assert client.get("/v1/about").headers["cache-control"] == "no-store"


def test_the_page_needs_nothing_from_elsewhere(client: Client) -> None:
    for path in ("/", "/app.js", "/style.css"):
        text = client.get(path).text.replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text and "https:" not in text and "//cdn" not in text
    page = client.get("/").text
    assert "<script>" not in page and " onclick" not in page and " style=" not in page


def test_other_methods_and_paths_are_problems(client: Client) -> None:
    assert client.get("/v1/read").status_code == 405
    assert client.get("/v1/read").headers["content-type"] == "application/problem+json"
    assert client.get("/../etc/passwd").status_code == 404


def test_other_hosts_need_a_token() -> None:
    with pytest.raises(ConfigError, match="needs a token"):
        ServeSettings(host="0.0.0.0")
    with pytest.raises(ConfigError, match="at least 16 characters"):
        ServeSettings(token="short")
    with pytest.raises(ConfigError, match="queue must be at least 1"):
        ServeSettings(queue=0)
    with pytest.raises(ConfigError, match="timeout must be positive"):
        ServeSettings(timeout=0)
    ServeSettings(host="0.0.0.0", token=TOKEN)
    assert [is_loopback(host) for host in ("127.0.0.2", "::1", "localhost", "::", "example.org")] == [
        True,
        True,
        True,
        False,
        False,
    ]
