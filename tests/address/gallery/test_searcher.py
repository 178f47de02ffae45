import logging
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.address.matching.local.test_voting import NOTHING
from tests.spotted import NAMES, SIZE, CellEngine, build, fake_matching, spots
from wildtrack.access.photos.reader import read_photo
from wildtrack.address.evaluation.metrics import identity_similarity
from wildtrack.address.gallery import index as index_module
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.index import Index, nearest_photos, save_index
from wildtrack.address.gallery.searcher import Searcher, answer_photo, answer_query, read_query
from wildtrack.address.matching.calibration import side_relation
from wildtrack.address.matching.learning import EMBEDDING, FUSED, LOCAL, Matching
from wildtrack.address.matching.local.voting import LocalIndex, Matches
from wildtrack.storage.files import sha256


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Index:
    return build(tmp_path_factory.mktemp("known"))


@pytest.fixture
def new_photo(tmp_path: Path) -> Path:
    """Another photo of Ana."""
    Image.fromarray(spots(1)[4:, 4:]).save(tmp_path / "new.png")
    return tmp_path / "new.png"


def named(answer: Answer) -> list[str]:
    return [candidate.identity for candidate in answer.candidates]


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
@pytest.mark.parametrize("sided", [True, False])
@pytest.mark.parametrize("side", ["left", "right", ""])
def test_the_animal_is_found_and_all_are_ranked(
    index: Index, new_photo: Path, matcher: str, sided: bool, side: str
) -> None:
    searcher = Searcher(index, CellEngine(), SIZE, matcher, fake_matching(sided), side=side)
    answer = answer_photo(new_photo, searcher, 99)
    assert named(answer)[0] == "Ana" or (sided and side == "right")
    assert sorted(named(answer)) == sorted(set(NAMES))  # whatever its side: nobody is excluded
    assert [candidate.rank for candidate in answer.candidates] == [1, 2, 3, 4]
    sure = [candidate.probability for candidate in answer.candidates]
    assert all(p is not None and 0 <= p <= 1 for p in sure)
    assert sure == sorted(sure, key=lambda p: -(p or 0))
    assert all(-1 <= candidate.similarity <= 1 for candidate in answer.candidates)
    assert [candidate.known_photos for candidate in answer.candidates] == [NAMES.count(name) for name in named(answer)]
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
def test_as_many_as_wanted(index: Index, new_photo: Path, topk: int) -> None:
    answers = [
        answer_photo(new_photo, Searcher(index, CellEngine(), SIZE, EMBEDDING, matching), topk)
        for matching in (None, fake_matching())
    ]
    for answer in answers:
        assert len(set(named(answer))) == len(answer.candidates) == min(topk, 4)
    assert named(answers[0]) == named(answers[1])


@pytest.mark.parametrize(
    ("constant", "rate", "expected"),
    [(2.0, 0.01, "match"), (0.2, 0.01, "review"), (0.2, 0.7, "match"), (-0.2, 1.0, "review"), (-2.0, 1.0, "new")],
)
def test_what_is_decided(index: Index, new_photo: Path, constant: float, rate: float, expected: str) -> None:
    matching = fake_matching(weights=(0.0, 0.0, constant))  # every candidate is as sure
    searcher = Searcher(index, CellEngine(), SIZE, EMBEDDING, matching, false_match_rate=rate)
    answer = answer_photo(new_photo, searcher, 3)
    assert (answer.decision, answer.false_match_rate) == (expected, rate)
    assert answer.candidates[0].probability == pytest.approx(1 / (1 + np.exp(-constant)), abs=1e-4)
    assert answer.candidates[0].identity == "Ana"


@pytest.mark.parametrize(("size", "expected"), [((20, 15), "review"), ((99, 60), "review"), ((120, 90), "new")])
def test_a_photo_that_shows_little_is_not_called_new(
    index: Index, tmp_path: Path, size: tuple[int, int], expected: str
) -> None:
    Image.new("RGB", size, (90, 120, 150)).save(tmp_path / "small.png")
    matching = fake_matching(weights=(0.0, 0.0, -2.0))
    answer = answer_photo(tmp_path / "small.png", Searcher(index, CellEngine(), SIZE, EMBEDDING, matching), 3)
    assert answer.decision == expected


def test_a_model_that_learnt_nothing_says_nothing_of_it(index: Index, new_photo: Path) -> None:
    answer = answer_photo(new_photo, Searcher(index, CellEngine(), SIZE), 3)
    assert (answer.decision, answer.false_match_rate, answer.matcher) == (None, None, EMBEDDING)
    assert [candidate.probability for candidate in answer.candidates] == [None] * 3
    embedding = CellEngine().run(read_photo(new_photo, SIZE)[None])["embedding"][0]
    nearest = nearest_photos(index, embedding, 3, np.zeros(6, np.bool_))
    assert [candidate.path for candidate in answer.candidates] == nearest["path"].tolist()


