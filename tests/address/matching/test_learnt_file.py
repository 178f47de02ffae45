import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.address.matching.test_learning import made_up
from wildtrack.address.matching.learning import Matching, learn_matching
from wildtrack.address.matching.learnt_file import COUNTS, FILE, read_matching, write_matching
from wildtrack.errors import UserError

BAD_COUNTS: tuple[Any, ...] = ("7", True, [])


@pytest.fixture(scope="module")
def matching() -> Matching:
    return learn_matching(made_up(4, (2.0, 1.5), offset=2.0))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_round_trip_gives_the_same_scores_bit_for_bit(matching: Matching, tmp_path: Path, kind: type) -> None:
    write_matching(matching, tmp_path / FILE)
    found = read_matching(tmp_path / FILE)
    assert found is not None
    asked = made_up(9)
    similarities: dict[str, np.ndarray] = {name: values.astype(kind) for name, values in asked.known.items()}
    for name, matcher in matching.matchers.items():
        expected = matching.scores(name, similarities, asked.relation)
        np.testing.assert_array_equal(found.scores(name, similarities, asked.relation), expected)
        again = found.matchers[name].decider
        np.testing.assert_array_equal(again.probability(expected), matcher.decider.probability(expected))
        np.testing.assert_array_equal(again.known, matcher.decider.known)
        np.testing.assert_array_equal(again.new, matcher.decider.new)
        assert (again.even, again.weights) == (matcher.decider.even, matcher.decider.weights)
        assert again.match_from(0.05) == matcher.decider.match_from(0.05)
        for field in ("sided", "reciprocal_rank", "mean_precision"):
            assert getattr(found.matchers[name], field) == getattr(matcher, field)
    for field in ("best", *COUNTS, "unseen"):
        assert getattr(found, field) == getattr(matching, field)
    write_matching(found, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / FILE).read_bytes()


def test_nothing_learnt_is_nothing_read(tmp_path: Path) -> None:
    assert read_matching(tmp_path / FILE) is None  # an older model
    write_matching(None, tmp_path / FILE)
    assert (tmp_path / FILE).read_text() == "null\n"
    assert read_matching(tmp_path / FILE) is None


def refused(path: Path) -> str:
    with pytest.raises(UserError, match=r"matching\.json .*train again$") as error:
        read_matching(path)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe",
        b"{",
        b"[]",
        b"{}",
        b"0",
        b"true",
        b'"auto"',
        b"[" * 100_000,
        b'{"evidence": [], "matchers": []}',
        b'{"evidence": {}, "matchers": {}}',
    ],
)
def test_what_is_no_matching_is_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    refused(tmp_path / FILE)


@pytest.mark.parametrize(
    ("place", "value"),
    [
        (("best",), "auto"),
        (("best",), ["fused"]),
        (("best",), None),
        (("queries",), None),
        (("queries",), 1e999),
        *(((name,), value) for name in COUNTS for value in BAD_COUNTS),
        (("unseen",), "no"),
        (("evidence",), None),
        (("evidence",), []),
        (("evidence", "local"), 7),
        (("evidence", "local", "prior"), "half"),
        (("evidence", "local", "prior"), None),
        (("evidence", "local", "prior"), 0),
        (("evidence", "local", "prior"), 1),
        (("evidence", "local", "prior"), 1e999),
        (("evidence", "local", "spread"), [1.0]),
        (("evidence", "local", "spread"), [0.0, "x"]),
        (("evidence", "local", "calibrations"), []),
        (("evidence", "local", "calibrations"), {}),
        (("evidence", "local", "calibrations", "any"), None),
        (("evidence", "local", "calibrations", "any", "scores"), []),
        (("evidence", "local", "calibrations", "any", "scores"), [1.0]),
        (("evidence", "local", "calibrations", "any", "scores"), None),
        (("evidence", "local", "calibrations", "any", "probabilities"), "0.5"),
        (("evidence", "local", "calibrations", "same", "probabilities"), [[0.1, 0.2], [0.3]]),
        (("matchers",), None),
        (("matchers",), []),
        (("matchers", "fused"), None),
        (("matchers", "fused", "sided"), "no"),
        (("matchers", "fused", "weights"), [1.0, 2.0]),
        (("matchers", "fused", "weights"), [1.0, 2.0, 1e999]),
        (("matchers", "fused", "weights"), "123"),
        (("matchers", "fused", "even"), "half"),
        (("matchers", "fused", "even"), None),
        (("matchers", "fused", "known"), None),
        (("matchers", "fused", "known"), [0.1, None]),
        (("matchers", "fused", "known"), [0.9, 0.1]),
        (("matchers", "fused", "new"), {}),
        (("matchers", "fused", "new"), [10**400]),
        (("matchers", "fused", "reciprocal_rank"), []),
        (("matchers", "surprise"), {"copy": "fused"}),
    ],
)
def test_a_part_of_the_wrong_kind_is_one_line(
    matching: Matching, tmp_path: Path, place: tuple[str, ...], value: Any
) -> None:
    write_matching(matching, tmp_path / FILE)
    content = json.loads((tmp_path / FILE).read_text())
    part = content
    for name in place[:-1]:
        part = part[name]
    part[place[-1]] = part["fused"] if value == {"copy": "fused"} else value
    (tmp_path / FILE).write_text(json.dumps(content))
    refused(tmp_path / FILE)


def places(content: Any, inside: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """The way to each part of nested tables."""
    if not isinstance(content, dict):
        return []
    return [way for name, part in content.items() for way in [(*inside, name), *places(part, (*inside, name))]]


def test_a_missing_part_is_one_line(matching: Matching, tmp_path: Path) -> None:
    path = tmp_path / FILE
    write_matching(matching, path)
    whole = path.read_text()
    optional = {("matchers", name) for name in matching.matchers if name != matching.best}
    for way in places(json.loads(whole)):
        if way[-1] in {"same", "other"} or way in optional:
            continue
        content = part = json.loads(whole)
        for name in way[:-1]:
            part = part[name]
        del part[way[-1]]
        path.write_text(json.dumps(content))
        refused(path)
