import socket

import pytest

from wildtrack.web.server import is_this_computer, own_names


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


def test_own_names() -> None:
    assert own_names(["Camp.local"]) >= {"localhost", "camp.local", socket.gethostname().casefold()}
