import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.validation import learnt_scores, made_up
from wildtrack.address.matching.matching import FILE, Matching, read_matching, write_matching
from wildtrack.address.training.learn_matching import learn_matching
from wildtrack.errors import UserError

COUNTS = ("queries", "identities", "new_photos", "new_animals", "gallery")
BAD_COUNTS: tuple[Any, ...] = ("7", True, [])


@pytest.fixture(scope="module")
def matching() -> Matching:
    return learn_matching(made_up(4, (2.0, 1.5), offset=2.0))


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_round_trip_gives_the_same_scores_bit_for_bit(matching: Matching, tmp_path: Path, kind: type) -> None:
    write_matching(matching, tmp_path / FILE)
    found = read_matching(tmp_path / FILE)
    assert found is not None
    known = made_up(9).known
    asked = replace(known, scores={name: values.astype(kind) for name, values in known.scores.items()})
    for name, matcher in matching.matchers.items():
        expected = learnt_scores(matching, name, asked)
        np.testing.assert_array_equal(learnt_scores(found, name, asked), expected)
        again = found.matchers[name].decider
        np.testing.assert_array_equal(again.probability(expected), matcher.decider.probability(expected))
        np.testing.assert_array_equal(again.known, matcher.decider.known)
        np.testing.assert_array_equal(again.new, matcher.decider.new)
        assert (again.even, again.weights) == (matcher.decider.even, matcher.decider.weights)
        assert again.match_from(0.05) == matcher.decider.match_from(0.05)
        for field in ("by_viewpoint", "reciprocal_rank", "mean_precision"):
            assert getattr(found.matchers[name], field) == getattr(matcher, field)
    for field in ("best", *COUNTS, "unseen"):
        assert getattr(found, field) == getattr(matching, field)
    write_matching(found, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / FILE).read_bytes()


def test_nothing_learnt_is_nothing_read(tmp_path: Path) -> None:
    assert read_matching(tmp_path / FILE) is None  # a third-party model
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
        b'{"calibrations": [], "matchers": []}',
        b'{"evidence": {}, "rankers": {}}',
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
        (("calibrations",), None),
        (("calibrations",), []),
        (("calibrations", "local"), 7),
        (("calibrations", "local", "prior"), "half"),
        (("calibrations", "local", "prior"), None),
        (("calibrations", "local", "prior"), 0),
        (("calibrations", "local", "prior"), 1),
        (("calibrations", "local", "prior"), 1e999),
        (("calibrations", "local", "spread"), [1.0]),
        (("calibrations", "local", "spread"), [0.0, "x"]),
        (("calibrations", "local", "curves"), []),
        (("calibrations", "local", "curves"), {}),
        (("calibrations", "local", "curves", "any"), None),
        (("calibrations", "local", "curves", "any", "scores"), []),
        (("calibrations", "local", "curves", "any", "scores"), [1.0]),
        (("calibrations", "local", "curves", "any", "scores"), None),
        (("calibrations", "local", "curves", "any", "probabilities"), "0.5"),
        (("calibrations", "local", "curves", "same", "probabilities"), [[0.1, 0.2], [0.3]]),
        (("matchers",), None),
        (("matchers",), []),
        (("matchers", "fused"), None),
        (("matchers", "fused", "by_viewpoint"), "no"),
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
        (("matchers", "nose"), {"copy": "fused"}),
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


OF_0_1 = """{"best": "fused", "queries": 44, "identities": 22, "new_photos": 24, "new_animals": 2, "gallery": 218,
"unseen": true, "evidence": {
 "embedding": {"prior": 0.0294, "spread": [-0.7171, 0.8458], "calibrations": {
  "any": {"scores": [-0.7171, 0.4553, 0.8458], "probabilities": [0.0, 0.2727, 1.0]},
  "same": {"scores": [-0.6206, 0.459, 0.8458], "probabilities": [0.0, 0.1333, 1.0]},
  "other": {"scores": [-0.7171, 0.4372, 0.7648], "probabilities": [0.0, 0.3077, 1.0]}}},
 "local": {"prior": 0.0294, "spread": [0.001493, 9175.0], "calibrations": {
  "any": {"scores": [0.001493, 0.2294, 9175.0], "probabilities": [0.0, 0.01556, 1.0]}}}},
"rankers": {
 "embedding": {"sided": true, "reciprocal_rank": 0.9602, "mean_precision": 0.8417, "weights": [1.005, 0.6755, -6.981],
  "known": [0.01717, 0.8328, 0.9771], "new": [0.007761, 0.1015, 0.8174], "even": 0.702},
 "local": {"sided": false, "reciprocal_rank": 1.0, "mean_precision": 0.6903, "weights": [1.099, 0.955, -8.775],
  "known": [0.8535, 0.9571, 0.9688], "new": [0.0006705, 0.001003, 0.945], "even": 0.4811},
 "fused": {"sided": true, "reciprocal_rank": 1.0, "mean_precision": 0.9324, "weights": [0.7809, 0.9133, -11.16],
  "known": [0.4274, 0.9997, 1.0], "new": [7.117e-05, 0.001094, 0.4523], "even": 0.6115}}}
"""  # what version 0.1 learnt on the demo, shortened


def test_a_file_of_version_0_1_says_the_same(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text(OF_0_1)
    found = read_matching(path)
    assert found is not None
    assert (found.best, found.queries, found.gallery, found.unseen) == ("fused", 44, 218, True)
    assert {name: learnt.by_viewpoint for name, learnt in found.matchers.items()} == {
        "embedding": True,
        "local": False,
        "fused": True,
    }
    assert found.decider("local").weights == (1.099, 0.955, -8.775)
    assert found.decider("embedding").known.tolist() == [0.01717, 0.8328, 0.9771]
    curves = found.calibrations["embedding"].curves
    assert list(curves) == ["any", "same", "other"]
    assert curves["same"].scores.tolist() == [-0.6206, 0.459, 0.8458]
    assert found.calibrations["local"].spread == (0.001493, 9175.0)
    write_matching(found, tmp_path / "again.json")
    again = (tmp_path / "again.json").read_text()
    assert '"curves"' in again and not any(f'"{key}"' in again for key in ("evidence", "rankers", "sided"))
    for key in ("evidence", "rankers"):
        path.write_text(OF_0_1.replace(f'"{key}"', '"nose"'))
        refused(path)
