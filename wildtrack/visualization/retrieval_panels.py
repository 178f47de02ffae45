"""Retrieval panels: a query on the left, the photos that are ranked first beside it, and why, as PNG files."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.layout_engine import ConstrainedLayoutEngine

from wildtrack.access.photos.reader import read_photo
from wildtrack.access.photos.thumbnails import thumbnail, thumbnail_reader
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.explain import Reasons, similarity_maps
from wildtrack.address.gallery.searcher import Searcher
from wildtrack.visualization.style import (
    DARK_INK,
    HEAT,
    PHOTO_SIDE,
    RIGHT,
    SKY,
    SMALL,
    TEXT,
    WRONG,
    Photo,
    blank_figure,
    fitted_lines,
    frame_photo,
    save_figure,
)

COLUMN = 2.8  # inches a photo takes
QUERY = 1.15  # how much wider the query is
LITTLE = 0.1  # of similarity: less than that lost is not drawn at full brightness
LINES = 40  # of the shared points that are drawn
LINE = SKY  # seen on fur and on water alike
ROWS = {"photos": 3.4, "shared points": 3.9, "similarity": 2.6}  # inches
EXPLAINED = {
    "shared points": "Points that the query\n(above) and the gallery\nphoto (below) share\nin one arrangement",
    "similarity": "Where on the query the\nnetwork's similarity rests:\nbright is what it loses\nwhen covered",
}
TITLES = {
    "match": "A match",
    "review": "For review: have a look yourself",
    "new": "New: not in the gallery",
    None: "The most similar known animals",
}


@dataclass(frozen=True, eq=False)
class PanelPhoto:
    """A photo in a panel."""

    pixels: Photo
    title: str
    colour: str = DARK_INK
    caption: str = ""
    points: npt.NDArray[np.floating] | None = None  # (M, 4): x, y in the query and x, y here, as shares of the sides
    heat: npt.NDArray[np.floating] | None = None  # (h, w), 0 or more: where on the query the similarity to this rests


def draw_answer(answer: Answer, searcher: Searcher, path: Path) -> None:
    """Draw the query of a search beside the best photo of each candidate, and why.

    Args:
        answer: With the status "ok".
        searcher: What was asked; a gallery photo that is gone is drawn as a blank.
        path: PNG to write.
    """
    file = Path(answer.photo)
    gallery = searcher.gallery
    root = Path() if gallery.source is None else gallery.source.root
    places = pd.Index(gallery.table["image_id"])
    rows = places.get_indexer([candidate.image_id for candidate in answer.candidates])
    heats = similarity_maps(searcher.engine, read_photo(file, searcher.size), gallery.embeddings_of(rows))
    candidates = [
        PanelPhoto(
            thumbnail(root / str(candidate.path), candidate.bbox, PHOTO_SIDE),
            f"{candidate.rank}. {candidate.identity}{_viewpoint(asdict(candidate))}",
            DARK_INK,
            f"similarity {candidate.similarity:.2f}"
            if candidate.probability is None
            else f"P(same animal) {candidate.probability:.2f}",
            None if candidate.points is None else np.array(candidate.points).reshape(-1, 4),
            heat,
        )
        for candidate, heat in zip(answer.candidates, heats, strict=True)
    ]
    viewpoint = f"\n{answer.viewpoint} side, as given" if answer.viewpoint else ""
    query = PanelPhoto(thumbnail(file, None, PHOTO_SIDE), f"{file.name}{viewpoint}", DARK_INK, "who is this?")
    name = f": {answer.candidates[0].identity}" if answer.decision == "match" else ""
    title = f"{TITLES[answer.decision]}{name}; the best photo of each candidate"
    retrieval_panel(query, candidates, title, path)


def draw_examples(
    ranked: Mapping[int, np.ndarray],
    reasons: Mapping[int, Reasons],
    embeddings: np.ndarray,
    table: pd.DataFrame,
    root: Path,
    folder: Path,
) -> None:
    """Draw a retrieval panel for each query: `retrieval_example_1.png`, ...

    Args:
        ranked: Row of a query -> the rows of the photos that are ranked first, best first.
        reasons: Row of a query -> why.
        embeddings: float32 (N, D), one a catalogue row.
        table: The catalogue, N rows.
        root: What its paths are relative to.
        folder: Where to.
    """
    read = thumbnail_reader(table, root, PHOTO_SIDE)

    def shown(row: int, prefix: str = "", **details: Any) -> PanelPhoto:
        cells = table.iloc[row]
        return PanelPhoto(read(cells["image_id"]), f"{prefix}{cells['identity']}{_viewpoint(cells)}", **details)

    identities = table["identity"].to_numpy()
    for number, (query, best) in enumerate(ranked.items(), start=1):
        candidates = []
        for rank, (row, points, heat) in enumerate(
            zip(best.tolist(), reasons[query].points, reasons[query].maps, strict=True), start=1
        ):
            word, colour = ("correct", RIGHT) if identities[row] == identities[query] else ("wrong", WRONG)
            caption = f"{word}  network {embeddings[row] @ embeddings[query]:.2f}"
            candidates.append(shown(row, f"{rank}. ", colour=colour, caption=caption, points=points, heat=heat))
        title = f"Who is this? The {len(candidates)} gallery photos that are ranked first"
        path = folder / f"retrieval_example_{number}.png"
        retrieval_panel(shown(query, caption="query"), candidates, title, path)


def retrieval_panel(query: PanelPhoto, candidates: Sequence[PanelPhoto], title: str, path: Path) -> None:
    """Draw the query on the left and the candidates beside it, best first, each framed in its colour.

    Below each candidate, where they are known: the points that it shares with the query, and where the similarity
    rests.
    """
    rows = ["photos"]
    if any(candidate.points is not None for candidate in candidates):
        rows.append("shared points")
    if any(candidate.heat is not None for candidate in candidates):
        rows.append("similarity")
    heights = [ROWS[row] for row in rows]
    figure = blank_figure(COLUMN * (QUERY + len(candidates)), sum(heights), title, DARK_INK)
    figure.set_layout_engine(ConstrainedLayoutEngine(wspace=0.06, hspace=0.04))
    axes = figure.subplots(
        len(rows),
        1 + len(candidates),
        squeeze=False,
        gridspec_kw={"width_ratios": [QUERY, *[1] * len(candidates)], "height_ratios": heights},
    )
    for axis, photo in zip(axes[0], [query, *candidates], strict=True):
        frame_photo(axis, photo.pixels, photo.colour, width=4)
        axis.set_title(fitted_lines(photo.title, COLUMN * 66, TEXT), fontsize=TEXT, color=DARK_INK, parse_math=False)
        axis.set_xlabel(photo.caption, fontsize=SMALL, color=photo.colour, fontweight="bold")
    for line, row in zip(axes[1:], rows[1:], strict=True):
        for axis in line:
            axis.set_axis_off()
        line[0].text(1, 0.5, EXPLAINED[row], fontsize=SMALL, color=DARK_INK, ha="right", va="center")
        for axis, candidate in zip(line[1:], candidates, strict=True):
            if row == "shared points" and candidate.points is not None:
                _draw_points(axis, query.pixels, candidate.pixels, candidate.points)
            elif row == "similarity" and candidate.heat is not None:
                _draw_heat(axis, query.pixels, candidate.heat)
    save_figure(figure, path)


def _draw_points(axis: Axes, query: Photo, candidate: Photo, points: npt.NDArray[np.floating]) -> None:
    """The query above the candidate, at one width, and a line for each of the strongest shared points."""
    top, bottom = (photo.shape[0] / photo.shape[1] for photo in (query, candidate))  # heights at width 1
    gap = 0.05
    axis.imshow(query, extent=(0, 1, top, 0))
    axis.imshow(candidate, extent=(0, 1, top + gap + bottom, top + gap))
    axis.set(xlim=(0, 1), ylim=(top + gap + bottom, 0), aspect="equal")
    x, y, other_x, other_y = points[:LINES].T
    gaps = np.full_like(x, np.nan)  # one curve with gaps is drawn much faster than many lines
    across = np.column_stack([x, other_x, gaps]).ravel()
    down = np.column_stack([y * top, top + gap + other_y * bottom, gaps]).ravel()
    axis.plot(across, down, ".-", color=LINE, linewidth=0.8, markersize=4, alpha=0.8)
    count = len(points)
    axis.set_title(f"{count} shared point{'s' * (count != 1)}", fontsize=SMALL, color=DARK_INK)


def _draw_heat(axis: Axes, query: Photo, heat: npt.NDArray[np.floating]) -> None:
    """The query, dark where covering it costs no similarity to the candidate."""
    height, width = query.shape[:2]
    strongest = float(heat.max())
    axis.imshow(query, extent=(0, width, height, 0))
    axis.imshow(
        heat / max(strongest, LITTLE),
        cmap=HEAT,
        alpha=0.6,
        extent=(0, width, height, 0),
        vmin=0,
        vmax=1,
        interpolation="bilinear",
    )
    axis.set_title(f"up to -{strongest:.2f} when covered", fontsize=SMALL, color=DARK_INK)


def _viewpoint(cells: Any) -> str:
    """A line for a title: the side that a catalogue row or a candidate shows, "" where that is not known."""
    orientation = cells.get("orientation")
    return f"\n{orientation} side" if isinstance(orientation, str) and orientation else ""
