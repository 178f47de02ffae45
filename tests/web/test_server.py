import socket

from wildtrack.web.server import is_this_computer, own_names


def test_which_addresses_and_names_are_of_this_computer() -> None:
    assert all(map(is_this_computer, ("127.0.0.1", "127.9.9.9", "::1", "localhost")))
    assert not any(map(is_this_computer, ("0.0.0.0", "::", "192.168.1.4", "ranger-laptop", "")))
    assert own_names(["Camp.local"]) >= {"localhost", "camp.local", socket.gethostname().casefold()}
