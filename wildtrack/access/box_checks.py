"""Boxes against the photos that they are drawn on: what their numbers mean, and whether the photos are still the same.

Inside, a box is its edges (left, top, right, bottom) as parts of a photo, so that a larger copy changes nothing.
"""

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import boxes, turned_upright
from wildtrack.access.catalogue import Catalogue, problem_table, without_empty
from wildtrack.access.photos.reader import SWAPPED, or_error, photo_frame
from wildtrack.access.reading import ReadConfig
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.storage.threads import in_threads

Floats = npt.NDArray[np.float64]  # edges (N, 4), sizes (N, 2): width, height
Flags = npt.NDArray[np.bool_]

SMALLEST = 8  # pixels of a side below which a crop shows no animal
_BEYOND = 0.05  # part of a photo's side by which a box may reach beyond it: people draw generously
_MANY, _SOME = 0.2, 3  # share and number of boxes that reach beyond, from which on it is no slip of the hand
_ASK = "say --box-form xywh, corners, relative, relative-corners or percent"


@dataclass(frozen=True, eq=False)
class _Drawn:
    """Boxes as they are written, and the facts about their photos; N of each."""

    paths: list[str]
    written: Floats  # (N, 4)
    recorded: Floats  # (N, 2): columns width and height, or NaN
    size: Floats  # (N, 2): of the upright photos
    turn: Floats  # EXIF orientation

    @property
    def drawn_on(self) -> Floats:
        """The sizes that photos had when the boxes were drawn, as far as is known; (N, 2)."""
        return np.where(np.isnan(self.recorded).any(axis=1, keepdims=True), self.size, self.recorded)


def check_boxes(catalogue: Catalogue, config: ReadConfig) -> Catalogue:
    """The catalogue with each box as [x, y, width, height] in pixels of its upright photo, as that is now.

    A box in another form, or drawn on the photo when it was larger, smaller or not turned, is converted where the facts
    agree; a row whose box does not fit its photo, or shows a few pixels, becomes a problem. Raises a UserError where
    the form of the boxes is not clear, or no row can be used.
    """
    rows, drawn = _drawn(catalogue)
    if not rows:
        return catalogue  # without boxes, or decoding says why photos cannot be read
    form = _form(drawn) if config.box_form == "auto" else config.box_form
    edges, done = _upright(drawn, form)
    beyond = _beyond(edges)
    if config.box_form == "auto" and beyond.sum() >= _SOME and beyond.mean() >= _MANY:
        first = f"such as {_shown(drawn, int(beyond.argmax()))}"
        advice = "if they were drawn on larger photos, give their sizes in columns width and height"
        raise UserError(f"{beyond.sum()} of {len(rows)} boxes reach beyond their photos, {first}; {advice}, or {_ASK}")
    cut = np.where(beyond[:, None], edges.clip(0, 1), edges)
    pixels = np.hstack([cut[:, :2], cut[:, 2:] - cut[:, :2]]) * np.tile(drawn.size, 2)
    found, problems, bad = boxes(catalogue.table), [], []
    for place, (row, path) in enumerate(zip(rows, drawn.paths, strict=True)):
        if done[place] or form != "xywh" or beyond[place]:
            x, y, width, height = np.round(pixels[place], 2).tolist()
            found[row] = x, y, width, height
        if reason := _reason(drawn, edges, done, place):
            bad.append(row)
            problems.append((path, reason))
        elif beyond[place]:
            problems.append((path, "its box reaches beyond it, and is cut off at its edge"))
    table = catalogue.table.assign(bbox=pd.Series(found, index=catalogue.table.index, dtype="object"))
    for column, side in (("width", 0), ("height", 1)):
        if column in table:
            table.loc[table.index[rows], column] = np.where(
                np.isnan(drawn.recorded[:, side]), np.nan, drawn.size[:, side]
            )
    if len(bad) == len(table):
        raise UserError(f"none of the {len(bad)} boxes fits its photo; the first: {': '.join(problems[0])}")
    checked = replace(
        catalogue,
        table=without_empty(table.drop(index=table.index[bad]).reset_index(drop=True)),
        problems=pd.concat([catalogue.problems, problem_table(problems)], ignore_index=True),
    )
    return checked.saying(*_in_words(form, done, len(bad)))


def _drawn(catalogue: Catalogue) -> tuple[list[int], _Drawn]:
    """The rows with a box on a photo that can be read, and the facts; only the headers of photos are read."""
    found, paths = boxes(catalogue.table), catalogue.table["path"].tolist()
    boxed = list(dict.fromkeys(path for path, box in zip(paths, found, strict=True) if box))
    read = in_threads(or_error(photo_frame), [catalogue.root / path for path in boxed])
    frames = dict(zip(boxed, track(read, "Reading photos", total=len(boxed)) if boxed else (), strict=True))
    rows = [row for row, path in enumerate(paths) if found[row] and isinstance(frames[path], tuple)]
    facts = np.array([frames[paths[row]] for row in rows], dtype=float).reshape(-1, 3)
    return rows, _Drawn(
        [paths[row] for row in rows],
        np.array([found[row] for row in rows], dtype=float).reshape(-1, 4),
        catalogue.table.reindex(columns=["width", "height"]).to_numpy(dtype=float)[rows],
        facts[:, :2],
        facts[:, 2],
    )