@pytest.mark.parametrize(
    ("matching", "matcher"),
    [
        (None, EMBEDDING),
        *((fake_matching(sided), name) for sided in (True, False) for name in (EMBEDDING, LOCAL, FUSED)),
    ],
)
def test_the_photo_itself_is_left_out(index: Index, tmp_path: Path, matching: Matching | None, matcher: str) -> None:
    (tmp_path / "copy.png").write_bytes((index.root / "0.png").read_bytes())
    answer = answer_photo(tmp_path / "copy.png", Searcher(index, CellEngine(), SIZE, matcher, matching), 4)
    assert answer.already_known_as == "Ana"
    assert "0.png" not in [candidate.path for candidate in answer.candidates]
    assert answer.candidates[0].path == "1.png"
    last = answer_photo(index.root / "4.png", Searcher(index, CellEngine(), SIZE, matcher, matching), 4)
    assert last.already_known_as == "007"
    assert "007" not in named(last)  # of whom there is no other photo
    assert len(last.candidates) == 3


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_a_photo_that_is_left_out_takes_no_votes(index: Index, tmp_path: Path, matcher: str) -> None:
    """All is as if it were not in the index."""
    assert index.local is not None
    meta, local = index.meta.iloc[1:].reset_index(drop=True), LocalIndex(index.local.gallery[1:])
    fewer = save_index(tmp_path, index.embeddings[1:], meta, index.root, index.root, "fingerprint", local)
    told = []
    for known in (index, fewer):
        answer = answer_photo(index.root / "0.png", Searcher(known, CellEngine(), SIZE, matcher, fake_matching()), 9)
        told.append([(c.path, c.similarity, c.probability, c.shared_points) for c in answer.candidates])
    assert told[0] == told[1]


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
    ("side", "expected"),
    [
        ("left", {"Ana": None, "Blå": None, "007": None, "NA": None}),
        ("right", {"Ana": "left", "Blå": None, "007": None, "NA": "left"}),
        ("front", {"Ana": "left", "Blå": None, "007": None, "NA": "left"}),
        ("", {"Ana": None, "Blå": None, "007": None, "NA": None}),
    ],
)
@pytest.mark.parametrize("matching", [None, fake_matching(), fake_matching(True)])
def test_animals_known_from_the_other_side_are_marked(
    index: Index, new_photo: Path, side: str, expected: dict[str, str | None], matching: Matching | None
) -> None:
    """Not Blå, of whom one photo may show any side."""
    answer = answer_photo(new_photo, Searcher(index, CellEngine(), SIZE, matching=matching, side=side), 9)
    assert {candidate.identity: candidate.other_side for candidate in answer.candidates} == expected


def test_several_other_sides(tmp_path: Path, new_photo: Path) -> None:
    several = build(tmp_path, ["Ana", "Ana", "Ana"], ["right", "left", "right"])
    answer = answer_photo(new_photo, Searcher(several, CellEngine(), SIZE, side="front"), 1)
    assert answer.candidates[0].other_side == "left, right"
    answer = answer_photo(new_photo, Searcher(several, CellEngine(), SIZE, side="left"), 1)
    assert answer.candidates[0].other_side is None
    assert Searcher(several, CellEngine(), SIZE).sides == {"Ana": ["left", "right"]}


def test_a_known_photo_of_unknown_side_may_show_the_one_that_is_asked_about(tmp_path: Path, new_photo: Path) -> None:
    known = build(tmp_path, ["Ana", "Ana", "Blå", "Blå"], ["right", "right", "right", ""])
    searcher = Searcher(known, CellEngine(), SIZE, side="left")
    assert searcher.sides == {"Ana": ["right"], "Blå": ["", "right"]}
    answer = answer_photo(new_photo, searcher, 2)
    assert {candidate.identity: candidate.other_side for candidate in answer.candidates} == {
        "Ana": "right",
        "Blå": None,
    }


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_the_gallerys_sides_have_no_say_where_they_cannot(
    index: Index, new_photo: Path, seed: int, matcher: str
) -> None:
    """A photo of unknown side, or evidence that minds none: the same ranking, whatever sides are known."""
    sides = np.random.default_rng(seed).choice(["left", "right", "front", ""], len(NAMES))
    other = replace(index, meta=index.meta.assign(orientation=sides))
    for sided, side in ((False, ""), (True, ""), (False, "left")):
        before, after = (
            answer_photo(new_photo, Searcher(known, CellEngine(), SIZE, matcher, fake_matching(sided), side=side), 9)
            for known in (index, other)
        )
        told = [[(c.path, c.similarity, c.probability) for c in answer.candidates] for answer in (before, after)]
        assert told[0] == told[1]
        assert before.decision == after.decision


