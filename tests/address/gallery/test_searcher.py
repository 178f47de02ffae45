import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.spotted import FUSED, LOCAL, NAMES, build, fake_matching, searcher_of, spots
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.index import build_index
from wildtrack.address.gallery.searcher import answer_photo, answer_query, read_query
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.address.matching.matching import Matching

MATCHERS = (EMBEDDING, LOCAL, FUSED)


def root_of(gallery: Gallery) -> Path:
    assert gallery.source is not None
    return gallery.source.root


@pytest.fixture
def new_photo(tmp_path: Path) -> Path:
    """Another photo of Ana."""
    Image.fromarray(spots(1)[4:, 4:]).save(tmp_path / "new.png")
    return tmp_path / "new.png"


def named(answer: Answer) -> list[str]:
    return [candidate.identity for candidate in answer.candidates]


def figures(answer: Answer) -> list[tuple[Any, ...]]:
    return [(c.path, c.similarity, c.probability, c.shared_points) for c in answer.candidates]


@pytest.mark.parametrize("matcher", MATCHERS)
@pytest.mark.parametrize("by_viewpoint", [True, False])
@pytest.mark.parametrize("viewpoint", ["left", "right", ""])
def test_all_are_ranked(gallery: Gallery, new_photo: Path, matcher: str, by_viewpoint: bool, viewpoint: str) -> None:
    searcher = searcher_of(gallery, matcher, fake_matching(by_viewpoint), viewpoint=viewpoint)
    answer = answer_photo(new_photo, searcher, 99)
    assert named(answer)[0] == "Ana" or (by_viewpoint and viewpoint == "right")
    assert sorted(named(answer)) == sorted(set(NAMES))  # no viewpoint excludes anybody
    assert [candidate.rank for candidate in answer.candidates] == [1, 2, 3, 4]
    probabilities = [candidate.probability or 0.0 for candidate in answer.candidates]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(0 <= probability <= 1 for probability in probabilities)
    assert all(-1 <= candidate.similarity <= 1 for candidate in answer.candidates)
    assert [each.gallery_photos for each in answer.candidates] == [NAMES.count(name) for name in named(answer)]
    assert (answer.status, answer.matcher, answer.model) == ("ok", matcher, "fingerprint")
    assert answer.already_known_as is None
    found = {candidate.identity: candidate for candidate in answer.candidates}["Ana"]
    if matcher == EMBEDDING:
        assert (found.shared_points, found.points) == (None, None)
    else:
        assert found.points is not None and found.shared_points == len(found.points) > 50
        assert all(-0.01 <= place <= 1.01 for point in found.points for place in point)


@pytest.mark.parametrize("topk", [1, 2, 4, 99])
@pytest.mark.parametrize("matching", [None, fake_matching(), fake_matching(True)])
def test_topk_candidates_are_named(gallery: Gallery, new_photo: Path, topk: int, matching: Matching | None) -> None:
    searcher = searcher_of(gallery, EMBEDDING, matching, viewpoint="left")
    some, everybody = (answer_photo(new_photo, searcher, count) for count in (topk, 99))
    assert len(set(named(some))) == len(some.candidates) == min(topk, 4)
    assert (some.candidates, some.decision) == (everybody.candidates[:topk], everybody.decision)
    if matching is None:  # a model without validation photos
        answer = answer_photo(new_photo, searcher_of(gallery, "auto"), 3)
        assert (answer.decision, answer.false_match_rate, answer.matcher) == (None, None, EMBEDDING)
        assert [candidate.probability for candidate in answer.candidates] == [None] * 3


@pytest.mark.parametrize(
    ("constant", "rate", "expected"),
    [(2.0, 0.01, "match"), (0.2, 0.01, "review"), (0.2, 0.7, "match"), (-0.2, 1.0, "review"), (-2.0, 1.0, "new")],
)
def test_the_decision_follows_from_the_probability_and_the_rate(
    gallery: Gallery, new_photo: Path, constant: float, rate: float, expected: str
) -> None:
    matching = fake_matching(weights=(0.0, 0.0, constant))  # every candidate has the same P
    answer = answer_photo(new_photo, searcher_of(gallery, EMBEDDING, matching, false_match_rate=rate), 3)
    assert (answer.decision, answer.false_match_rate) == (expected, rate)
    assert answer.candidates[0].probability == pytest.approx(1 / (1 + np.exp(-constant)), abs=1e-4)
    assert answer.candidates[0].identity == "Ana"


