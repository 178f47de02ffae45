from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import unit
from tests.helpers.spotted import FUSED, LOCAL, fake_matching, spots
from tests.helpers.validation import learnt_scores, made_up
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import find_keypoints
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.fused import EMBEDDING, parts_of
from wildtrack.address.matching.matcher import new_matcher
from wildtrack.address.matching.viewpoints import viewpoint_relation
from wildtrack.address.training.learn_matching import learn_matching


def test_fused_log_odds_are_the_sum() -> None:
    known = made_up(2).known
    learnt = learn_matching(made_up(2))
    same = replace(learnt, matchers={n: replace(each, by_viewpoint=False) for n, each in learnt.matchers.items()})
    parts = [learnt_scores(same, name, known) for name in (EMBEDDING, LOCAL)]
    np.testing.assert_allclose(learnt_scores(same, FUSED, known), parts[0] + parts[1])


@pytest.mark.parametrize("by_viewpoint", [True, False])
@pytest.mark.parametrize("name", [EMBEDDING, LOCAL, FUSED])
def test_photos_are_scored_by_every_part(name: str, by_viewpoint: bool) -> None:
    embeddings = unit(np.random.default_rng(0).normal(size=(4, 3)))
    viewpoints = np.array(["left", "right", "", "left"], dtype=object)
    photos = Features(embeddings, viewpoints, [find_keypoints(spots(seed, 100)) for seed in range(4)])
    table = pd.DataFrame({"identity": list("abcd"), "orientation": viewpoints})
    gallery, queries = Gallery.of(table, photos), photos[np.array([1, 2])]
    excluded = np.array([[False, True, False, False], [False, False, True, False]])
    matcher = fake_matching(by_viewpoint).matcher(name)
    parts = {part: new_matcher(part).scores(queries, gallery, excluded) for part in parts_of(name)}
    expected = matcher.combined(parts, viewpoint_relation(queries.viewpoints, viewpoints))
    np.testing.assert_array_equal(matcher.scores(queries, gallery, excluded), expected)
    assert np.isneginf(expected[excluded]).all() and np.isfinite(expected[~excluded]).all()
    rows = np.array([3, 1])
    np.testing.assert_allclose(matcher.scores(queries, gallery, excluded, rows), expected[:, rows])
    regardless = fake_matching(False).matcher(name).scores(queries, gallery, excluded)
    changes = by_viewpoint and name != LOCAL  # which has one curve for all
    assert (regardless[:, 0] != expected[:, 0]).any() == changes


@pytest.mark.parametrize("by_viewpoint", [True, False])
def test_the_bound_is_the_highest_score_of_any_viewpoint(by_viewpoint: bool) -> None:
    matching = fake_matching(by_viewpoint)
    matcher = matching.matcher(EMBEDDING)
    cosines = np.random.default_rng(0).uniform(-1, 1, 300).astype(np.float32)
    scores = [matcher.combined({EMBEDDING: cosines[None]}, np.full((1, 300), code)) for code in range(3)]
    best = np.max(scores[: 3 if by_viewpoint else 1], axis=0)[0]
    assert [matcher.bound(float(cosine)) for cosine in cosines] == best.tolist()  # to the last digit, because of ties
    for name in (LOCAL, FUSED):
        assert matching.matcher(name).bound(0.5) is None
