from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from numpy.typing import NDArray

from wildtrack.errors import UserError
from wildtrack.visualization import catalogue_plots as plots

LONG = "Žofie ze $x_{ dlouhé\nsavany " + "a" * 200
NAMES = [f"turtle {number:02d}" for number in range(40)]

pytestmark = pytest.mark.filterwarnings("ignore:Glyph:UserWarning")


def photos(count: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    sides = [(1, 1), (30, 40), (40, 30), (1, 300), (300, 1), (64, 64)]
    return [rng.integers(0, 256, (*sides[number % len(sides)], 3), dtype=np.uint8) for number in range(count)]


def table(rows: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = np.datetime64("2019-12-20") + rng.integers(0, 400, rows).astype("timedelta64[D]")
    return pd.DataFrame(
        {
            "identity": [NAMES[number % 13] for number in range(rows)],
            "path": [f"{number // 2}.jpg" for number in range(rows)],
            "date": days.astype(str),
            "orientation": ["left", "right", LONG] * (rows // 3),
            "species": [f"species {number % 50}" for number in range(rows)],
            "width": 4000.0,
            "height": [3000.0 if number % 2 else np.nan for number in range(rows)],
        }
    )


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]


def check_looks(figure: Figure) -> None:
    """Everything written lies inside the figure, does not lie on another text, and nothing has a background."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    assert np.asarray(canvas.buffer_rgba())[0, 0, 3] == 0  # type: ignore[no-untyped-call]
    renderer = canvas.get_renderer()  # type: ignore[no-untyped-call]
    width, height = canvas.get_width_height()
    boxes = []
    for axis in figure.axes:
        labels = [axis.title, axis.xaxis.label, axis.yaxis.label, *axis.texts]
        if axis.axison:
            for ticks, limits in ((axis.xaxis, axis.get_xlim()), (axis.yaxis, axis.get_ylim())):
                shown = [tick for tick in ticks.get_major_ticks() if min(limits) <= tick.get_loc() <= max(limits)]
                labels += [tick.label1 for tick in shown]
        boxes += [label.get_window_extent(renderer) for label in labels if label.get_visible() and label.get_text()]
    boxes += [text.get_window_extent(renderer) for text in figure.texts]
    for number, box in enumerate(boxes):
        assert box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
        for other in boxes[:number]:
            overlap_x = min(box.x1, other.x1) - max(box.x0, other.x0)
            overlap_y = min(box.y1, other.y1) - max(box.y0, other.y0)
            assert overlap_x <= 1 or overlap_y <= 1


def frame(axis: Axes) -> Rectangle:
    return next(patch for patch in axis.patches if isinstance(patch, Rectangle))


@pytest.mark.parametrize(
    ("count", "grid_shape", "img_size", "spacing", "shown"),
    [
        (0, (2, 3), (50, 60), 8, 0),
        (1, (1, 1), (50, 60), 0, 1),
        (5, (2, 3), (50, 60), 8, 5),
        (7, (2, 3), (90, 200), 20, 6),
        (40, (5, 8), (60, 80), 10, 40),
    ],
)
def test_grid(count: int, grid_shape: tuple[int, int], img_size: tuple[int, int], spacing: int, shown: int) -> None:
    names = [LONG, "unknown", *NAMES][:count]
    figure = plots.plot_grid(photos(count), names, grid_shape, img_size, spacing)
    assert len(figure.axes) == shown
    check_looks(figure)
    boxes = [axis.get_window_extent() for axis in figure.axes]
    for box in boxes:
        assert (box.height, box.width) == pytest.approx(img_size, abs=1)
    if shown == 6:
        assert boxes[1].x0 - boxes[0].x1 == pytest.approx(spacing + 8, abs=1)  # the frames take four pixels each
        assert boxes[0].y0 > boxes[3].y1


def test_forty_identities_have_forty_colours_and_their_names() -> None:
    figure = plots.plot_grid(photos(80), NAMES * 2, (8, 10))
    colours = [to_hex(frame(axis).get_edgecolor()) for axis in figure.axes]
    assert len(set(colours[:40])) == 40
    assert colours[:40] == colours[40:]
    assert [axis.texts[0].get_text() for axis in figure.axes] == NAMES * 2


def test_a_photo_keeps_its_aspect() -> None:
    figure = plots.plot_grid([np.zeros((20, 80, 3), np.uint8)], ["Ana"], (1, 1), (100, 100))
    assert (frame(figure.axes[0]).get_width(), frame(figure.axes[0]).get_height()) == (100, 25)


@pytest.mark.parametrize(
    ("grid_shape", "img_size", "spacing"), [((0, 1), (9, 9), 1), ((1, 1), (0, 9), 1), ((1, 1), (9, 9), -1)]
)
def test_an_impossible_grid_is_refused(grid_shape: tuple[int, int], img_size: tuple[int, int], spacing: int) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        plots.plot_grid(photos(1), ["Ana"], grid_shape, img_size, spacing)


def test_one_identity_and_one_caption_a_photo() -> None:
    with pytest.raises(ValueError, match="2 photos, but 1 identities"):
        plots.plot_grid(photos(2), ["Ana"])
    with pytest.raises(ValueError, match="2 photos, but 1 captions"):
        plots.plot_worst(photos(2), [["a"]], "blurry")


@pytest.mark.parametrize("count", [1, 6, 14])
def test_worst(count: int) -> None:
    figure = plots.plot_worst(photos(count), [("blurriness 0.61", LONG)] * count, "blurry: " + LONG)
    assert len(figure.axes) == count
    assert {axis.texts[0].get_text() for axis in figure.axes} == {"blurriness 0.61"}
    check_looks(figure)


def test_worst_of_none_says_so() -> None:
    assert "No photo." in texts(plots.plot_worst([], [], "blurry"))


def bars(figure: Figure) -> list[tuple[float, float, float]]:
    """(left, width, height) of each bar with a height."""
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return [(bar.get_x(), bar.get_width(), bar.get_height()) for bar in patches if bar.get_height()]


@pytest.mark.parametrize(
    ("counts", "bins", "expected"),
    [
        ([1], 30, [(0.5, 1, 1)]),
        ([1, 1, 3], 30, [(0.5, 1, 2), (2.5, 1, 1)]),
        ([1, 2, 3, 4], 2, [(0.5, 2, 2), (2.5, 2, 2)]),
        ([5, 9], 1, [(4.5, 5, 2)]),
        ([1, 100], 10, [(0.5, 10, 1), (90.5, 10, 1)]),
    ],
)
@pytest.mark.parametrize("log_scale", [False, True])
def test_identity_histogram(
    counts: list[int], bins: int, expected: list[tuple[float, float, float]], log_scale: bool
) -> None:
    ids = [name for name, count in zip(NAMES, counts, strict=False) for _ in range(count)] + ["unknown"] * 7
    figure = plots.plot_identity_histogram(ids, bins, log_scale, alpha=0.5, figsize=(5, 3))
    assert bars(figure) == expected
    assert figure.axes[0].get_yscale() == ("log" if log_scale else "linear")
    assert tuple(figure.get_size_inches()) == (5, 3)
    assert figure.axes[0].patches[0].get_alpha() == 0.5
    check_looks(figure)


def test_no_bins_are_refused() -> None:
    with pytest.raises(ValueError, match="bins = 0"):
        plots.plot_identity_histogram(["Ana"], bins=0)


def test_encounters_met_once_are_hatched() -> None:
    rows = [("Ana", "2020-01-01"), ("Ana", "2020-03-01"), ("Bo", "2020-01-01"), ("unknown", "2020-01-01")]
    catalogue = pd.DataFrame(rows, columns=["identity", "date"]).assign(path=["1", "2", "3", "4"])
    figure = plots.plot_encounters_per_identity(catalogue, 12)
    assert bars(figure) == [(0.5, 1, 1), (1.5, 1, 1)]
    assert [patch.get_hatch() for patch in figure.axes[0].patches] == ["///", None]
    assert "1 met twice or more, 1 once" in figure.axes[0].get_title()
    with pytest.raises(UserError, match="encounter_hours"):
        plots.plot_encounters_per_identity(catalogue, -1)


@pytest.mark.parametrize(
    ("dates", "expected", "unit"),
    [
        (["2020-02-01", "2020-02-01T10:00", "2020-02-03", None], [(1, 2), (1, 1)], "day"),
        (["2020-02-01", "2020-02-29", "2021-01-01"], [(29, 2), (31, 1)], "month"),
        (["0001-01-01", "9999-12-30"], [(31, 1), (31, 1)], "month"),
    ],
)
def test_photos_per_date(dates: list[str | None], expected: list[tuple[int, int]], unit: str) -> None:
    catalogue = pd.DataFrame({"path": [f"{number}.jpg" for number in range(len(dates))], "date": dates})
    twice = pd.concat([catalogue, catalogue])  # two animals in each photo
    figure = plots.plot_photos_per_date(twice)
    assert [(width, height) for _, width, height in bars(figure)] == expected
    assert figure.axes[0].get_xlabel() == unit
    check_looks(figure)


def test_balance_names_the_most_frequent_and_sums_up_the_rest() -> None:
    words = [f"species {number}" for number in range(25) for _ in range(30 - number)] + ["", None]
    figure = plots.plot_balance(pd.DataFrame({"species": words}), "species")
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == [*(f"species {number}" for number in range(20)), "(5 others)", "(not given)"]
    widths = [patch.get_width() for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert widths == [*range(30, 10, -1), 10 + 9 + 8 + 7 + 6, 2]
    check_looks(figure)


def test_photo_sizes_are_circles_by_count() -> None:
    figure = plots.plot_photo_sizes(pd.DataFrame({"width": [40, 40, 30, None], "height": [30, 30, 40, 5]}))
    points = figure.axes[0].collections[0]
    assert np.asarray(points.get_offsets()).tolist() == [[40, 30], [30, 40]]
    areas = points.get_sizes() - 12  # type: ignore[attr-defined]
    assert areas[0] == pytest.approx(2 * areas[1])


def test_animals_per_photo() -> None:
    figure = plots.plot_animals_per_photo(pd.DataFrame({"path": ["a", "a", "a", "b", "c"]}))
    assert bars(figure) == [(0.5, 1, 2), (2.5, 1, 1)]


CHARTS: dict[str, Callable[[pd.DataFrame], Figure]] = {
    "identities": lambda catalogue: plots.plot_identity_histogram(catalogue["identity"].tolist()),
    "encounters": lambda catalogue: plots.plot_encounters_per_identity(catalogue, 12),
    "dates": plots.plot_photos_per_date,
    "orientation": lambda catalogue: plots.plot_balance(catalogue, "orientation"),
    "species": lambda catalogue: plots.plot_balance(catalogue, "species"),
    "sizes": plots.plot_photo_sizes,
    "animals": plots.plot_animals_per_photo,
}


@pytest.mark.parametrize("name", list(CHARTS))
def test_charts_have_titles_and_labels_and_cut_nothing(name: str) -> None:
    figure = CHARTS[name](table())
    axis = figure.axes[0]
    assert len(figure.axes) == 1
    assert axis.get_title()
    assert axis.get_xlabel()
    check_looks(figure)


@pytest.mark.parametrize("name", list(CHARTS))
def test_charts_of_nothing_say_so(name: str) -> None:
    figure = CHARTS[name](pd.DataFrame({"identity": [], "path": []}, dtype=object))
    assert figure.axes[0].texts[0].get_text().endswith(".")
    check_looks(figure)