def test_evidence_that_minds_sides_prefers_the_same_one(index: Index, new_photo: Path) -> None:
    def sure(side: str, sided: bool) -> float:
        searcher = Searcher(index, CellEngine(), SIZE, EMBEDDING, fake_matching(sided), side=side)
        answer = answer_photo(new_photo, searcher, 9)
        return {candidate.identity: candidate.probability or 0.0 for candidate in answer.candidates}["Ana"]

    assert sure("left", True) > sure("right", True)
    assert sure("left", True) == sure("", True)
    assert sure("left", False) == sure("right", False)


def test_reasons_are_looked_for_where_they_are_wanted(index: Index, new_photo: Path) -> None:
    plain = Searcher(replace(index, local=None), CellEngine(), SIZE, explains=True)
    answer = answer_photo(new_photo, plain, 3)
    assert answer.candidates[0].identity == "Ana"
    counts = [candidate.shared_points for candidate in answer.candidates]
    assert counts[0] is not None and counts[0] > 50
    assert all(count is not None and count < 10 for count in counts[1:])
    with_index = answer_photo(new_photo, replace(plain, index=index), 3)
    assert [candidate.path for candidate in with_index.candidates] == [
        candidate.path for candidate in answer.candidates
    ]


def test_known_photos_that_are_gone_share_nothing(index: Index, new_photo: Path, tmp_path: Path) -> None:
    gone = replace(index, local=None, root=tmp_path / "gone")
    answer = answer_photo(new_photo, Searcher(gone, CellEngine(), SIZE, explains=True), 9)
    assert [candidate.shared_points for candidate in answer.candidates] == [0] * 4
    assert [candidate.points for candidate in answer.candidates] == [[]] * 4


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
    index: Index, tmp_path: Path, picture: np.ndarray, matcher: str, explains: bool
) -> None:
    Image.fromarray(picture).save(tmp_path / "odd.png")
    for matching in (None, fake_matching()) if matcher == EMBEDDING else (fake_matching(True),):
        for local in (None, index.local) if matcher == EMBEDDING else (index.local,):
            known = replace(index, local=local)
            searcher = Searcher(known, CellEngine(), SIZE, matcher, matching, side="left", explains=explains)
            answer = answer_photo(tmp_path / "odd.png", searcher, 9)
            assert (answer.status, len(answer.candidates)) == ("ok", 4)
            assert all(np.isfinite(candidate.similarity) for candidate in answer.candidates)
            assert (answer.decision is None) == (matching is None)


def test_known_photos_that_show_little_are_no_failure(tmp_path: Path) -> None:
    known = build(tmp_path, ["Ana", "Bo"], ["", ""])
    blank = LocalIndex([NOTHING, NOTHING])
    for matcher in (LOCAL, FUSED):
        searcher = Searcher(replace(known, local=blank), CellEngine(), SIZE, matcher, fake_matching())
        answer = answer_photo(tmp_path / "0.png", searcher, 2)
        assert [(candidate.identity, candidate.shared_points) for candidate in answer.candidates] == [("Bo", 0)]


@pytest.mark.parametrize("content", [None, b"", b"no photo", b"\x89PNG\r\n\x1a\n cut short"])
@pytest.mark.parametrize("matching", [None, fake_matching()])
def test_a_photo_that_cannot_be_read(
    index: Index, tmp_path: Path, content: bytes | None, matching: Matching | None
) -> None:
    path = tmp_path / "bad.jpg"
    if content is not None:
        path.write_bytes(content)
    answer = answer_photo(path, Searcher(index, CellEngine(), SIZE, matching=matching, explains=True), 3)
    assert answer == Answer(path.as_posix(), "unreadable", reason=answer.reason)
    assert answer.reason


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names in Unicode")
def test_a_name_that_is_no_text(index: Index, tmp_path: Path, new_photo: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.png")
    path.write_bytes(new_photo.read_bytes())
    answer = answer_photo(path, Searcher(index, CellEngine(), SIZE), 3)
    assert (answer.status, answer.photo) == ("unreadable", f"{tmp_path.as_posix()}/caf?.png")


@pytest.mark.parametrize("seed", range(5))
def test_evidence_that_minds_no_sides_ranks_as_the_cosine_does(index: Index, tmp_path: Path, seed: int) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")
    plain, learnt = (
        answer_photo(tmp_path / "noise.png", Searcher(index, CellEngine(), SIZE, matching=matching), 9)
        for matching in (None, fake_matching())
    )
    assert [(c.path, c.similarity) for c in plain.candidates] == [(c.path, c.similarity) for c in learnt.candidates]


class FixedEngine:
    """Every photo has this embedding."""

    def __init__(self, embedding: np.ndarray) -> None:
        self.embedding = embedding

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        return {"embedding": np.repeat(self.embedding[None], len(photos), axis=0)}


def drawn_index(seed: int, count: int) -> Index:
    """So many photos, of animals of which some have many; all go by the same few directions in the end."""
    rng = np.random.default_rng(seed)
    embeddings = rng.normal(size=(count, 3)) if seed % 3 else rng.integers(-1, 2, (count, 3)) + 0.5
    embeddings = (embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True)).astype(np.float32)
    names = [f"id {int(number)}" for number in rng.integers(1, 1 + rng.integers(1, 60)) * rng.random(count) ** 2]
    meta = pd.DataFrame({"image_id": [str(row) for row in range(count)], "identity": names})
    meta = meta.assign(path=meta["image_id"], bbox=None, date="", sha256=meta["image_id"])
    return Index(embeddings, meta.assign(orientation=rng.choice(["left", "right", ""], count)), Path(), Path(), "f")


