"""Which photos lie on their side or head: a description of each photo in, quarter turns out.

Upright is learned from the dataset itself: ridge regression tells each photo as it is from its own three quarter turns,
and judges the photos that it did not learn from, one fifth at a time. docs/quality.md says how well that works.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

CELLS = 4  # the photo is described on a grid of 4 x 4
SIDE = 64  # pixels, on which the description is taken
DIRECTIONS = 8  # a quarter turn shifts the eight directions of a gradient by two
DESCRIPTION = CELLS * CELLS * (DIRECTIONS + 3) + 1
MIN_PHOTOS = 40  # fewer cannot say what upright looks like
MIN_UPRIGHT = 0.8  # share of photos that must look upright, or the dataset has no clear up

_FOLDS = 5  # in catalogue order, so that a burst is judged by other photos
_RIDGE = 0.005  # of the mean variance of a feature
_BLOCK = 1024  # photos at a time, for memory
_TARGETS = np.array([1, -1 / 3, -1 / 3, -1 / 3])  # as it is, and turned: mean 0

Features = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float64]


def describe(photo: npt.NDArray[np.uint8], aspect_ratio: float) -> Features:
    """Where a photo, uint8 RGB (H, W, 3), has which edges and colours: float16 (177,); a turn only reorders them.

    For each of 4 x 4 cells 8 gradient directions (together of length 10) and 3 colours (standardised within the photo,
    times 0.3), then the logarithm of the aspect ratio, which is that of the photo before anything resized it.
    """
    square = cv2.resize(photo, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(square, cv2.COLOR_RGB2GRAY).astype(np.float32)
    down, right = np.zeros_like(grey), np.zeros_like(grey)
    down[1:-1, 1:-1] = grey[2:, 1:-1] - grey[:-2, 1:-1]
    right[1:-1, 1:-1] = grey[1:-1, 2:] - grey[1:-1, :-2]
    direction = np.rint(np.arctan2(down, right) * (DIRECTIONS / (2 * np.pi))).astype(np.intp) % DIRECTIONS
    cell = np.arange(SIDE) * CELLS // SIDE
    bins = (cell[:, None] * CELLS + cell) * DIRECTIONS + direction  # (64, 64)
    edges = np.sqrt(np.bincount(bins.ravel(), np.hypot(down, right).ravel(), CELLS * CELLS * DIRECTIONS))
    edges *= 10 / max(float(np.linalg.norm(edges)), 1e-6)
    cells = square.astype(np.float32).reshape(CELLS, SIDE // CELLS, CELLS, SIDE // CELLS, 3)
    colours = cells.mean(axis=(1, 3))  # (4, 4, 3)
    colours = (colours - colours.mean(axis=(0, 1))) / (colours.std(axis=(0, 1)) + 8)
    return np.concatenate([edges, 0.3 * colours.ravel(), [np.log(aspect_ratio)]]).astype(np.float16)


def suspected_turns(features: Features) -> tuple[npt.NDArray[np.intp], Floats] | None:
    """The clockwise turn in degrees that would set each photo upright, and by how much that looks better, 0 to 2.

    `features`, (N, 177), in catalogue order; None for fewer than `MIN_PHOTOS`, and where too few of them look upright.
    """
    count = len(features)
    if count < MIN_PHOTOS:
        return None
    fold = np.arange(count) * _FOLDS // count
    sums = np.array([_sums(features[fold == number]) for number in range(_FOLDS)])
    scores = np.empty((count, 4))
    for number in range(_FOLDS):
        weights = _ridge(np.delete(sums, number, axis=0).sum(axis=0))
        scores[fold == number] = np.concatenate([turned @ weights for turned in _turned(features[fold == number])])
    best = scores.argmax(axis=1)
    if (best == 0).mean() < MIN_UPRIGHT:
        return None
    return best * 90, scores.max(axis=1) - scores[:, 0]


def _turned(features: Features) -> Iterator[Floats]:
    """Descriptions of the photos turned clockwise by 0, 90, 180 and 270 degrees, a block (B, 4, 177) at a time."""
    places = np.split(np.arange(DESCRIPTION - 1), [CELLS * CELLS * DIRECTIONS])
    edges, colours = (part.reshape(CELLS, CELLS, -1) for part in places)
    order = []
    for quarter in range(4):
        turned_edges = np.roll(np.rot90(edges, -quarter), quarter * DIRECTIONS // 4, axis=2)
        order.append([*turned_edges.ravel(), *np.rot90(colours, -quarter).ravel(), -1])
    for start in range(0, len(features), _BLOCK):
        turned = features[start : start + _BLOCK].astype(np.float64)[:, order]
        turned[:, 1::2, -1] *= -1  # the logarithm of the aspect ratio
        yield turned


def _sums(features: Features) -> Floats:
    """Products (179, 179), over the photos and their turns, of the description, 1 and the target with each other."""
    sums = np.zeros((DESCRIPTION + 2, DESCRIPTION + 2))
    for turned in _turned(features):
        rows, targets = turned.reshape(-1, DESCRIPTION), np.tile(_TARGETS, len(turned))
        columns = np.column_stack([rows, np.ones(len(rows)), targets])
        sums += columns.T @ columns
    return sums


def _ridge(sums: Floats) -> Floats:
    """Weights (177,) that tell a photo as it is from its turns; no intercept, as only differences count."""
    products, total, answers = sums[:-2, :-2], sums[-2, :-2], sums[-1, :-2]
    scatter = products - np.outer(total, total) / sums[-2, -2]  # the targets have mean 0: no centring of `answers`
    scatter[np.diag_indices(DESCRIPTION)] += _RIDGE * max(float(np.trace(scatter)) / DESCRIPTION, 1e-9)
    return np.asarray(np.linalg.solve(scatter, answers))
