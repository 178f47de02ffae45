import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.helpers.features import NOTHING, photos, quantised, table
from tests.helpers.spotted import FUSED, LOCAL, NAMES, SIZE, CellEngine, build, fake_matching, spots
from wildtrack.access.photos.reader import read_photo
from wildtrack.address.features.features import Features
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.index import build_index
from wildtrack.address.gallery.ranking import rank_identities
from wildtrack.address.gallery.searcher import Searcher, answer_photo, answer_query, read_query
from wildtrack.address.matching.embedding import EmbeddingMatcher, cosines
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.address.matching.matching import Matching
from wildtrack.storage.files import sha256


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    return build(tmp_path_factory.mktemp("known"))


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


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
@pytest.mark.parametrize("by_viewpoint", [True, False])
@pytest.mark.parametrize("viewpoint", ["left", "right", ""])
def test_the_animal_is_found_and_all_are_ranked(
    gallery: Gallery, new_photo: Path, matcher: str, by_viewpoint: bool, viewpoint: str
) -> None:
    searcher = Searcher(gallery, CellEngine(), SIZE, matcher, fake_matching(by_viewpoint), viewpoint=viewpoint)
    answer = answer_photo(new_photo, searcher, 99)
    assert named(answer)[0] == "Ana" or (by_viewpoint and viewpoint == "right")
    assert sorted(named(answer)) == sorted(set(NAMES))  # whatever its viewpoint: nobody is excluded
    assert [candidate.rank for candidate in answer.candidates] == [1, 2, 3, 4]
    sure = [candidate.probability for candidate in answer.candidates]
    assert all(p is not None and 0 <= p <= 1 for p in sure)
    assert sure == sorted(sure, key=lambda p: -(p or 0))
    assert all(-1 <= candidate.similarity <= 1 for candidate in answer.candidates)
    assert [candidate.gallery_photos for candidate in answer.candidates] == [
        NAMES.count(name) for name in named(answer)
    ]
    assert (answer.status, answer.matcher, answer.model) == ("ok", matcher, "fingerprint")
    assert answer.already_known_as is None
    found = {candidate.identity: candidate for candidate in answer.candidates}["Ana"]
    if matcher == EMBEDDING:  # which has no need of them
        assert (found.shared_points, found.points) == (None, None)
    else:
        assert found.points is not None
        assert found.shared_points == len(found.points) > 50
        assert all(-0.01 <= place <= 1.01 for point in found.points for place in point)


@pytest.mark.parametrize("topk", [1, 2, 4, 99])
def test_as_many_as_wanted(gallery: Gallery, new_photo: Path, topk: int) -> None:
    answers = [
        answer_photo(new_photo, Searcher(gallery, CellEngine(), SIZE, EMBEDDING, matching), topk)
        for matching in (None, fake_matching())
    ]
    for answer in answers:
        assert len(set(named(answer))) == len(answer.candidates) == min(topk, 4)
    assert named(answers[0]) == named(answers[1])


@pytest.mark.parametrize(
    ("constant", "rate", "expected"),
    [(2.0, 0.01, "match"), (0.2, 0.01, "review"), (0.2, 0.7, "match"), (-0.2, 1.0, "review"), (-2.0, 1.0, "new")],
)
def test_what_is_decided(gallery: Gallery, new_photo: Path, constant: float, rate: float, expected: str) -> None:
    matching = fake_matching(weights=(0.0, 0.0, constant))  # every candidate is as sure
    searcher = Searcher(gallery, CellEngine(), SIZE, EMBEDDING, matching, false_match_rate=rate)
    answer = answer_photo(new_photo, searcher, 3)
    assert (answer.decision, answer.false_match_rate) == (expected, rate)
    assert answer.candidates[0].probability == pytest.approx(1 / (1 + np.exp(-constant)), abs=1e-4)
    assert answer.candidates[0].identity == "Ana"


@pytest.mark.parametrize(("size", "expected"), [((20, 15), "review"), ((99, 60), "review"), ((120, 90), "new")])
def test_a_photo_that_shows_little_is_not_called_new(
    gallery: Gallery, tmp_path: Path, size: tuple[int, int], expected: str
) -> None:
    Image.new("RGB", size, (90, 120, 150)).save(tmp_path / "small.png")
    matching = fake_matching(weights=(0.0, 0.0, -2.0))
    answer = answer_photo(tmp_path / "small.png", Searcher(gallery, CellEngine(), SIZE, EMBEDDING, matching), 3)
    assert answer.decision == expected


