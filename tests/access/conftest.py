from collections.abc import Iterator

import pytest

from tests.helpers.server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    """A local HTTP server."""
    with serving() as found:
        yield found
