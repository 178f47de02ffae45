import numpy as np
import pytest

from tests.helpers.features import NOTHING
from tests.helpers.spotted import spots
from wildtrack.address.features.keypoints import Keypoints, find_keypoints
from wildtrack.address.gallery.explain import Explained, explain_queries, shared_points, similarity_maps
from wildtrack.address.matching.local.voting import KeypointIndex


class CornerEngine:
    """Looks at the top left 8 pixels only."""

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        corner = photos[:, :8, :8].mean(axis=(1, 2, 3)) / 255
        vectors = np.stack([corner, 1 - corner], axis=1)
        return {"embedding": (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)}


def bright_corner(height: int = 64, width: int = 96) -> np.ndarray:
    photo = np.zeros((height, width, 3), np.uint8)
    photo[:8, :8] = 255
    return photo


BRIGHT, DARK = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32)


def test_the_map_is_bright_where_the_engine_looks_and_dark_where_covering_gains() -> None:
    photo = bright_corner()
    found, gained = similarity_maps(CornerEngine(), photo, np.concatenate([BRIGHT, DARK]))
    assert (found.shape, found.dtype) == ((64, 96), np.float32)
    row, column = np.unravel_index(found.argmax(), found.shape)
    assert row < 16 and column < 24  # the first window
    assert found[:4, :4].min() > 0.9 * found.max() > 0.5
    assert (found[40:] == 0).all() and (found[:, 48:] == 0).all() and (gained == 0).all()
    assert similarity_maps(CornerEngine(), photo, BRIGHT[:0]).shape == (0, 64, 96)
    np.testing.assert_array_equal(photo, bright_corner())  # which is not changed


@pytest.mark.parametrize("size", [(32, 32), (7, 50), (3, 3), (1, 1)])
@pytest.mark.parametrize("level", [0, 77, 255])
def test_the_map_of_a_blank_photo_is_dark(size: tuple[int, int], level: int) -> None:
    found = similarity_maps(CornerEngine(), np.full((*size, 3), level, np.uint8), np.concatenate([BRIGHT, DARK]))
    assert found.shape == (2, *size)
    np.testing.assert_allclose(found, 0, atol=1e-6)


def test_shared_points_lie_on_the_same_things() -> None:
    """The query is the second of four pictures, shifted by 30 pixels and 20; the others share nothing with it."""
    pictures = [spots(seed)[:200] for seed in range(4)]
    index = KeypointIndex([find_keypoints(picture) for picture in pictures])
    query = find_keypoints(pictures[1][20:, 30:])  # (180, 270, 3)
    own, other, again = shared_points(index, query, [1, 3, 1])
    assert own.shape == (len(own), 4) and own.dtype == np.float32 and len(own) > 50 > 10 > len(other)
    np.testing.assert_array_equal(own, again)
    assert ((own >= -0.01) & (own <= 1.01)).all()
    here, there = own[:, :2] * [270, 180], own[:, 2:] * [300, 200]
    assert np.abs(there - here - [30, 20]).max() < 0.03 * 300 + 1  # the tolerance of the affine map
    assert np.median(np.abs(there - here - [30, 20])) < 1


def test_the_points_with_the_highest_weights_come_first() -> None:
    pictures = [spots(seed) for seed in range(3)]
    index = KeypointIndex([find_keypoints(picture) for picture in pictures])
    query = find_keypoints(pictures[2][10:])
    (found,) = shared_points(index, query, [2])
    kept = index.verified(query, 2)
    expected: list[tuple[float, ...]] = []  # SIFT describes some places twice, for two directions: one point each
    for pair in sorted(range(len(kept.weights)), key=lambda pair: -kept.weights[pair]):
        point = (*query.places[kept.query[pair]], *index.gallery[2].places[kept.other[pair]])
        if point not in expected:
            expected.append(point)
    assert 50 < len(expected) < len(kept.weights)
    np.testing.assert_allclose(found * [300, 290, 300, 300], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("gallery", "query", "photos"),
    [
        ([], NOTHING, []),
        ([NOTHING, NOTHING], find_keypoints(spots(0)), [1, 0]),
        ([find_keypoints(spots(0)), NOTHING], NOTHING, [0, 1]),
        ([find_keypoints(spots(0, 20))], find_keypoints(np.zeros((20, 20, 3), np.uint8)), [0]),
    ],
)
def test_photos_without_keypoints_share_none(gallery: list[Keypoints], query: Keypoints, photos: list[int]) -> None:
    found = shared_points(KeypointIndex(gallery), query, photos)
    assert [points.shape for points in found] == [(0, 4)] * len(photos)


@pytest.mark.parametrize("with_index", [True, False])
def test_rankings_of_a_catalogue_are_explained(with_index: bool) -> None:
    """Row 3 is a part of row 0; row 2 is a blank."""
    pictures = [spots(0), spots(1), np.zeros((50, 50, 3), np.uint8), spots(0)[20:, 30:]]
    keypoints = {row: find_keypoints(picture) for row, picture in enumerate(pictures)}
    gallery = np.array([2, 1, 0])
    index = KeypointIndex([keypoints[row] for row in gallery]) if with_index else None
    pixels, embeddings = np.stack([bright_corner(32, 32)] * 4), np.concatenate([BRIGHT, DARK, DARK, BRIGHT])
    photos = Explained(pixels, embeddings, keypoints)
    reasons = explain_queries({3: np.array([0, 1, 2]), 2: np.array([1])}, photos, CornerEngine(), index, gallery)
    assert sorted(reasons) == [2, 3]
    assert [len(points) > 50 for points in reasons[3].points] == [True, False, False]
    assert [len(points) for points in reasons[2].points] == [0] and reasons[3].maps.shape == (3, 32, 32)
    assert [bool(each.any()) for each in reasons[3].maps] == [True, False, False]
