import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.helpers.spotted import FUSED, LOCAL, fake_matching
from wildtrack.address.evaluation.open_set import auroc
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.evaluation.scoring import REAL, SIMULATED, QueryScores, decisions_report, score_queries
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.matching import Matching, open_matcher

NAMES = np.array([*"aabbccdd", *"abcd", *"xyy"], dtype=object)  # of the gallery, of known and of unknown animals
VIEWPOINTS = np.array([*["left", "right"] * 4, *["left"] * 4, *["", "left", "right"]], dtype=object)
TABLE = pd.DataFrame({"identity": NAMES, "orientation": VIEWPOINTS})
PROTOCOL = Protocol(np.arange(8, 12), np.arange(8), "by hand", 0, np.arange(12, 15))
NO_UNKNOWN = replace(PROTOCOL, unknown=np.arange(0))
NOT_LEAKY = np.zeros((4, 8), np.bool_)
ALL = (EMBEDDING, LOCAL, FUSED)
MATCHERS = pytest.mark.parametrize("matcher", ALL)
PROTOCOLS = pytest.mark.parametrize("protocol", [PROTOCOL, NO_UNKNOWN])


def photos(noise: float = 0.0) -> Features:
    """Photos of an animal have embeddings and keypoints that are alike; noise makes embeddings less so."""
    rng = np.random.default_rng(0)
    centres = {name: rng.normal(size=8) for name in sorted(set(NAMES))}
    vectors = np.stack([centres[name] + 0.1 * rng.normal(size=8) for name in NAMES])
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors += noise * np.random.default_rng(1).normal(size=vectors.shape)
    own = {}
    for name in centres:
        places, descriptors = rng.uniform(0, 100, (30, 2)), rng.integers(0, 60, (30, 128), dtype=np.uint8)
        own[name] = Keypoints(places.astype(np.float32), descriptors, (100, 100))
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return Features(embeddings, VIEWPOINTS, [own[name] for name in NAMES])


def scored(
    matching: Matching | None, matcher: str, protocol: Protocol = PROTOCOL, leaky: np.ndarray = NOT_LEAKY
) -> QueryScores:
    return score_queries(TABLE, photos(), protocol, leaky, matching, matcher)


def surest(matcher: str, query: int, kept: np.ndarray) -> float:
    """P of the first candidate where these rows of the catalogue are the whole gallery."""
    everything, matching = photos(), fake_matching()
    gallery = Gallery.of(TABLE.iloc[kept], everything[kept])
    scores = open_matcher(matching, matcher).scores(everything[np.array([query])], gallery)
    return float(matching.decider(matcher).probability(gallery.identities.merge(scores)).max())


@MATCHERS
@PROTOCOLS
@pytest.mark.parametrize("by_viewpoint", [True, False])
def test_known_animals_are_found(matcher: str, protocol: Protocol, by_viewpoint: bool) -> None:
    found = scored(fake_matching(by_viewpoint), matcher, protocol)
    assert found.scores.shape == found.leak_free.shape == (4, 8) and found.truth.tolist() == [0, 1, 2, 3]
    assert found.merged.argmax(axis=1).tolist() == [0, 1, 2, 3]
    np.testing.assert_array_equal(found.leak_free, found.scores)
    answers = found.answers
    assert answers is not None and answers.right.all() and answers.known_ids.tolist() == list("abcd")
    assert answers.known.min() > answers.new.max()
    assert answers.new_ids.tolist() == (list("xyy") if len(protocol.unknown) else list("abcd"))
    assert found.real_unknown == bool(len(protocol.unknown))
    assert found.by_cosine == (matcher == EMBEDDING and not by_viewpoint)
    assert found.method == ("trained" if found.by_cosine else matcher)


@MATCHERS
def test_simulated_unknown_animals_are_asked_about_without_their_own_photos(matcher: str) -> None:
    """As if the gallery had no photo of it."""
    answers = scored(fake_matching(), matcher, NO_UNKNOWN).answers
    assert answers is not None
    expected = [surest(matcher, query, np.flatnonzero(NAMES[:8] != NAMES[query])) for query in NO_UNKNOWN.queries]
    np.testing.assert_allclose(answers.new, expected, rtol=1e-5)


@MATCHERS
@PROTOCOLS
def test_leak_free_answers_are_those_of_a_gallery_without_the_leaky_photos(matcher: str, protocol: Protocol) -> None:
    leaky = NOT_LEAKY.copy()
    leaky[0, :2] = True  # all photos of its animal: there is no right answer left
    leaky[1, [2, 5]] = leaky[2, 4] = True
    found = scored(fake_matching(), matcher, protocol, leaky)
    answers, leak_free = found.answers, found.leak_free_answers
    assert answers is not None and leak_free is not None and answers.known_ids.tolist() == list("abcd")
    assert leak_free.known_ids.tolist() == list("bcd") and leak_free.right.all()
    for place, query in enumerate((9, 10, 11)):
        kept = np.flatnonzero(~leaky[place + 1])
        assert leak_free.known[place] == pytest.approx(surest(matcher, query, kept), rel=1e-5)
    assert leak_free.known[2] == answers.known[3]  # which loses no photo
    np.testing.assert_array_equal(leak_free.new, answers.new)
    np.testing.assert_array_equal(leak_free.new_ids, answers.new_ids)
    for place, query in enumerate((8, 9, 10, 11)):
        assert answers.known[place] == pytest.approx(surest(matcher, query, np.arange(8)), rel=1e-5)


