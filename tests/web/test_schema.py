"""The server against its own description: whatever fits it, or nearly does, never makes it fall over."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from test_query import SIZE, build, fake_matching

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (requirements-dev.txt)")

from test_api import Classifier  # noqa: E402

from wildtrack.address.query import Searcher  # noqa: E402
from wildtrack.web.api import create_app  # noqa: E402
from wildtrack.web.service import Service  # noqa: E402
from wildtrack.web.store import Store  # noqa: E402

EXAMPLES = 200 if os.environ.get("WILDTRACK_SOAK") else 10


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The schema of an application that really answers."""
    folder = tmp_path_factory.mktemp("known")
    searcher = Searcher(build(folder), Classifier(), SIZE, "fused", fake_matching(), explains=True)
    service = Service(searcher, ("Ana", "Bla"), Store(Path(folder) / "sightings"))
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(service, "", needs_token=False))


schema = schemathesis.pytest.from_fixture("described")


@schema.parametrize()
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_nothing_that_is_asked_is_the_servers_fault(case: Any) -> None:
    case.call_and_validate(checks=[schemathesis.checks.not_a_server_error])
