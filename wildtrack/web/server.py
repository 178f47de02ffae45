"""The application behind its guard, on a socket, until it is stopped."""

import ipaddress
import socket
from collections.abc import Sequence

import uvicorn
from fastapi import FastAPI

from wildtrack.web.api import BODY_LIMIT
from wildtrack.web.guard import Guard, Limits, inline_hashes, is_address

GRACE = 5  # seconds, for requests in work when the server is stopped


def serve(app: FastAPI, page: str, listener: socket.socket, names: Sequence[str], token: str | None) -> None:
    """Serve until Ctrl-C or SIGTERM; `names` are further names of this computer, and `token` is needed to write."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for the client's ACK
    guard = Guard(app, own_names(names), Limits(BODY_LIMIT), inline_hashes(page), token)
    config = uvicorn.Config(
        guard,
        log_level="warning",
        access_log=False,
        server_header=False,
        lifespan="off",
        timeout_graceful_shutdown=GRACE,
    )
    uvicorn.Server(config).run(sockets=[listener])


def own_names(names: Sequence[str]) -> frozenset[str]:
    """The names by which this computer can be asked for, lower case."""
    name = socket.gethostname()
    return frozenset(each.casefold() for each in ("localhost", name, f"{name}.local", *names))


def is_this_computer(host: str) -> bool:
    """Whether a server bound to this address can only be reached from the computer it runs on."""
    return host == "localhost" or (is_address(host) and ipaddress.ip_address(host).is_loopback)