def test_a_match_that_only_a_leaky_photo_gives_away_is_none_without() -> None:
    """The animal's other gallery photo looks like nobody."""
    embeddings = photos().embeddings.copy()
    embeddings[1] = -embeddings[0]
    leaky = NOT_LEAKY.copy()
    leaky[0, 0] = True
    matching = fake_matching()
    found = score_queries(TABLE, Features(embeddings, VIEWPOINTS), PROTOCOL, leaky, matching, EMBEDDING)
    assert found.answers is not None and found.leak_free_answers is not None and found.answers.right[0]
    assert found.leak_free_answers.known[0] < found.answers.known[0]
    report = decisions_report(found, matching, "auto", 0.7, 3)["open_set"]
    leak_free = report["leak_free"]
    assert report["true_accepts"] - leak_free["true_accepts"] == 0.25
    assert report["false_matches"] == leak_free["false_matches"]
    assert (leak_free["num_known"], leak_free["num_new"]) == (4, 3)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("matching", [None, fake_matching()])
def test_how_well_best_scores_tell_known_from_unknown_animals(noise: float, matching: Matching | None) -> None:
    features = photos(noise)
    found = score_queries(TABLE, features, PROTOCOL, NOT_LEAKY, matching, EMBEDDING)
    best = (features.embeddings[8:] @ features.embeddings[:8].T).max(axis=1)  # log-odds rise with it
    expected = np.mean([(known > new) + (known == new) / 2 for known in best[:4] for new in best[4:]])
    assert found.auroc == pytest.approx(expected)
    report = decisions_report(found, matching, "auto", 0.01, 3)["open_set"]
    if matching is None:
        assert report == {"AUROC": found.auroc, "num_known": 4, "num_new": 3}
    else:  # where P is known, it tells them apart
        assert found.answers is not None and report["AUROC"] == auroc(found.answers.known, found.answers.new)


@PROTOCOLS
def test_without_validation_it_is_the_cosine(protocol: Protocol) -> None:
    leaky = NOT_LEAKY.copy()
    leaky[1, 3] = True
    found, embeddings = scored(None, EMBEDDING, protocol, leaky), photos().embeddings
    expected = embeddings[8:12] @ embeddings[:8].T
    np.testing.assert_allclose(found.scores, expected, rtol=1e-6)
    np.testing.assert_allclose(found.leak_free, np.where(leaky, -np.inf, expected), rtol=1e-6)
    assert (found.answers, found.leak_free_answers, found.method) == (None, None, "trained")
    report = decisions_report(found, None, "auto", 0.01, len(protocol.unknown))
    assert report["matcher"] == {"name": EMBEDDING, "asked_for": "auto"}
    area = 1.0 if len(protocol.unknown) else None  # simulated unknown animals are no test of best scores
    assert report["open_set"] == {"AUROC": area, "num_known": 4, "num_new": len(protocol.unknown)}
    assert report["review_effort"]["mean_candidates"] == 1.0


@MATCHERS
@PROTOCOLS
def test_the_report_is_plain(matcher: str, protocol: Protocol) -> None:
    matching = fake_matching()
    report = decisions_report(scored(matching, matcher, protocol), matching, "auto", 0.05, len(protocol.unknown))
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    counts = (
        "validation_photos",
        "validation_identities",
        "validation_photos_of_new_animals",
        "validation_new_animals",
    )
    of_all = dict.fromkeys(("validation_mean_reciprocal_rank", "validation_mAP"), dict.fromkeys(ALL, 1.0))
    no = dict.fromkeys(("uses_viewpoints", "training_did_not_see_them"), False)
    assert report["matcher"] == {"name": matcher, "asked_for": "auto", **of_all, **no, **dict.fromkeys(counts, 2)}
    decisions = report["open_set"]
    assert decisions["new_animals"] == (REAL if len(protocol.unknown) else SIMULATED)
    assert decisions["AUROC"] == 1.0
    assert (decisions["num_known"], decisions["num_new"]) == (4, len(protocol.unknown) or 4)
    leak_free = decisions["leak_free"]
    assert leak_free == {name: decisions[name] for name in leak_free}  # no photo is leaky
    assert set(decisions) - set(leak_free) == {"new_animals", "leak_free"}
    effort = {"candidates_for_95_percent": 1, "leafing_for_95_percent": 4, "mean_candidates": 1.0}
    assert report["review_effort"] == effort


@MATCHERS
def test_a_gallery_of_one_animal(matcher: str) -> None:
    """Taken out for its own queries, nobody is left."""
    alone = Protocol(np.array([8]), np.array([0, 1]), "by hand", 0)
    found = scored(fake_matching(), matcher, alone, np.ones((1, 2), np.bool_))
    assert found.answers is not None and found.leak_free_answers is not None
    assert found.answers.right.all() and found.answers.new.tolist() == [0.0]
    assert np.isneginf(found.leak_free).all() and len(found.leak_free_answers.known) == 0
    report = decisions_report(found, fake_matching(), matcher, 0.01, 0)
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    leak_free = report["open_set"]["leak_free"]
    nothing = (leak_free["AUROC"], leak_free["true_accepts"], leak_free["num_known"], leak_free["num_new"])
    assert nothing == (None, None, 0, 1)