def test_a_model_that_learnt_nothing_says_nothing_of_it(gallery: Gallery, new_photo: Path) -> None:
    answer = answer_photo(new_photo, Searcher(gallery, CellEngine(), SIZE), 3)
    assert (answer.decision, answer.false_match_rate, answer.matcher) == (None, None, EMBEDDING)
    assert [candidate.probability for candidate in answer.candidates] == [None] * 3
    embedding = CellEngine().run(read_photo(new_photo, SIZE)[None])["embedding"][0]
    query = Features(embedding[None], np.array([""], object))
    best = rank_identities(query, gallery, EmbeddingMatcher(), 3, np.zeros(6, np.bool_))
    assert [candidate.path for candidate in answer.candidates] == best["path"].tolist()


@pytest.mark.parametrize(
    ("matching", "matcher"),
    [
        (None, EMBEDDING),
        *((fake_matching(by_viewpoint), name) for by_viewpoint in (True, False) for name in (EMBEDDING, LOCAL, FUSED)),
    ],
)
def test_the_photo_itself_is_left_out(
    gallery: Gallery, tmp_path: Path, matching: Matching | None, matcher: str
) -> None:
    (tmp_path / "copy.png").write_bytes((root_of(gallery) / "0.png").read_bytes())
    answer = answer_photo(tmp_path / "copy.png", Searcher(gallery, CellEngine(), SIZE, matcher, matching), 4)
    assert answer.already_known_as == "Ana"
    assert "0.png" not in [candidate.path for candidate in answer.candidates]
    assert answer.candidates[0].path == "1.png"
    last = answer_photo(root_of(gallery) / "4.png", Searcher(gallery, CellEngine(), SIZE, matcher, matching), 4)
    assert last.already_known_as == "007"
    assert "007" not in named(last)  # of whom there is no other photo
    assert len(last.candidates) == 3


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_a_photo_that_is_left_out_takes_no_votes(gallery: Gallery, matcher: str) -> None:
    """All is as if it were not in the gallery."""
    assert gallery.keypoints is not None
    table, keypoints = gallery.table.iloc[1:].reset_index(drop=True), KeypointIndex(gallery.keypoints.gallery[1:])
    fewer = Gallery(
        table, gallery.embeddings[1:], keypoints, build_index(gallery.embeddings[1:]), source=gallery.source
    )
    answers = []
    for known in (gallery, fewer):
        searcher = Searcher(known, CellEngine(), SIZE, matcher, fake_matching())
        answer = answer_photo(root_of(gallery) / "0.png", searcher, 9)
        answers.append([(c.path, c.similarity, c.probability, c.shared_points) for c in answer.candidates])
    assert answers[0] == answers[1]


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
@pytest.mark.parametrize("explains", [True, False])
def test_nobody_else_is_known(tmp_path: Path, matcher: str, explains: bool) -> None:
    alone = build(tmp_path, ["Ana"], ["left"])
    searcher = Searcher(alone, CellEngine(), SIZE, matcher, fake_matching(), explains=explains)
    answer = answer_photo(tmp_path / "0.png", searcher, 5)
    assert (answer.status, answer.candidates, answer.decision) == ("ok", [], None)
    assert answer.already_known_as == "Ana"
    Image.fromarray(spots(0)[9:]).save(tmp_path / "other.png")
    assert named(answer_photo(tmp_path / "other.png", searcher, 5)) == ["Ana"]


@pytest.mark.parametrize(
    ("viewpoint", "expected"),
    [
        ("left", {"Ana": None, "Blå": None, "007": None, "NA": None}),
        ("right", {"Ana": "left", "Blå": None, "007": None, "NA": "left"}),
        ("front", {"Ana": "left", "Blå": None, "007": None, "NA": "left"}),
        ("", {"Ana": None, "Blå": None, "007": None, "NA": None}),
    ],
)
@pytest.mark.parametrize("matching", [None, fake_matching(), fake_matching(True)])
def test_animals_known_from_another_viewpoint_are_marked(
    gallery: Gallery, new_photo: Path, viewpoint: str, expected: dict[str, str | None], matching: Matching | None
) -> None:
    """Not Blå, of whom one photo may be of any viewpoint."""
    answer = answer_photo(new_photo, Searcher(gallery, CellEngine(), SIZE, matching=matching, viewpoint=viewpoint), 9)
    assert {candidate.identity: candidate.other_viewpoint for candidate in answer.candidates} == expected


