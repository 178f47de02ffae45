import asyncio
from typing import Any

import pytest

from wildtrack.web.guard import HEADERS, TOKEN_HEADER, Guard, Limits, Message, Receive, Scope, Send, host_of

HOST = "127.0.0.1:8000"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body."""
    size = 0
    while True:
        message = await receive()
        size += len(message["body"])
        if not message.get("more_body"):
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=9")]})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(
    method: str = "GET",
    headers: dict[str, str] | None = None,
    parts: tuple[bytes, ...] = (b"",),
    token: str | None = None,
    target: str = "/",
    guard: Guard | None = None,
) -> tuple[int, dict[str, str], bytes]:
    """One request through the guard: status, headers, body."""
    sent: list[Message] = []
    left = list(parts)

    async def receive() -> Message:
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    given = {"host": HOST} | (headers or {})
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "path": target.partition("?")[0],
        "query_string": target.partition("?")[2].encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    guard = guard or Guard(echo, frozenset({"localhost"}), Limits(100), ("'sha256-a'", "'sha256-b'"), token)
    asyncio.run(guard(scope, receive, send))
    start, body = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]


@pytest.mark.parametrize(
    ("method", "headers", "parts", "token", "status"),
    [
        ("GET", {}, (b"",), None, 200),
        ("GET", {"host": "localhost:8000"}, (b"",), None, 200),
        ("GET", {"host": "LOCALHOST"}, (b"",), None, 200),
        ("GET", {"host": "evil.example"}, (b"",), None, 421),
        ("GET", {"host": ""}, (b"",), None, 421),
        ("GET", {"host": "192.168.1.7:8000"}, (b"",), None, 200),  # an address cannot be made to lead elsewhere
        ("GET", {"host": "[::1]:8000"}, (b"",), None, 200),
        ("GET", {"host": "[::1"}, (b"",), None, 421),
        ("POST", {}, (b"x" * 100,), None, 200),
        ("POST", {}, (b"x" * 101,), None, 413),
        ("POST", {}, (b"x" * 60, b"x" * 60), None, 413),  # chunked: no length was declared
        ("POST", {"content-length": "101"}, (b"",), None, 413),
        ("POST", {"content-length": "9" * 5000}, (b"",), None, 413),
        ("POST", {"content-length": "-1"}, (b"",), None, 400),
        ("POST", {"content-length": "²"}, (b"",), None, 400),
        ("POST", {"origin": f"http://{HOST}"}, (b"",), None, 200),
        ("POST", {"origin": "http://evil.example"}, (b"",), None, 403),
        ("POST", {"origin": "null"}, (b"",), None, 403),
        ("POST", {"sec-fetch-site": "cross-site"}, (b"",), None, 403),
        ("POST", {"sec-fetch-site": "same-site"}, (b"",), None, 403),
        ("POST", {"sec-fetch-site": "same-origin"}, (b"",), None, 200),
        ("POST", {}, (b"",), "secret", 401),
        ("POST", {TOKEN_HEADER: "Secret"}, (b"",), "secret", 401),
        ("POST", {TOKEN_HEADER: "secret"}, (b"",), "secret", 200),
        ("GET", {}, (b"",), "secret", 200),
    ],
)
def test_who_may_ask(
    method: str, headers: dict[str, str], parts: tuple[bytes, ...], token: str | None, status: int
) -> None:
    found, answer, _ = ask(method, headers, parts, token)
    assert found == status
    for name, value in HEADERS.items():
        assert answer[name] == (value if name != "cache-control" or status != 200 else "max-age=9")


def test_the_body_arrives_whole() -> None:
    assert ask("POST", {}, (b"x" * 30, b"", b"y" * 12))[2] == b"42"


@pytest.mark.parametrize(
    ("header", "host"),
    [("a.example:80", "a.example"), ("[::1]:80", "::1"), ("A", "a"), ("", ""), ("[", ""), ("a@b", "b"), ("x:y", "x")],
)
def test_host_of(header: str, host: str) -> None:
    assert host_of(header) == host


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/export", 200),
        ("/export?positions=true", 401),
        ("/export?form=csv&%70ositions=1", 401),
        ("/photos/1?positions=true", 200),
    ],
)
def test_positions_need_the_token(target: str, status: int) -> None:
    assert ask(token="secret", target=target)[0] == status
    assert ask(token="secret", target=target, headers={TOKEN_HEADER: "secret"})[0] == 200


@pytest.mark.parametrize(("target", "status"), [("/search", 200), ("/predict?topk=1", 200), ("/sightings", 401)])
def test_searching_needs_no_token(target: str, status: int) -> None:
    assert ask("POST", token="secret", target=target)[0] == status
    assert ask("POST", {"origin": "http://evil.example"}, token="secret", target=target)[0] == 403


def test_only_the_pages_own_script_runs() -> None:
    policy = ask()[1]["content-security-policy"]
    assert "script-src 'sha256-a';" in policy
    assert "style-src 'sha256-b';" in policy
    assert policy.startswith("default-src 'none';")


def test_one_request_too_many_is_answered_with_503() -> None:
    guard = Guard(echo, frozenset({"localhost"}), Limits(100, sending=1))
    guard.working["looking"] = guard.most["looking"]
    status, headers, _ = ask(guard=guard)
    assert (status, headers["retry-after"]) == (503, "2")
    assert ask(guard=guard, target="/healthz")[0] == 200
    assert ask("POST", guard=guard)[0] == 200  # the two kinds are counted apart
    guard.working = {"sending": 1, "looking": 0}
    assert ask("POST", guard=guard)[0] == 503
    assert ask(guard=guard)[0] == 200
    guard.working["sending"] = 0
    assert ask("POST", guard=guard)[0] == 200
    assert guard.working == {"sending": 0, "looking": 0}


def test_a_client_that_sends_nothing_is_given_up() -> None:
    sent: list[Message] = []

    async def receive() -> Message:
        await asyncio.sleep(60)
        raise AssertionError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"host", HOST.encode())]}
    guard = Guard(echo, frozenset(), Limits(100, patience=0.01))
    asyncio.run(guard(scope, receive, send))
    assert sent[0]["status"] == 408
    assert guard.working == {"sending": 0, "looking": 0}
