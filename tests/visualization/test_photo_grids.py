import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle

from tests.helpers.looks import LONG, TURTLES, check_looks, photos
from wildtrack.visualization.catalogue_plots import plot_grid

pytestmark = pytest.mark.filterwarnings("ignore:Glyph:UserWarning")


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
    names = [LONG, "unknown", *TURTLES][:count]
    figure = plot_grid(photos(count), names, grid_shape, img_size, spacing)
    assert len(figure.axes) == shown
    check_looks(figure)
    boxes = [axis.get_window_extent() for axis in figure.axes]
    for box in boxes:
        assert (box.height, box.width) == pytest.approx(img_size, abs=1)
    if shown == 6:
        assert boxes[1].x0 - boxes[0].x1 == pytest.approx(spacing + 8, abs=1)  # the frames take four pixels each
        assert boxes[0].y0 > boxes[3].y1


def test_forty_identities_have_forty_colours_and_a_photo_keeps_its_aspect() -> None:
    figure = plot_grid(photos(80), TURTLES * 2, (8, 10))
    colours = [to_hex(frame(axis).get_edgecolor()) for axis in figure.axes]
    assert len(set(colours[:40])) == 40 and colours[:40] == colours[40:]
    assert [axis.texts[0].get_text() for axis in figure.axes] == TURTLES * 2
    figure = plot_grid([np.zeros((20, 80, 3), np.uint8)], ["Ana"], (1, 1), (100, 100))
    assert (frame(figure.axes[0]).get_width(), frame(figure.axes[0]).get_height()) == (100, 25)


@pytest.mark.parametrize(
    ("grid_shape", "img_size", "spacing"), [((0, 1), (9, 9), 1), ((1, 1), (0, 9), 1), ((1, 1), (9, 9), -1)]
)
def test_an_impossible_grid_is_refused(grid_shape: tuple[int, int], img_size: tuple[int, int], spacing: int) -> None:
    with pytest.raises(ValueError, match="cannot be drawn"):
        plot_grid(photos(1), ["Ana"], grid_shape, img_size, spacing)
    with pytest.raises(ValueError, match="2 photos, but 1 identities"):
        plot_grid(photos(2), ["Ana"])
