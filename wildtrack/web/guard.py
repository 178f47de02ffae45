"""The checks before every request: who may send it, how much, and what browsers may do with the answer.

Pure ASGI, so that a body is counted while it comes in and is never held whole here.
"""

import asyncio
import base64
import hashlib
import hmac
import ipaddress
import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from fastapi import HTTPException

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# a header of its own: no other page can make a browser send it
TOKEN_HEADER = "x-wildtrack-token"  # nosec B105  # only its name, not a token
ASKING = frozenset({"/search", "/predict"})  # they send photos and change nothing
RETRY_AFTER = 2  # seconds
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",  # a shared computer keeps no photos of rare animals
}


@dataclass(frozen=True)
class Limits:
    """The limits of requests."""

    body: int  # bytes, as declared (Content-Length) and as received
    sending: int = 16  # requests with a body in work at once; one more is answered with 503
    looking: int = 64  # the same for other requests
    patience: float = 30.0  # seconds until the next part of a body arrives, or a part of the answer is taken


class Guard:
    """Refuses requests before the application sees them."""

    def __init__(
        self,
        app: App,
        names: frozenset[str],
        limits: Limits,
        inline: tuple[str, str] = ("'none'", "'none'"),
        token: str | None = None,
    ) -> None:
        """Guard an application.

        Only the `names` of this computer, without ports, and addresses lead here (against DNS rebinding). `inline`: the
        scripts and styles that the policy allows. `token`: needed to write or to get positions, unless None.
        """
        self.app, self.names, self.limits, self.token = app, names, limits, token
        self.most = {"sending": limits.sending, "looking": limits.looking}
        self.working = {"sending": 0, "looking": 0}
        self.too_large = f"too much at once: at most {limits.body // 1_000_000} MB a request"
        script, style = inline
        policy = (
            f"default-src 'none'; script-src {script}; style-src {style}; img-src 'self' blob: data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )
        self.headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
        self.headers.append((b"content-security-policy", policy.encode()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        if (refused := self._refusal(scope)) is not None:
            await self._answer(send, *refused)
            return
        if scope["path"] == "/healthz":
            await self.app(scope, receive, self._with_headers(send))
            return
        kind = "looking" if scope["method"] in SAFE_METHODS else "sending"
        if self.working[kind] >= self.most[kind]:
            await self._answer(send, 503, "too many requests are in work; try again in a moment")
            return
        self.working[kind] += 1
        try:
            await self._serve(scope, receive, send)
        finally:
            self.working[kind] -= 1

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen, whole, started = 0, False, False

        async def counted() -> Message:
            nonlocal seen, whole
            if whole:  # the application asks whether the client has gone
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), self.limits.patience)
            except TimeoutError:
                raise HTTPException(408, "the request came too slowly") from None
            seen += len(message.get("body", b""))
            whole = not message.get("more_body", False)
            if seen > self.limits.body:
                raise HTTPException(413, self.too_large)
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await asyncio.wait_for(send(message), self.limits.patience)  # a client that does not read is dropped

        try:
            await self.app(scope, counted, self._with_headers(noted))
        except HTTPException as error:
            if not started:
                await self._answer(send, error.status_code, error.detail)

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        """The status and reason for refusing a request by its head; None where it is allowed."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        host = host_of(headers.get("host", ""))
        if not (host in self.names or is_address(host)):
            return 421, "this server does not have this name; start it with --names and the name"
        declared = headers.get("content-length", "0")
        if not (declared.isascii() and declared.isdecimal()):
            return 400, "Content-Length is not a number"
        if len(declared) > 15 or int(declared) > self.limits.body:
            return 413, self.too_large
        sends = scope["method"] not in SAFE_METHODS
        if sends and not _same_origin(headers):
            return 403, "only the page itself may send this"
        writes = sends and scope["path"] not in ASKING
        tells = scope["path"] == "/export" and "positions" in parse_qs(scope.get("query_string", b"").decode("latin-1"))
        given = headers.get(TOKEN_HEADER, "").encode()
        if self.token is not None and (writes or tells) and not hmac.compare_digest(given, self.token.encode()):
            return 401, f"the header {TOKEN_HEADER} must hold the token that was printed when the page was started"
        return None

    def _with_headers(self, send: Send) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name for name, _ in message["headers"]}
                message["headers"] = [*message["headers"], *(each for each in self.headers if each[0] not in present)]
            await send(message)

        return with_headers

    async def _answer(self, send: Send, status: int, reason: str) -> None:
        body = json.dumps({"detail": reason}).encode()
        headers = [*self.headers, (b"content-type", b"application/json")]
        headers += [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]  # the rest is not read
        if status == 503:
            headers.append((b"retry-after", str(RETRY_AFTER).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def host_of(header: str) -> str:
    """The name in a Host header, lower case, without its port; "" for an invalid one."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_address(host: str) -> bool:
    """Whether a host is an IP address, not a name."""
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return False


def _same_origin(headers: dict[str, str]) -> bool:
    """Whether the headers of browsers show that the page itself sends this; other programs send no such headers."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def inline_hashes(page: str) -> tuple[str, str]:
    """The hashes of a page's own scripts and of its styles, as sources of a Content-Security-Policy."""

    def hashes(tag: str) -> str:
        digests = (hashlib.sha256(each.encode()) for each in re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL))
        return " ".join(f"'sha256-{base64.b64encode(each.digest()).decode()}'" for each in digests)

    return hashes("script"), hashes("style")
