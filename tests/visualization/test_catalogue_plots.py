from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tests.helpers.looks import LONG, TURTLES, check_looks
from wildtrack.errors import UserError
from wildtrack.visualization import catalogue_plots as plots

pytestmark = pytest.mark.filterwarnings("ignore:Glyph:UserWarning")


def table(rows: int = 60) -> pd.DataFrame:
    numbers = pd.Series(range(rows))
    days = np.datetime64("2019-12-20") + np.random.default_rng(0).integers(0, 400, rows).astype("timedelta64[D]")
    found = pd.DataFrame({"date": days.astype(str), "orientation": ["left", "right", LONG] * (rows // 3), "width": 4e3})
    found["height"] = np.where(numbers % 2, 3000.0, np.nan)
    return found.assign(
        identity=[TURTLES[number % 13] for number in numbers],
        path=[f"{number // 2}.jpg" for number in numbers],
        species=[f"species {number % 50}" for number in numbers],
    )


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
def test_histogram(counts: list[int], bins: int, expected: list[tuple[float, float, float]], log_scale: bool) -> None:
    ids = [name for name, count in zip(TURTLES, counts, strict=False) for _ in range(count)] + ["unknown"] * 7
    figure = plots.plot_identity_histogram(ids, bins, log_scale, alpha=0.5, figsize=(5, 3))
    assert bars(figure) == expected and figure.axes[0].get_yscale() == ("log" if log_scale else "linear")
    assert (*figure.get_size_inches(), figure.axes[0].patches[0].get_alpha()) == (5, 3, 0.5)
    check_looks(figure)


def test_encounters_met_once_are_hatched_and_bad_arguments_refused() -> None:
    rows = [("Ana", "2020-01-01"), ("Ana", "2020-03-01"), ("Bo", "2020-01-01"), ("unknown", "2020-01-01")]
    catalogue = pd.DataFrame(rows, columns=["identity", "date"]).assign(path=["1", "2", "3", "4"])
    figure = plots.plot_encounters_per_identity(catalogue, 12)
    assert bars(figure) == [(0.5, 1, 1), (1.5, 1, 1)]
    assert [patch.get_hatch() for patch in figure.axes[0].patches] == ["///", None]
    assert "1 met twice or more, 1 once" in figure.axes[0].get_title()
    with pytest.raises(UserError, match="--encounter-hours"):
        plots.plot_encounters_per_identity(catalogue, -1)
    with pytest.raises(ValueError, match="bins = 0"):
        plots.plot_identity_histogram(["Ana"], bins=0)


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


def test_photo_sizes_are_circles_by_count_and_animals_per_photo_bars() -> None:
    figure = plots.plot_photo_sizes(pd.DataFrame({"width": [40, 40, 30, None], "height": [30, 30, 40, 5]}))
    points = figure.axes[0].collections[0]
    assert np.asarray(points.get_offsets()).tolist() == [[40, 30], [30, 40]]
    areas = points.get_sizes() - 12  # type: ignore[attr-defined]
    assert areas[0] == pytest.approx(2 * areas[1])
    figure = plots.plot_animals_per_photo(pd.DataFrame({"path": ["a", "a", "a", "b", "c"]}))
    assert bars(figure) == [(0.5, 1, 2), (2.5, 1, 1)]


CHARTS: list[Callable[[pd.DataFrame], Figure]] = [
    lambda catalogue: plots.plot_identity_histogram(catalogue["identity"].tolist()),
    lambda catalogue: plots.plot_encounters_per_identity(catalogue, 12),
    lambda catalogue: plots.plot_balance(catalogue, "orientation"),
    lambda catalogue: plots.plot_balance(catalogue, "species"),
    *(plots.plot_photos_per_date, plots.plot_photo_sizes, plots.plot_animals_per_photo),
]


@pytest.mark.parametrize("draw", CHARTS)
def test_charts_have_titles_and_labels_and_those_of_nothing_say_so(draw: Callable[[pd.DataFrame], Figure]) -> None:
    figure, empty = draw(table()), draw(pd.DataFrame({"identity": [], "path": []}, dtype=object))
    (axis,) = figure.axes
    assert axis.get_title() and axis.get_xlabel() and empty.axes[0].texts[0].get_text().endswith(".")
    check_looks(figure)
    check_looks(empty)
