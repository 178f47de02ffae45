import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.text import Text

from wildtrack.assess.labels.audit import MIXED_COLUMNS, PAIR_COLUMNS, PHOTO_COLUMNS
from wildtrack.visualization.suspicion_plots import (
    Suspicion,
    alike_identities,
    duplicates_across_identities,
    mixed_identities,
    odd_photos,
    plot_suspicions,
)


def read(image_id: str) -> np.ndarray:
    """A photo whose shape is in its name."""
    return np.full((*map(int, image_id.split("x")[:2]), 3), 90, dtype=np.uint8)


SUSPICIONS = [
    Suspicion(("20x30", "30x20"), ("Ana", "C $1"), "one animal?"),
    Suspicion(("1x1", "5x500"), ("Žofie " * 20, "W" * 60), "a remark that goes on " * 9),
    Suspicion((f"9x9x{'long' * 30}", "9x9"), ("all\nthree\nlines", "\\frac{$"), ""),
    Suspicion(("9x9", "9x9"), ("", "x"), "$"),
]


def texts(figure: Figure) -> list[Text]:
    figure.canvas = FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    return [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text().strip()]


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_no_text_is_cut_or_covers_another(count: int) -> None:
    figure = plot_suspicions((SUSPICIONS * 2)[:count], read, "A title")
    found = texts(figure)
    width, height = figure.bbox.size
    boxes = [text.get_window_extent() for text in found]
    for text, box in zip(found, boxes, strict=True):
        assert 0 <= box.x0 <= box.x1 <= width, text
        assert 0 <= box.y0 <= box.y1 <= height, text
    for number, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:number]), found[number]
    assert len(figure.findobj(AxesImage)) == 2 * count


def only(found: list[Suspicion]) -> Suspicion:
    (suspicion,) = found
    return suspicion


def test_an_odd_photo_is_shown_beside_its_evidence() -> None:
    values = ["p", "Ana", "p.jpg", "", "Bo", 0.9, 8, 1, "q", "q.jpg", "o", "o.jpg"]
    shown = only(odd_photos(pd.DataFrame([values], columns=PHOTO_COLUMNS)))
    assert shown.image_ids == ("p", "q")
    assert shown.names == ("labelled\nAna\nsimilar photos: 1", "looks like\nBo\nsimilar photos: 8")
    assert odd_photos(pd.DataFrame(columns=PHOTO_COLUMNS)) == []


def test_identities_are_shown_by_their_evidence() -> None:
    pair = ["Ana", "Bo", "", 0.876, 0.7, 4, 5, "p", "p.jpg", "q", "q.jpg"]
    shown = only(alike_identities(pd.DataFrame([pair], columns=PAIR_COLUMNS)))
    assert (shown.image_ids, shown.names) == (("p", "q"), ("Ana", "Bo"))
    assert "0.88" in shown.remark
    shown = only(mixed_identities(pd.DataFrame([[pair[0], *pair[2:]]], columns=MIXED_COLUMNS)))
    assert (shown.image_ids, shown.names) == (("p", "q"), ("Ana\n4 photos", "Ana\n5 photos"))
    assert "0.12" in shown.remark


def test_a_group_under_several_names_is_shown_by_its_first_two() -> None:
    duplicates = pd.DataFrame(
        {
            "group": [0, 0, 0, 0, 1, 1],
            "image_id": list("pqrstu"),
            "identity": ["a", "a", "b", "c", "d", "d"],
            "across_identities": [True, True, True, True, False, False],
        }
    )
    shown = only(duplicates_across_identities(duplicates))
    assert (shown.image_ids, shown.names) == (("p", "r"), ("a", "b"))
    assert shown.remark == "one picture, 3 names; 2 of 4 photos shown"
    assert only(duplicates_across_identities(duplicates[1:3])).remark == "one picture, 2 names"
    assert duplicates_across_identities(duplicates[4:]) == []
