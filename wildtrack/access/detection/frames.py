"""Boxes of a detector -> boxes of the upright photo: some detectors turn a photo by its EXIF, and some do not."""

from collections.abc import Sequence

from wildtrack.access.boxes import Box, Size, turned_upright
from wildtrack.access.detection.output import Output
from wildtrack.access.photos.reader import SWAPPED

TOLERANCE = 0.01  # of a side: detectors round; what is further out is no box, or in other units


class OutsideError(ValueError):
    """A box in pixels leaves its photo."""


def upright_boxes(
    found: Sequence[Box], output: Output, recorded: Size | None, size: Size, orientation: int
) -> list[Box]:
    """Boxes of a photo as parts of its upright width and height; a ValueError with the reason where they are in doubt.

    Args:
        found: x, y, width, height, as the detector wrote them.
        output: what they mean.
        recorded: width and height of the photo as the detector saw it, where its file says so.
        size: width and height of the upright photo.
        orientation: by EXIF, 1 to 8.
    """
    frames = {False: size, True: size[::-1] if orientation in SWAPPED else size}  # whether as stored -> width, height
    possible = [False] if orientation == 1 else [False, True]
    if recorded is not None:
        possible = [stored for stored in possible if _same_shape(recorded, frames[stored])]
        if not possible:
            seen = "the detector saw {} x {} pixels, and the photo has {} x {}".format(*recorded, *size)
            raise ValueError(f"{seen}: it was cropped or turned, or is another; detect on it again")
    if output.pixels:
        possible = [stored for stored in possible if all(_fits(box, frames[stored]) for box in found)]
        if not possible:
            raise OutsideError("a box in pixels leaves the photo of {} x {}".format(*size))
    if len(possible) > 1 and output.as_stored is None:
        seen = f"it is turned by EXIF, and boxes of {output.program} may fit it upright or as stored"
        raise ValueError(f"{seen}; save it upright and detect on it again, or use MegaDetector's own program")
    stored = possible[0] if len(possible) == 1 else orientation in (output.as_stored or ())
    width, height = frames[stored] if output.pixels else (1, 1)
    parts = [(x / width, y / height, w / width, h / height) for x, y, w, h in found]
    return [inside(turned_upright(box, orientation) if stored else box) for box in parts]


def inside(box: Box) -> Box:
    """A relative box, cut off at the edges of the photo; a ValueError when it is none."""
    edges = box[0], box[1], box[0] + box[2], box[1] + box[3]
    left, top, right, bottom = max(edges[0], 0), max(edges[1], 0), min(edges[2], 1), min(edges[3], 1)
    fits = all(-TOLERANCE <= edge <= 1 + TOLERANCE for edge in edges)  # NaN does not
    if not fits or right <= left or bottom <= top:
        raise ValueError("bbox is empty, or not relative to the size of the photo (0 to 1)")
    return left, top, right - left, bottom - top


def _same_shape(one: Size, other: Size) -> bool:
    """Whether two sizes are one picture at two scales, to the pixel of the smaller."""
    return abs(one[0] * other[1] - one[1] * other[0]) <= max(*one, *other)


def _fits(box: Box, size: Size) -> bool:
    slack = [TOLERANCE * side for side in size]
    starts = box[0] >= -slack[0] and box[1] >= -slack[1]
    return starts and box[0] + box[2] <= size[0] + slack[0] and box[1] + box[3] <= size[1] + slack[1]
