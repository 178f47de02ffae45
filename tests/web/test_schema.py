"""Requests drawn from the server's own description never cause a server error."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from tests.helpers.spotted import Classifier, build, fake_matching, searcher_of

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed (requirements-dev.txt)")

from wildtrack.web.api import create_app  # noqa: E402
from wildtrack.web.service import Service  # noqa: E402
from wildtrack.web.store import Store  # noqa: E402

EXAMPLES = 200 if os.environ.get("WILDTRACK_SOAK") else 10


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The schema of an application with a gallery."""
    folder = tmp_path_factory.mktemp("known")
    searcher = searcher_of(build(folder), "fused", fake_matching(), Classifier(), explains=True)
    service = Service(searcher, ("Ana", "Bla"), Store(Path(folder) / "sightings"))
    return schemathesis.openapi.from_asgi("/openapi.json", create_app(service, "", needs_token=False))


@pytest.mark.slow
def test_no_request_is_a_server_error(described: Any, record_property: Callable[[str, object], None]) -> None:
    operations = [each.ok() for each in described.get_all_operations()]
    assert len(operations) == 10
    answers: Counter[int] = Counter()  # by status
    for operation in operations:

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call()
            answers[answer.status_code] += 1
            assert answer.status_code < 500, answer.text

        ask()
    assert answers.total() >= len(operations)
    record_property("figure", f"{answers.total()} requests that fit the schema, or nearly: {dict(answers)}")