def _form(drawn: _Drawn) -> str:
    """What the numbers of a column of boxes mean, as a value of `ReadConfig.box_form`; a UserError where unclear."""
    written = drawn.written
    relative = bool((np.abs(written) <= 1.01).all())
    parts = written if relative else written / np.tile(drawn.drawn_on, 2)
    beyond = (parts[:, :2] + parts[:, 2:]).max(axis=1) > 1 + (0.02 if relative else _BEYOND)
    corners = bool((parts[:, 2:] > parts[:, :2]).all() and (parts <= 1.01).all() and beyond.any())
    reach = (written[:, :2] + written[:, 2:]).max()
    sure = relative or (beyond.sum() >= _SOME and beyond.mean() >= _MANY)
    ways = "[x, y, width, height] or corners" if corners and not sure else ""
    if not relative and 50 < reach <= 101 and drawn.drawn_on.min() >= 300 and len(written) >= _SOME:
        ways = "in percent or in pixels"  # all in one corner of photos that are much larger
    if ways:
        raise UserError(f"the box {_shown(drawn, int(beyond.argmax()))} may be {ways}; {_ASK}")
    return f"relative{'-corners' if corners else ''}" if relative else "corners" if corners else "xywh"


def _upright(drawn: _Drawn, form: str) -> tuple[Floats, npt.NDArray[np.str_]]:
    """The edges in the upright photo, (N, 4), and what was done to the box, (N,): "", scaled, turned or impossible."""
    drawn_on, size, swapped = drawn.drawn_on, drawn.size, np.isin(drawn.turn, list(SWAPPED))
    unit = {"percent": 100.0, "relative": 1.0, "relative-corners": 1.0}.get(form) or np.tile(drawn_on, 2)
    edges = drawn.written / unit
    if not form.endswith("corners"):
        edges[:, 2:] += edges[:, :2]
    fits = _same_shape(drawn_on, size)
    stored = swapped & ~fits & _same_shape(drawn_on, size[:, ::-1])  # drawn on the photo as its file has it
    possible = fits | stored
    other = edges * np.tile(drawn_on, 2) / np.tile(drawn_on[:, ::-1], 2)  # as if it was drawn on the other one
    for group in (stored.copy(), swapped & np.isnan(drawn.recorded).any(axis=1)):
        if _beyond(edges[group]).any() and not _beyond(other[group]).any():  # so it was
            edges[group] = other[group]
            stored[group] = ~stored[group]
    if (stored | ~swapped).all() and stored.any():  # then photos whose size cannot tell are as those that can
        stored |= fits & (drawn.turn > 1)
    for orientation in range(2, 9):
        here = stored & (drawn.turn == orientation)
        left, top, right, bottom = edges[here].T
        x, y, width, height = turned_upright((left, top, right - left, bottom - top), orientation)
        edges[here] = np.transpose([x, y, x + width, y + height])
    scaled = fits & (drawn_on != size).any(axis=1)
    return edges, np.select([~possible, stored, scaled], ["impossible", "turned", "scaled"], "")


def _same_shape(one: Floats, two: Floats) -> Flags:
    """Whether the sizes (N, 2) are those of one photo at two scales, as far as whole pixels can say; (N,)."""
    scales = two / one
    same: Flags = np.abs(one * scales[:, ::-1] - two).max(axis=1) <= 1.5 * np.maximum(1, scales.max(axis=1))
    return same


def _beyond(edges: Floats) -> Flags:
    """Whether boxes (N, 4) reach well beyond their photos; (N,)."""
    far: Flags = np.abs(edges - 0.5).max(axis=1, initial=0) > 0.5 + _BEYOND
    return far


def _reason(drawn: _Drawn, edges: Floats, done: npt.NDArray[np.str_], place: int) -> str | None:
    """Why the box at this place shows no animal; None where it may."""
    width, height = drawn.size[place].astype(int)
    if done[place] == "impossible":
        before = "{:.0f} x {:.0f}".format(*drawn.recorded[place])
        return f"its box was drawn on a photo of {before} pixels, and this one has {width} x {height}"
    cut = np.clip(edges[place], 0, 1)
    sides = (cut[2:] - cut[:2]) * drawn.size[place]
    if np.prod(cut[2:] - cut[:2]) < 0.5 * np.prod(edges[place, 2:] - edges[place, :2]):
        return f"most of its box {drawn.written[place].tolist()} is outside the photo of {width} x {height} pixels"
    if sides.min() < SMALLEST:
        return f"its box shows {sides[0]:.3g} x {sides[1]:.3g} pixels, too few for an animal"
    return None


def _shown(drawn: _Drawn, place: int) -> str:
    width, height = drawn.size[place].astype(int)
    return f"{drawn.written[place].tolist()} on {drawn.paths[place]} of {width} x {height} pixels"


def _in_words(form: str, done: npt.NDArray[np.str_], refused: int) -> list[str]:
    """What was made of the boxes; nothing where they were as they should be."""
    counts = Counter(done.tolist())
    said = {
        f"boxes read as {form.replace('-', ' ')}": form != "xywh",
        f"boxes scaled to photos of another size: {counts['scaled']}": counts["scaled"],
        f"boxes turned with their photos: {counts['turned']}": counts["turned"],
        f"boxes that do not fit, left out: {refused}": refused,
    }
    return [text for text, is_so in said.items() if is_so]
