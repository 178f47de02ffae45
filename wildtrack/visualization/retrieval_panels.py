"""Retrieval panels: a query on the left, the photos that are ranked first next to it, and why, as PNG files."""

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
from wildtrack.console import counted
from wildtrack.visualization import style
from wildtrack.visualization.style import DARK_INK, PHOTO_SIDE, SMALL, TEXT, Photo, fitted_lines

COLUMN = 2.9  # inches a photo takes
ROOM = COLUMN * 66  # points for a line of words
TILE = (0.5, 1.2)  # the flattest and the tallest box that photos are fitted into: height to width
BACKGROUND = "#ededed"  # of what a photo leaves free of its box
LITTLE = 0.1  # of similarity: less than that lost is not drawn at full brightness
LINES = 60  # of the shared points that are drawn, as on the web page
LINE = style.SKY  # seen on fur and on water alike
GAP = 0.05  # of a box's width, between two photos that share points
EXPLAINED = {
    "points": "Points that the query\n(above) and the gallery\nphoto (below) share\nin one arrangement",
    "heat": "Where on the query the\nnetwork's similarity rests:\nbright is what it loses\nwhen covered",
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
    """Draw the query of a search next to the best photo of each candidate, a blank if it is gone, and why."""
    file, gallery = Path(answer.photo), searcher.gallery
    root = Path() if gallery.source is None else gallery.source.root
    rows = pd.Index(gallery.table["image_id"]).get_indexer([candidate.image_id for candidate in answer.candidates])
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
    retrieval_panel(query, candidates, f"{TITLES[answer.decision]}{name}; the best photo of each candidate", path)


def draw_examples(
    ranked: Mapping[int, np.ndarray],
    reasons: Mapping[int, Reasons],
    embeddings: np.ndarray,
    table: pd.DataFrame,
    root: Path,
    folder: Path,
) -> None:
    """Draw a retrieval panel for each query: `retrieval_example_1.png`, ...

    `ranked`: the row of a query -> the rows ranked first, best first; rows of `table` and of `embeddings` (N, D).
    """
    read = thumbnail_reader(table, root, PHOTO_SIDE)

    def shown(row: int, prefix: str = "", **details: Any) -> PanelPhoto:
        values = table.iloc[row]
        return PanelPhoto(read(values["image_id"]), f"{prefix}{values['identity']}{_viewpoint(values)}", **details)

    identities = table["identity"].to_numpy()
    for number, (query, best) in enumerate(ranked.items(), start=1):
        candidates = []
        explained = zip(best.tolist(), reasons[query].points, reasons[query].maps, strict=True)
        for rank, (row, points, heat) in enumerate(explained, start=1):
            word, colour = ("correct", style.RIGHT) if identities[row] == identities[query] else ("wrong", style.WRONG)
            caption = f"{word}, network {embeddings[row] @ embeddings[query]:.2f}"
            candidates.append(shown(row, f"{rank}. ", colour=colour, caption=caption, points=points, heat=heat))
        title = f"Who is this? The {len(candidates)} gallery photos that are ranked first"
        retrieval_panel(shown(query, caption="query"), candidates, title, folder / f"retrieval_example_{number}.png")


def retrieval_panel(query: PanelPhoto, candidates: Sequence[PanelPhoto], title: str, path: Path) -> None:
    """Draw the query and, on its right, the candidates, best first, in boxes of one shape; below them, why."""
    photos = [query, *candidates]
    shapes = [float(np.clip(photo.pixels.shape[0] / photo.pixels.shape[1], *TILE)) for photo in photos]
    tile = max(shapes)  # height of a box of width 1
    drawn = {"points": (_draw_points, shapes[0] + GAP + max(shapes[1:], default=0)), "heat": (_draw_heat, shapes[0])}
    rows = [row for row in drawn if any(getattr(candidate, row) is not None for candidate in candidates)]
    heights = [COLUMN * tile + 1.0, *(COLUMN * drawn[row][1] + 0.4 for row in rows)]  # with room for words
    figure = style.blank_figure(COLUMN * len(photos), sum(heights), title, DARK_INK)
    figure.set_layout_engine(ConstrainedLayoutEngine(wspace=0.04, hspace=0.02))
    axes = figure.subplots(1 + len(rows), len(photos), squeeze=False, gridspec_kw={"height_ratios": heights})
    for axis, photo in zip(axes[0], photos, strict=True):
        style.frame_photo(axis, photo.pixels, photo.colour, width=4)
        axis.images[0].set_extent(_extent(photo.pixels, tile))
        axis.set(xlim=(0, 1), ylim=(tile, 0), facecolor=BACKGROUND)
        axis.set_title(fitted_lines(photo.title, ROOM, TEXT), fontsize=TEXT, color=DARK_INK, parse_math=False)
        caption = style.fitted(photo.caption, ROOM, SMALL)
        axis.set_xlabel(caption, fontsize=SMALL, color=photo.colour, fontweight="bold", parse_math=False)
    for line, row in zip(axes[1:], rows, strict=True):
        draw, height = drawn[row]
        for axis in line:
            axis.set_axis_off()
        line[0].text(1, 0.5, EXPLAINED[row], fontsize=SMALL, color=DARK_INK, ha="right", va="center")
        for axis, candidate in zip(line[1:], candidates, strict=True):
            if getattr(candidate, row) is not None:
                axis.set_title(draw(axis, query.pixels, candidate, shapes[0]), fontsize=SMALL, color=DARK_INK)
                axis.set(xlim=(0, 1), ylim=(height, 0))
    style.save_figure(figure, path)


def _extent(photo: Photo, tile: float, top: float | None = None) -> tuple[float, float, float, float]:
    """Left, right, bottom, top of a photo in a box of width 1 and height `tile`: in its middle, or from `top` on."""
    height, width = photo.shape[:2]
    wide = min(1.0, tile * width / height)
    tall = wide * height / width
    upper = (tile - tall) / 2 if top is None else top
    return (1 - wide) / 2, (1 + wide) / 2, upper + tall, upper


def _draw_points(axis: Axes, query: Photo, candidate: PanelPhoto, shape: float) -> str:
    """Draw the query above the candidate, and a line for each of the clearest shared points; return how many."""
    points = np.zeros((0, 4)) if candidate.points is None else candidate.points
    ends = []
    query_part = query, shape, 0.0, points[:LINES, :2]
    for photo, box, top, places in (query_part, (candidate.pixels, TILE[1], shape + GAP, points[:LINES, 2:])):
        left, right, bottom, upper = extent = _extent(photo, box, top)
        axis.imshow(photo, extent=extent)
        ends.append(places * (right - left, bottom - upper) + (left, upper))
    # one curve with gaps is drawn much faster than many lines
    across, down = np.stack([*ends, np.full_like(ends[0], np.nan)], axis=1).reshape(-1, 2).T
    axis.plot(across, down, ".-", color=LINE, linewidth=0.8, markersize=4, alpha=0.8)
    count = counted(len(points), "shared point", "shared points")
    return count if len(points) <= LINES else f"the {LINES} clearest of {count}"


def _draw_heat(axis: Axes, query: Photo, candidate: PanelPhoto, shape: float) -> str:
    """Draw the query, dark where covering it costs no similarity to the candidate; return what it costs at most."""
    heat = np.zeros((1, 1)) if candidate.heat is None else candidate.heat
    strongest, extent = float(heat.max()), _extent(query, shape)
    axis.imshow(query, extent=extent)
    share = heat / max(strongest, LITTLE)
    axis.imshow(share, extent=extent, cmap=style.HEAT, alpha=0.6, vmin=0, vmax=1, interpolation="bilinear")
    return f"up to -{strongest:.2f} when covered"


def _viewpoint(values: Any) -> str:
    """A line for a title: the viewpoint that a catalogue row or a candidate shows, "" where that is not known."""
    orientation = values.get("orientation")
    return f"\n{orientation} side" if isinstance(orientation, str) and orientation else ""
