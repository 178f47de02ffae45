import asyncio
import socket

import pytest

from wildtrack.web import server
from wildtrack.web.guard import HEADERS, TOKEN_HEADER, Guard, Limits, Message, Receive, Scope, Send

Names = dict[str, str]
HOST = "127.0.0.1:8000"
OUR_HOSTS = HOST, "Localhost:8000", "192.168.1.7:8000", "[::1]:8000"  # an address cannot be made to lead elsewhere
OTHER_HOSTS = "evil.example", "", "[::1", "127.0.0.1@evil.example"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the size of the body."""
    message = await receive()
    size = len(message["body"])
    while message.get("more_body"):
        message = await receive()
        size += len(message["body"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"max-age=9")]})
    await send({"type": "http.response.body", "body": str(size).encode()})


def ask(
    method: str = "GET", headers: Names | None = None, parts: tuple[bytes, ...] = (b"",),
    token: str | None = None, target: str = "/", guard: Guard | None = None,
) -> tuple[int, Names, bytes]:  # fmt: skip
    """One request through the guard: status, headers, body."""
    sent, left = list[Message](), list(parts)

    async def receive() -> Message:
        if not parts:  # nothing is sent
            await asyncio.sleep(60)
        body = left.pop(0)
        return {"type": "http.request", "body": body, "more_body": bool(left)}

    async def send(message: Message) -> None:
        sent.append(message)

    given = [(name.encode(), value.encode()) for name, value in ({"host": HOST} | (headers or {})).items()]
    path, _, query = target.partition("?")
    scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": given}
    guard = guard or Guard(echo, frozenset({"localhost"}), Limits(100), ("'sha256-a'", "'sha256-b'"), token)
    asyncio.run(guard(scope, receive, send))
    start, body = sent
    return start["status"], {name.decode(): value.decode() for name, value in start["headers"]}, body["body"]


@pytest.mark.parametrize(
    ("method", "headers", "parts", "token", "status"),
    [
        *(("GET", {"host": host}, (b"",), None, 200) for host in OUR_HOSTS),
        *(("GET", {"host": host}, (b"",), None, 421) for host in OTHER_HOSTS),
        ("POST", {}, (b"x" * 30, b"", b"y" * 70), None, 200),
        ("POST", {}, (b"x" * 101,), None, 413),
        ("POST", {}, (b"x" * 60, b"x" * 60), None, 413),  # chunked: no length was declared
        *(("POST", {"content-length": length}, (b"",), None, 413) for length in ("101", "9" * 5000)),
        *(("POST", {"content-length": length}, (b"",), None, 400) for length in ("-1", "²")),
        ("POST", {"origin": f"http://{HOST}"}, (b"",), None, 200),
        *(("POST", {"origin": origin}, (b"",), None, 403) for origin in ("http://evil.example", "null")),
        *(("POST", {"sec-fetch-site": site}, (b"",), None, 403) for site in ("cross-site", "same-site")),
        ("POST", {"sec-fetch-site": "same-origin"}, (b"",), None, 200),
        ("POST", {}, (b"",), "secret", 401),
        ("POST", {TOKEN_HEADER: "Secret"}, (b"",), "secret", 401),
    ],
)
def test_access(method: str, headers: dict[str, str], parts: tuple[bytes, ...], token: str | None, status: int) -> None:
    found, answer, body = ask(method, headers, parts, token)
    assert found == status
    assert status != 200 or int(body) == sum(map(len, parts))  # it arrives whole
    for name, value in HEADERS.items():
        assert answer[name] == (value if name != "cache-control" or status != 200 else "max-age=9")


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", "/export", 200),
        ("GET", "/export?positions=true", 401),
        ("GET", "/export?form=csv&%70ositions=1", 401),
        ("GET", "/photos/1?positions=true", 200),
        ("POST", "/search", 200),
        ("POST", "/predict?topk=1", 200),
        ("POST", "/sightings", 401),
    ],
)
def test_positions_and_writing_need_the_token_and_searching_does_not(method: str, target: str, status: int) -> None:
    assert ask(method, token="secret", target=target)[0] == status
    assert ask(method, {TOKEN_HEADER: "secret"}, token="secret", target=target)[0] == 200
    other_page = {"origin": "http://evil.example", TOKEN_HEADER: "secret"}
    assert ask(method, other_page, token="secret", target=target)[0] == (403 if method == "POST" else 200)


def test_one_request_too_many_is_answered_with_503() -> None:
    guard = Guard(echo, frozenset({"localhost"}), Limits(100, sending=1))
    guard.working["looking"] = guard.most["looking"]
    status, headers, _ = ask(guard=guard)
    assert (status, headers["retry-after"]) == (503, "2") and ask(guard=guard, target="/healthz")[0] == 200
    assert ask("POST", guard=guard)[0] == 200  # the two kinds are counted apart
    guard.working = {"sending": 1, "looking": 0}
    assert ask("POST", guard=guard)[0] == 503 and ask(guard=guard)[0] == 200
    guard.working["sending"] = 0
    assert ask("POST", guard=guard)[0] == 200 and guard.working == {"sending": 0, "looking": 0}


def test_a_client_that_sends_nothing_is_given_up() -> None:
    guard = Guard(echo, frozenset(), Limits(100, patience=0.01))
    assert ask("POST", parts=(), guard=guard)[0] == 408 and guard.working == {"sending": 0, "looking": 0}


def test_which_addresses_and_names_are_of_this_computer() -> None:
    assert all(map(server.is_this_computer, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(server.is_this_computer, ("0.0.0.0", "::", "192.168.1.4", "ranger-laptop", "")))
    assert server.own_names(["Camp.local"]) >= {"localhost", "camp.local", socket.gethostname().casefold()}