def test_several_other_viewpoints(tmp_path: Path, new_photo: Path) -> None:
    several = build(tmp_path, ["Ana", "Ana", "Ana"], ["right", "left", "right"])
    answer = answer_photo(new_photo, Searcher(several, CellEngine(), SIZE, viewpoint="front"), 1)
    assert answer.candidates[0].other_viewpoint == "left, right"
    answer = answer_photo(new_photo, Searcher(several, CellEngine(), SIZE, viewpoint="left"), 1)
    assert answer.candidates[0].other_viewpoint is None
    assert Searcher(several, CellEngine(), SIZE).viewpoints == {"Ana": ["left", "right"]}


def test_a_gallery_photo_of_unknown_viewpoint_may_show_the_one_that_is_asked_about(
    tmp_path: Path, new_photo: Path
) -> None:
    known = build(tmp_path, ["Ana", "Ana", "Blå", "Blå"], ["right", "right", "right", ""])
    searcher = Searcher(known, CellEngine(), SIZE, viewpoint="left")
    assert searcher.viewpoints == {"Ana": ["right"], "Blå": ["", "right"]}
    answer = answer_photo(new_photo, searcher, 2)
    assert {candidate.identity: candidate.other_viewpoint for candidate in answer.candidates} == {
        "Ana": "right",
        "Blå": None,
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_the_gallerys_viewpoints_do_not_matter_where_they_cannot(
    gallery: Gallery, new_photo: Path, seed: int, matcher: str
) -> None:
    """A query of unknown viewpoint, or scores that mean the same for all: the same ranking."""
    viewpoints = np.random.default_rng(seed).choice(["left", "right", "front", ""], len(NAMES))
    other = replace(gallery, table=gallery.table.assign(orientation=viewpoints))
    for by_viewpoint, viewpoint in ((False, ""), (True, ""), (False, "left")):
        matching = fake_matching(by_viewpoint)
        before, after = (
            answer_photo(new_photo, Searcher(known, CellEngine(), SIZE, matcher, matching, viewpoint=viewpoint), 9)
            for known in (gallery, other)
        )
        found = [[(c.path, c.similarity, c.probability) for c in answer.candidates] for answer in (before, after)]
        assert found[0] == found[1]
        assert before.decision == after.decision


def test_a_matching_that_regards_viewpoints_prefers_the_same_one(gallery: Gallery, new_photo: Path) -> None:
    def sure(viewpoint: str, by_viewpoint: bool) -> float:
        matching = fake_matching(by_viewpoint)
        searcher = Searcher(gallery, CellEngine(), SIZE, EMBEDDING, matching, viewpoint=viewpoint)
        answer = answer_photo(new_photo, searcher, 9)
        return {candidate.identity: candidate.probability or 0.0 for candidate in answer.candidates}["Ana"]

    assert sure("left", True) > sure("right", True)
    assert sure("left", True) == sure("", True)
    assert sure("left", False) == sure("right", False)


def test_a_wrong_viewpoint_makes_no_new_animal(tmp_path: Path, new_photo: Path) -> None:
    left = build(tmp_path, ["Ana", "Blå"], ["left", "left"])
    matching = fake_matching(True, weights=(1.0, 0.0, -0.5))
    wrong, right, unsaid = (
        answer_photo(new_photo, Searcher(left, CellEngine(), SIZE, EMBEDDING, matching, viewpoint=viewpoint), 1)
        for viewpoint in ("right", "left", "")
    )
    assert (right.decision, unsaid.decision) == ("match", "match")
    sure = wrong.candidates[0].probability
    assert sure is not None and matching.decider(EMBEDDING).decide(sure, 0.01) == "new"
    assert wrong.decision == "review"


def test_reasons_are_looked_for_where_they_are_wanted(gallery: Gallery, new_photo: Path) -> None:
    plain = Searcher(replace(gallery, keypoints=None), CellEngine(), SIZE, explains=True)
    answer = answer_photo(new_photo, plain, 3)
    assert answer.candidates[0].identity == "Ana"
    counts = [candidate.shared_points for candidate in answer.candidates]
    assert counts[0] is not None and counts[0] > 50
    assert all(count is not None and count < 10 for count in counts[1:])
    with_index = answer_photo(new_photo, replace(plain, gallery=gallery), 3)
    assert [candidate.path for candidate in with_index.candidates] == [
        candidate.path for candidate in answer.candidates
    ]


def test_gallery_photos_that_are_gone_share_nothing(gallery: Gallery, new_photo: Path, tmp_path: Path) -> None:
    assert gallery.source is not None
    gone = replace(gallery, keypoints=None, source=replace(gallery.source, root=tmp_path / "gone"))
    answer = answer_photo(new_photo, Searcher(gone, CellEngine(), SIZE, explains=True), 9)
    assert [candidate.shared_points for candidate in answer.candidates] == [0] * 4
    assert [candidate.points for candidate in answer.candidates] == [[]] * 4


def test_a_gallery_in_memory_answers_too(gallery: Gallery, new_photo: Path) -> None:
    kept, in_memory = (
        answer_photo(new_photo, Searcher(each, CellEngine(), SIZE, FUSED, fake_matching()), 9)
        for each in (gallery, replace(gallery, source=None, index=None))
    )
    assert in_memory == replace(kept, model=None)


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((300, 300, 3), np.uint8), id="black"),
        pytest.param(np.full((64, 48, 3), 255, np.uint8), id="white"),
        pytest.param(np.full((64, 48, 3), 128, np.uint8), id="grey: an embedding of zeros"),
        pytest.param(spots(0, 20), id="20 pixels"),
        pytest.param(np.full((1, 1, 3), 9, np.uint8), id="one pixel"),
        pytest.param(spots(0)[:2], id="two lines"),
    ],
)
@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
@pytest.mark.parametrize("explains", [True, False])
def test_pictures_that_show_little_are_no_failure(
    gallery: Gallery, tmp_path: Path, picture: np.ndarray, matcher: str, explains: bool
) -> None:
    Image.fromarray(picture).save(tmp_path / "odd.png")
    for matching in (None, fake_matching()) if matcher == EMBEDDING else (fake_matching(True),):
        for keypoints in (None, gallery.keypoints) if matcher == EMBEDDING else (gallery.keypoints,):
            known = replace(gallery, keypoints=keypoints)
            searcher = Searcher(known, CellEngine(), SIZE, matcher, matching, viewpoint="left", explains=explains)
            answer = answer_photo(tmp_path / "odd.png", searcher, 9)
            assert (answer.status, len(answer.candidates)) == ("ok", 4)
            assert all(np.isfinite(candidate.similarity) for candidate in answer.candidates)
            assert (answer.decision is None) == (matching is None)