@pytest.mark.parametrize(("size", "expected"), [((20, 15), "review"), ((99, 60), "review"), ((120, 90), "new")])
def test_small_photos_are_never_new(gallery: Gallery, tmp_path: Path, size: tuple[int, int], expected: str) -> None:
    Image.new("RGB", size, (90, 120, 150)).save(tmp_path / "small.png")
    searcher = searcher_of(gallery, EMBEDDING, fake_matching(weights=(0.0, 0.0, -2.0)))
    assert answer_photo(tmp_path / "small.png", searcher, 3).decision == expected


def test_a_photo_that_is_known_with_two_animals_names_both(gallery: Gallery) -> None:
    first = gallery.table["sha256"].iloc[0]
    both = replace(gallery, table=gallery.table.assign(sha256=[first, *gallery.table["sha256"][1:-1], first]))
    answer = answer_photo(root_of(gallery) / "0.png", searcher_of(both, EMBEDDING), 3)
    assert answer.already_known_as == f"Ana and {gallery.table['identity'].iloc[-1]}"


@pytest.mark.parametrize(("matching", "matcher"), [(None, EMBEDDING), *((fake_matching(), name) for name in MATCHERS)])
def test_the_photo_is_left_out(gallery: Gallery, tmp_path: Path, matching: Matching | None, matcher: str) -> None:
    """The answer is as if it were not in the gallery."""
    (tmp_path / "copy.png").write_bytes((root_of(gallery) / "0.png").read_bytes())
    answer = answer_photo(tmp_path / "copy.png", searcher_of(gallery, matcher, matching), 9)
    assert (answer.already_known_as, answer.candidates[0].path) == ("Ana", "1.png")
    assert gallery.keypoints is not None
    rest, keypoints = gallery.table.iloc[1:].reset_index(drop=True), KeypointIndex(gallery.keypoints.gallery[1:])
    fewer = Gallery(rest, gallery.embeddings[1:], keypoints, build_index(gallery.embeddings[1:]), source=gallery.source)
    assert figures(answer) == figures(answer_photo(tmp_path / "copy.png", searcher_of(fewer, matcher, matching), 9))
    last = answer_photo(root_of(gallery) / "4.png", searcher_of(gallery, matcher, matching), 4)
    assert last.already_known_as == "007"
    assert "007" not in named(last) and len(last.candidates) == 3  # there is no other photo of 007


@pytest.mark.parametrize(
    ("gallery_viewpoints", "viewpoint", "expected"),
    [
        (["left", "left", "left", "left"], "left", [None, None]),
        (["left", "left", "right", "right"], "left", [None, "right"]),
        (["left", "left", "right", "right"], "", [None, None]),
        (["right", "left", "right", ""], "front", ["left, right", None]),  # one photo of Blå may show any viewpoint
        (["right", "left", "right", ""], "left", [None, None]),
    ],
)
def test_animals_known_only_from_other_viewpoints_are_marked(
    tmp_path: Path, new_photo: Path, gallery_viewpoints: list[str], viewpoint: str, expected: list[str | None]
) -> None:
    known = build(tmp_path, ["Ana", "Ana", "Blå", "Blå"], gallery_viewpoints)
    answer = answer_photo(new_photo, searcher_of(known, EMBEDDING, fake_matching(True), viewpoint=viewpoint), 9)
    marked = {candidate.identity: candidate.other_viewpoint for candidate in answer.candidates}
    assert marked == dict(zip(["Ana", "Blå"], expected, strict=True))


@pytest.mark.parametrize("matcher", MATCHERS)
def test_viewpoints_change_nothing_where_unknown_or_ignored(gallery: Gallery, new_photo: Path, matcher: str) -> None:
    viewpoints = np.random.default_rng(0).choice(["left", "right", "front", ""], len(NAMES))
    other = replace(gallery, table=gallery.table.assign(orientation=viewpoints))
    for by_viewpoint, viewpoint in ((False, ""), (True, ""), (False, "left")):
        matching = fake_matching(by_viewpoint)
        searchers = [searcher_of(known, matcher, matching, viewpoint=viewpoint) for known in (gallery, other)]
        before, after = (answer_photo(new_photo, searcher, 9) for searcher in searchers)
        assert figures(before) == figures(after) and before.decision == after.decision


