"""What stands before every request: who may ask, how much they may send, and what browsers may do with the answer.

Pure ASGI, so that a body is counted while it comes in and never held whole by anything here.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
TOKEN_HEADER = "x-wildtrack-token"  # a header of its own: no other page can make a browser send it
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",  # a shared computer keeps no photos of rare animals
}


@dataclass(frozen=True)
class Guard:
    """Refuses requests before the application sees them.

    Attributes:
        app: What is guarded.
        hosts: The names that the page is reached under, without ports: a page elsewhere whose name is made to lead
            here (DNS rebinding) is refused.
        body_limit: Bytes a request may send, by its own account (Content-Length) and by what comes in.
        token: What writing requests must bring in `TOKEN_HEADER`; None where only this computer can ask.
    """

    app: App
    hosts: frozenset[str]
    body_limit: int
    token: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refusal(scope["method"], headers)
        if refused is not None:
            await _answer(send, *refused)
            return

        seen, started = 0, False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self.body_limit:
                raise HTTPException(413, self._too_large())  # the application answers with it
            return message

        async def with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                present = {name for name, _ in message["headers"]}
                added = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
                message["headers"] = [*message["headers"], *(pair for pair in added if pair[0] not in present)]
            await send(message)

        try:
            await self.app(scope, counted, with_headers)
        except HTTPException as error:
            if not started:
                await _answer(send, error.status_code, error.detail)

    def _refusal(self, method: str, headers: dict[str, str]) -> tuple[int, str] | None:
        """Status and reason, where a request is refused for its head alone."""
        if host_of(headers.get("host", "")) not in self.hosts:
            return 421, "this name does not lead here; start the page with --host as it is called"
        declared = headers.get("content-length", "0")
        if not (declared.isascii() and declared.isdecimal()):
            return 400, "Content-Length is no number"
        if len(declared) > 15 or int(declared) > self.body_limit:
            return 413, self._too_large()
        if method in SAFE_METHODS:
            return None
        if not _same_origin(headers):
            return 403, "only the page itself may send this"
        if self.token is not None and not hmac.compare_digest(
            headers.get(TOKEN_HEADER, "").encode(), self.token.encode()
        ):
            return 401, f"the header {TOKEN_HEADER} must bring the token that was printed when the page was started"
        return None

    def _too_large(self) -> str:
        return f"too much at once: at most {self.body_limit // 1_000_000} MB a request"


def host_of(header: str) -> str:
    """The name in a Host header, lower case, without its port; "" for one that is none."""
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def is_this_computer(host: str) -> bool:
    """Whether a server bound to this address can only be reached from the computer it runs on."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _same_origin(headers: dict[str, str]) -> bool:
    """Whether a browser says that the page itself sends this; programs that say nothing are no browsers."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


async def _answer(send: Send, status: int, reason: str) -> None:
    body = ('{"detail": "' + reason + '"}').encode()
    headers = [(name.encode(), value.encode()) for name, value in HEADERS.items()]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    headers.append((b"connection", b"close"))  # what is still to come is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