def test_gallery_photos_that_show_little_are_no_failure(tmp_path: Path) -> None:
    known = build(tmp_path, ["Ana", "Bo"], ["", ""])
    blank = KeypointIndex([NOTHING, NOTHING])
    for matcher in (LOCAL, FUSED):
        searcher = Searcher(replace(known, keypoints=blank), CellEngine(), SIZE, matcher, fake_matching())
        answer = answer_photo(tmp_path / "0.png", searcher, 2)
        assert [(candidate.identity, candidate.shared_points) for candidate in answer.candidates] == [("Bo", 0)]


@pytest.mark.parametrize("content", [None, b"", b"no photo", b"\x89PNG\r\n\x1a\n cut short"])
@pytest.mark.parametrize("matching", [None, fake_matching()])
def test_a_photo_that_cannot_be_read(
    gallery: Gallery, tmp_path: Path, content: bytes | None, matching: Matching | None
) -> None:
    path = tmp_path / "bad.jpg"
    if content is not None:
        path.write_bytes(content)
    answer = answer_photo(path, Searcher(gallery, CellEngine(), SIZE, matching=matching, explains=True), 3)
    assert answer == Answer(path.as_posix(), "unreadable", reason=answer.reason)
    assert answer.reason


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names in Unicode")
def test_a_name_that_is_no_text(gallery: Gallery, tmp_path: Path, new_photo: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_bytes(new_photo.read_bytes())
    answer = answer_photo(path, Searcher(gallery, CellEngine(), SIZE), 3)
    assert (answer.status, answer.photo) == ("unreadable", f"{tmp_path.as_posix()}/caf?.png")


@pytest.mark.parametrize("seed", range(5))
def test_log_odds_that_do_not_regard_viewpoints_rank_as_the_cosine_does(
    gallery: Gallery, tmp_path: Path, seed: int
) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    plain, learnt = (
        answer_photo(tmp_path / "noise.png", Searcher(gallery, CellEngine(), SIZE, matching=matching), 9)
        for matching in (None, fake_matching())
    )
    assert [(c.path, c.similarity) for c in plain.candidates] == [(c.path, c.similarity) for c in learnt.candidates]


class FixedEngine:
    """Every photo has this embedding."""

    def __init__(self, embedding: np.ndarray) -> None:
        self.embedding = embedding

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        return {"embedding": np.repeat(self.embedding[None], len(photos), axis=0)}


@pytest.mark.parametrize("by_viewpoint", [True, False])
@pytest.mark.parametrize("seed", range(12))
def test_similarity_and_probability_are_as_if_every_photo_were_looked_at(
    new_photo: Path, seed: int, by_viewpoint: bool
) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 900))
    names = [f"id {number}" for number in rng.integers(0, rng.integers(1, 60), count)]
    is_itself = rng.random(count) < 0.1
    found = table(names).assign(
        sha256=np.where(is_itself, sha256(new_photo), "0"), orientation=rng.choice(["left", "right", ""], count)
    )
    embeddings = photos(count, 3, seed, each=1)
    gallery = Gallery(found, embeddings, index=build_index(embeddings))
    query, topk, viewpoint = (
        embeddings[rng.integers(count)],
        int(rng.integers(1, 9)),
        str(rng.choice(["left", "top", ""])),
    )
    matching = fake_matching(by_viewpoint)

    features = Features(query[None], np.array([viewpoint], object))
    scores = matching.matcher(EMBEDDING).scores(features, gallery, is_itself[None])
    sure = matching.decider(EMBEDDING).probability(gallery.identities.merge(scores))[0]
    places, rows = gallery.identities.ranking(scores[0])
    cosine = cosines(query[None], embeddings)[0]
    expected = [
        (gallery.identities.names[place], f"{row}.jpg", round(min(1.0, float(cosine[row])), 4), round(sure[place], 4))
        for place, row in zip(places[:topk].tolist(), rows[:topk].tolist(), strict=True)
    ]
    searcher = Searcher(gallery, FixedEngine(query), SIZE, EMBEDDING, matching, viewpoint=viewpoint)
    candidates = answer_photo(new_photo, searcher, topk).candidates
    assert [(c.identity, c.path, c.similarity, c.probability) for c in candidates] == expected