@pytest.mark.parametrize("sided", [True, False])
@pytest.mark.parametrize("side", ["left", "right", "top", ""])
@pytest.mark.parametrize("seed", range(12))
def test_the_embedding_ranks_as_if_every_photo_were_looked_at(
    new_photo: Path, seed: int, side: str, sided: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(index_module, "LEAST", int(rng.integers(1, 30)))
    known = drawn_index(seed, int(rng.integers(1, 900)))
    query, matching, topk = (
        known.embeddings[rng.integers(len(known.meta))],
        fake_matching(sided),
        int(rng.integers(1, 9)),
    )
    contents = known.meta["sha256"].mask(rng.random(len(known.meta)) < 0.1, sha256(new_photo))
    known = replace(known, meta=known.meta.assign(sha256=contents))

    excluded = (contents == sha256(new_photo)).to_numpy()
    cosine = (known.embeddings * query).sum(axis=1, dtype=np.float64).astype(np.float32)
    relation = side_relation([side], known.meta["orientation"].to_numpy(dtype=str))
    scores = matching.scores(EMBEDDING, {EMBEDDING: np.where(excluded, -np.inf, cosine)[None]}, relation)
    merged, names = identity_similarity(scores, known.meta["identity"])
    sure = dict(zip(names, matching.decider(EMBEDDING).probability(merged)[0], strict=True))
    best: dict[str, int] = {}
    for row in sorted(np.flatnonzero(~excluded).tolist(), key=lambda row: (-scores[0, row], row)):
        best.setdefault(known.meta["identity"][row], row)
    expected = [
        (name, str(row), round(min(1.0, float(cosine[row])), 4), round(float(sure[name]), 4))
        for name, row in list(best.items())[:topk]
    ]
    searcher = Searcher(known, FixedEngine(query), SIZE, EMBEDDING, matching, side=side)
    found = answer_photo(new_photo, searcher, topk).candidates
    assert [(c.identity, c.path, c.similarity, c.probability) for c in found] == expected


def test_where_answers_are_approximate_it_is_said(
    tmp_path: Path, new_photo: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(index_module, "APPROXIMATE_FROM", 300)
    drawn = drawn_index(1, 300)
    index = save_index(tmp_path / "large", drawn.embeddings, drawn.meta, tmp_path, tmp_path, "fingerprint")
    engine = FixedEngine(drawn.embeddings[7])
    told = []
    for known in (index, replace(index, approximate=None)):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            searcher = Searcher(known, engine, SIZE, EMBEDDING, fake_matching())
        told.append(answer_photo(new_photo, searcher, 3))
        said = "--exact compares with every one of them" in caplog.text
        assert said == (known.approximate is not None)
    assert told[0] == told[1]
    caplog.clear()
    with caplog.at_level(logging.INFO):
        Searcher(index, engine, SIZE, LOCAL, fake_matching())  # for which all photos are looked at
    assert not caplog.text


@pytest.mark.parametrize("with_points", [True, False])
@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_keypoints_are_matched_once(
    index: Index, new_photo: Path, matcher: str, with_points: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    searcher = Searcher(index, CellEngine(), SIZE, matcher, fake_matching(), explains=True)
    query = read_query("new.png", new_photo, searcher)
    found, match = [], LocalIndex.matches

    def spy(*args: Any) -> Matches:
        found.append(args)
        return match(*args)

    monkeypatch.setattr(LocalIndex, "matches", spy)
    answer = answer_query(query, searcher, 5, with_points=with_points)
    assert len(found) == (1 if with_points or matcher != EMBEDDING else 0)
    assert (answer.candidates[0].points is not None) == with_points
