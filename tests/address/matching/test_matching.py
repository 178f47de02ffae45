import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.spotted import FUSED, LOCAL, fake_matching
from tests.helpers.validation import learnt_scores, made_up
from wildtrack.address.matching.embedding import EmbeddingMatcher
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.matching import (
    FILE,
    Matching,
    choose_matcher,
    open_matcher,
    read_matching,
    write_matching,
)
from wildtrack.address.training.learn_matching import learn_matching
from wildtrack.errors import UserError

EVERYTHING = fake_matching(best=LOCAL)
NO_KEYPOINTS = replace(EVERYTHING, best=EMBEDDING, matchers={EMBEDDING: EVERYTHING.matchers[EMBEDDING]})
OF_A_NOTEBOOK = replace(EVERYTHING, best="nose", matchers={"nose": EVERYTHING.matchers[LOCAL]})
NOT_KNOWN = r"^--matcher nose is not known; allowed are auto, embedding, local, fused$"


@pytest.mark.parametrize(
    ("matching", "wanted", "expected"),
    [
        (None, "auto", EMBEDDING),
        (None, EMBEDDING, EMBEDDING),
        (EVERYTHING, "auto", LOCAL),
        (EVERYTHING, EMBEDDING, EMBEDDING),
        (EVERYTHING, FUSED, FUSED),
        (NO_KEYPOINTS, "auto", EMBEDDING),
    ],
)
def test_the_chosen_matcher(matching: Matching | None, wanted: str, expected: str) -> None:
    assert choose_matcher(matching, wanted) == expected


@pytest.mark.parametrize(
    ("matching", "wanted", "message"),
    [
        *((None, n, rf"^--matcher {n} needs .* --matcher embedding.*validation photos$") for n in (LOCAL, FUSED)),
        (NO_KEYPOINTS, LOCAL, "--matcher local needs"),
        (None, "nose", NOT_KNOWN),
        (EVERYTHING, "nose", NOT_KNOWN),
        (OF_A_NOTEBOOK, "auto", NOT_KNOWN),
    ],
)
def test_a_matcher_that_cannot_be_used_is_refused(matching: Matching | None, wanted: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        choose_matcher(matching, wanted)


@pytest.mark.parametrize("by_viewpoint", [True, False])
def test_a_matcher_is_opened_with_what_was_learnt_about_it(by_viewpoint: bool) -> None:
    assert isinstance(open_matcher(None, EMBEDDING), EmbeddingMatcher)
    matching = fake_matching(by_viewpoint)
    for name, parts in ((EMBEDDING, [EMBEDDING]), (LOCAL, [LOCAL]), (FUSED, [EMBEDDING, LOCAL])):
        assert matching.decider(name) is matching.matchers[name].decider
        matcher = matching.matcher(name)
        assert (list(matcher.calibrations), matcher.by_viewpoint) == (parts, by_viewpoint)
        assert all(matcher.calibrations[part] is matching.calibrations[part] for part in parts)


COUNTS = ("queries", "identities", "new_photos", "new_animals", "gallery")


@pytest.fixture(scope="module")
def learnt() -> Matching:
    return learn_matching(made_up(4, (2.0, 1.5), offset=2.0))


def test_what_is_written_is_what_is_read_bit_for_bit(learnt: Matching, tmp_path: Path) -> None:
    write_matching(learnt, tmp_path / FILE)
    found, known = read_matching(tmp_path / FILE), made_up(9).known
    assert found is not None
    for name, matcher in learnt.matchers.items():
        expected, again = learnt_scores(learnt, name, known), found.matchers[name]
        np.testing.assert_array_equal(learnt_scores(found, name, known), expected)
        np.testing.assert_array_equal(again.decider.probability(expected), matcher.decider.probability(expected))
        assert again.decider.match_from(0.05) == matcher.decider.match_from(0.05)
        for field in ("by_viewpoint", "reciprocal_rank", "mean_precision"):
            assert getattr(again, field) == getattr(matcher, field)
    for field in ("best", *COUNTS, "unseen"):
        assert getattr(found, field) == getattr(learnt, field)
    write_matching(found, tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / FILE).read_bytes()


def test_a_model_without_validation_photos(tmp_path: Path) -> None:
    assert read_matching(tmp_path / FILE) is None  # a third-party model
    write_matching(None, tmp_path / FILE)
    assert (tmp_path / FILE).read_text() == "null\n" and read_matching(tmp_path / FILE) is None


def refused(path: Path) -> None:
    with pytest.raises(UserError, match=r"matching\.json cannot be read: .+; train again$") as error:
        read_matching(path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"{", b"[]", b"{}", b"0", b"true", b'"auto"', b"[" * 100_000, b'{"rankers": {}}']
)
def test_a_file_of_another_kind_is_refused_in_one_line(content: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(content)
    refused(tmp_path / FILE)


ABSENT = object()
WRONG: dict[str, list[Any]] = {
    "best": ["auto", ["fused"], None],
    **{name: ["7", True, [], None, 1e999] for name in COUNTS},
    "unseen": ["no"],
    "calibrations": [None, []],
    "calibrations local": [7],
    "calibrations local prior": ["half", None, 0, 1, 1e999],
    "calibrations local spread": [[1.0], [0.0, "x"]],
    "calibrations local curves": [[], {}],
    "calibrations local curves any": [None],
    "calibrations local curves any scores": [[], [1.0], None],
    "calibrations local curves any probabilities": ["0.5"],
    "calibrations local curves same probabilities": [[[0.1, 0.2], [0.3]]],
    "matchers": [None, [], {"nose": None}],
    "matchers fused by_viewpoint": ["no"],
    "matchers fused weights": [[1.0, 2.0], [1.0, 2.0, 1e999], "123"],
    "matchers fused even": ["half", None],
    "matchers fused known": [None, [0.1, None], [0.9, 0.1]],
    "matchers fused new": [{}, [10**400]],
    "matchers fused reciprocal_rank": [[]],
}


@pytest.mark.parametrize(
    ("place", "value"), [(place, value) for place, values in WRONG.items() for value in (*values, ABSENT)]
)
def test_a_wrong_or_missing_part_is_refused(learnt: Matching, tmp_path: Path, place: str, value: Any) -> None:
    write_matching(learnt, tmp_path / FILE)
    content = part = json.loads((tmp_path / FILE).read_text())
    *inside, last = place.split()
    for name in inside:
        part = part[name]
    part[last] = value
    if value is ABSENT:
        del part[last]
    (tmp_path / FILE).write_text(json.dumps(content))
    refused(tmp_path / FILE)


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


def test_a_file_of_version_0_1_is_read(tmp_path: Path) -> None:
    path = tmp_path / FILE
    path.write_text(OF_0_1)
    found = read_matching(path)
    assert found is not None
    assert (found.best, found.queries, found.gallery, found.unseen) == ("fused", 44, 218, True)
    by_viewpoint = {name: each.by_viewpoint for name, each in found.matchers.items()}
    assert by_viewpoint == {"embedding": True, "local": False, "fused": True}
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