def test_the_same_viewpoint_is_preferred_if_the_calibration_depends_on_it(gallery: Gallery, new_photo: Path) -> None:
    def probability(viewpoint: str, by_viewpoint: bool) -> float:
        searcher = searcher_of(gallery, EMBEDDING, fake_matching(by_viewpoint), viewpoint=viewpoint)
        found = answer_photo(new_photo, searcher, 9).candidates
        return {candidate.identity: candidate.probability or 0.0 for candidate in found}["Ana"]

    assert probability("left", True) == probability("", True) > probability("right", True)
    assert probability("left", False) == probability("right", False)


def test_a_wrong_viewpoint_does_not_make_a_new_animal(tmp_path: Path, new_photo: Path) -> None:
    left = build(tmp_path, ["Ana", "Blå"], ["left", "left"])
    matching = fake_matching(True, weights=(1.0, 0.0, -0.5))
    searchers = [searcher_of(left, EMBEDDING, matching, viewpoint=viewpoint) for viewpoint in ("right", "left", "")]
    wrong, right, none = (answer_photo(new_photo, searcher, 1) for searcher in searchers)
    assert (right.decision, none.decision) == ("match", "match")
    probability = wrong.candidates[0].probability
    assert probability is not None and matching.decider(EMBEDDING).decide(probability, 0.01) == "new"
    assert wrong.decision == "review"


def test_shared_points_are_found_without_an_index_of_keypoints(gallery: Gallery, new_photo: Path) -> None:
    plain = searcher_of(replace(gallery, keypoints=None), explains=True)
    answer = answer_photo(new_photo, plain, 3)
    counts = [candidate.shared_points or 0 for candidate in answer.candidates]
    assert answer.candidates[0].identity == "Ana" and counts[0] > 50 and max(counts[1:]) < 10
    assert named(answer_photo(new_photo, replace(plain, gallery=gallery), 3)) == named(answer)


def test_gallery_photos_that_are_gone_share_no_points(gallery: Gallery, new_photo: Path, tmp_path: Path) -> None:
    assert gallery.source is not None
    gone = replace(gallery, keypoints=None, source=replace(gallery.source, root=tmp_path / "gone"))
    answer = answer_photo(new_photo, searcher_of(gone, explains=True), 9)
    assert [(candidate.shared_points, candidate.points) for candidate in answer.candidates] == [(0, [])] * 4


LITTLE = {
    "black": np.zeros((300, 300, 3), np.uint8),
    "grey: an embedding of zeros": np.full((64, 48, 3), 128, np.uint8),
    "20 pixels": spots(0, 20),
    "one pixel": np.full((1, 1, 3), 9, np.uint8),
    "two lines": spots(0)[:2],
}


@pytest.mark.parametrize("picture", LITTLE)
@pytest.mark.parametrize(("matching", "matcher"), [(None, EMBEDDING), *((fake_matching(True), m) for m in MATCHERS)])
def test_little_pictures(gallery: Gallery, tmp_path: Path, picture: str, matching: Any, matcher: str) -> None:
    Image.fromarray(LITTLE[picture]).save(tmp_path / "odd.png")
    for known in (gallery, replace(gallery, keypoints=None)) if matcher == EMBEDDING else (gallery,):
        searcher = searcher_of(known, matcher, matching, viewpoint="left", explains=True)
        answer = answer_photo(tmp_path / "odd.png", searcher, 9)
        assert (answer.status, len(answer.candidates)) == ("ok", 4)
        assert all(np.isfinite(candidate.similarity) for candidate in answer.candidates)
        assert (answer.decision is None) == (matching is None)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names in Unicode")
def test_a_file_name_that_is_not_unicode(gallery: Gallery, tmp_path: Path, new_photo: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_bytes(new_photo.read_bytes())
    answer = answer_photo(path, searcher_of(gallery), 3)
    assert (answer.status, answer.reason) == ("unreadable", "file name is not valid Unicode; rename it")
    assert answer.photo == f"{tmp_path.as_posix()}/caf?.png"


@pytest.mark.parametrize("with_points", [True, False])
@pytest.mark.parametrize("matcher", MATCHERS)
def test_keypoints_are_matched_once(
    gallery: Gallery, new_photo: Path, matcher: str, with_points: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher = searcher_of(gallery, matcher, fake_matching(True), viewpoint="left", explains=True)
    query = read_query("new.png", new_photo, searcher)
    found, search = [], KeypointIndex._nearest

    def spy(*args: Any) -> Any:
        found.append(args)
        return search(*args)

    monkeypatch.setattr(KeypointIndex, "_nearest", spy)
    answer = answer_query(query, searcher, 5, with_points=with_points)
    assert len(found) == (1 if with_points or matcher != EMBEDDING else 0)
    assert (answer.candidates[0].points is not None) == with_points
