import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import keypoints
from tests.helpers.spotted import spots
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import Keypoints, find_keypoints
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.local.matcher import LocalMatcher
from wildtrack.address.matching.local.voting import KeypointIndex


def photos(found: list[Keypoints]) -> Features:
    return Features(np.ones((len(found), 1), np.float32), np.full(len(found), "", object), found)


def gallery_of(found: list[Keypoints]) -> Gallery:
    return Gallery.of(pd.DataFrame({"identity": [str(row) for row in range(len(found))]}), photos(found))


def test_scores_are_the_votes_of_the_gallerys_index() -> None:
    rng = np.random.default_rng(3)
    known, queries = [keypoints(rng, count) for count in (30, 20, 0)], [keypoints(rng, count) for count in (25, 30)]
    scores = LocalMatcher().scores(photos(queries), gallery_of(known))
    assert scores.dtype == np.float32
    for query, expected in zip(queries, scores, strict=True):
        np.testing.assert_array_equal(KeypointIndex(known).votes(query), expected)
    assert LocalMatcher().bound(0.5) is None


@pytest.mark.parametrize("queries", [[], [0], [0, 0], [15]])
@pytest.mark.parametrize("known", [[0], [0, 0, 0], [1], [0, 20], [2, 3]])
def test_photos_without_keypoints_are_no_failure(known: list[int], queries: list[int]) -> None:
    rng, shape = np.random.default_rng(5), (len(queries), len(known))
    gallery, asked = gallery_of([keypoints(rng, count) for count in known]), [keypoints(rng, n) for n in queries]
    for excluded in (None, np.zeros(shape, np.bool_), np.ones(shape, np.bool_)):
        scores = LocalMatcher().scores(photos(asked), gallery, excluded)
        assert scores.shape == shape
        assert not np.isnan(scores).any()


@pytest.mark.parametrize(
    "picture",
    [
        pytest.param(np.zeros((64, 64, 3), np.uint8), id="black"),
        pytest.param(np.full((64, 64, 3), 255, np.uint8), id="white"),
        pytest.param(spots(0, 20), id="20 pixels"),
        pytest.param(spots(0, 20)[:1], id="one line"),
    ],
)
def test_pictures_that_show_little_are_no_failure(picture: np.ndarray) -> None:
    found = [find_keypoints(each) for each in (picture, spots(1), picture)]
    scores = LocalMatcher().scores(photos(found), gallery_of(found), np.eye(3, dtype=np.bool_))
    np.testing.assert_array_equal(np.isneginf(scores), np.eye(3, dtype=np.bool_))
    assert not np.isnan(scores).any()


def test_photos_whose_keypoints_nobody_found_are_refused() -> None:
    known = [keypoints(np.random.default_rng(0), 9)]
    without = Features(np.ones((1, 1), np.float32), np.array([""], object))
    table = pd.DataFrame({"identity": ["a"]})
    for queries, gallery in ((without, gallery_of(known)), (photos(known), Gallery.of(table, without))):
        with pytest.raises(ValueError, match="needs the keypoints"):
            LocalMatcher().scores(queries, gallery)
