import asyncio
from typing import Any

import pytest

from wildtrack.web.guard import HEADERS, TOKEN_HEADER, Guard, Message, Receive, Scope, Send, host_of, is_this_computer

HOST = "127.0.0.1:8000"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads all there is and says how much it was."""
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
        "headers": [(name.encode(), value.encode()) for name, value in given.items()],
    }
    asyncio.run(Guard(echo, frozenset({"127.0.0.1", "localhost"}), 100, token)(scope, receive, send))
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
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.4", False),
        ("ranger-laptop", False),
        ("", False),
    ],
)
def test_is_this_computer(host: str, local: bool) -> None:
    assert is_this_computer(host) == local
