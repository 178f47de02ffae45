"""The application behind its guard, on a socket, until it is stopped."""

import ipaddress
import socket
from collections.abc import Sequence
from typing import Any

import uvicorn
from fastapi import FastAPI

from wildtrack.web.api import BODY_LIMIT
from wildtrack.web.guard import Guard, Limits, inline_hashes

GRACE = 5  # seconds, for requests in work when the server is stopped


def serve(app: FastAPI, page: str, listener: socket.socket, names: Sequence[str], token: str | None) -> None:
    """Serve until Ctrl-C or SIGTERM; `names` are further names of this computer, and `token` is needed to write."""
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else each answer waits 40 ms for the client's ACK
    guard = Guard(app, own_names(names), Limits(BODY_LIMIT), inline_hashes(page), token)
    quiet: dict[str, Any] = {"log_level": "warning", "access_log": False, "server_header": False, "lifespan": "off"}
    uvicorn.Server(uvicorn.Config(guard, timeout_graceful_shutdown=GRACE, **quiet)).run(sockets=[listener])


def own_names(names: Sequence[str]) -> frozenset[str]:
    """The names by which this computer can be asked for, lower case."""
    name = socket.gethostname()
    return frozenset(each.casefold() for each in ("localhost", name, f"{name}.local", *names))


def is_this_computer(host: str) -> bool:
    """Whether a server bound to this address can only be reached from the computer it runs on."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