def test_where_answers_are_approximate_it_is_said(new_photo: Path, caplog: pytest.LogCaptureFixture) -> None:
    embeddings = photos(30, 12)
    gallery = Gallery(table([f"id {row // 10}" for row in range(300)]), embeddings, index=quantised(embeddings))
    engine, answers = FixedEngine(embeddings[7]), []
    for known, says in ((gallery, True), (replace(gallery, index=build_index(embeddings)), False)):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            searcher = Searcher(known, engine, SIZE, EMBEDDING, fake_matching())
        answers.append(answer_photo(new_photo, searcher, 3))
        assert ("--exact compares with every one of them" in caplog.text) == says
    assert answers[0] == answers[1]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        Searcher(gallery, engine, SIZE, LOCAL, fake_matching())  # for which all photos are looked at
    assert not caplog.text


@pytest.mark.parametrize("with_points", [True, False])
@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_keypoints_are_matched_once(
    gallery: Gallery, new_photo: Path, matcher: str, with_points: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    matching = fake_matching(True)
    searcher = Searcher(gallery, CellEngine(), SIZE, matcher, matching, viewpoint="left", explains=True)
    query = read_query("new.png", new_photo, searcher)
    found, search = [], KeypointIndex._nearest

    def spy(*args: Any) -> Any:
        found.append(args)
        return search(*args)

    monkeypatch.setattr(KeypointIndex, "_nearest", spy)
    answer = answer_query(query, searcher, 5, with_points=with_points)
    assert len(found) == (1 if with_points or matcher != EMBEDDING else 0)
    assert (answer.candidates[0].points is not None) == with_points
