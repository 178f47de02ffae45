"""Boxes in every form, on photos that were made smaller or turned since, and boxes that show no animal."""

from hypothesis import strategies as st

from tests.helpers.planted.faults import EMPTY, Draw, some_rows
from tests.helpers.planted.photos import HEIGHT, WIDTH
from tests.helpers.planted.study import Row, Study

Edges = tuple[float, float, float, float]  # left, top, right, bottom in pixels of the upright photo of WIDTH x HEIGHT
FORMS = ("xywh", "xywh", "xywh", "corners", "relative", "relative-corners", "percent")
BAD = {  # [x, y, width, height] -> words of the reason
    (180, 100, 4, 90): "too few for an animal",
    (390, 280, 200, 190): "is outside the photo",
    (500, 100, 90, 90): "is outside the photo",
}


def boxes(draw: Draw, study: Study) -> None:
    """Plant a column of boxes in one form, and sizes where photos changed."""
    form = draw(st.sampled_from(FORMS))
    changed = form == "xywh" and "two on a photo" not in study.faults and draw(st.booleans())
    boxed = []
    for row in study.rows:
        if not row.lost and draw(st.integers(0, 4)):
            _draw_box(draw, row, form, changed)
            boxed.append(row)
        else:
            row.written["bbox"] = draw(st.sampled_from([*EMPTY, "[]", "[nan, nan, nan, nan]"]))
    if not boxed:
        return
    _expect_form(draw, study, form, len(boxed))
    if form == "xywh" and len(boxed) >= 6 and draw(st.booleans()):
        for row in [row for row in some_rows(draw, study) if row in boxed and row.photo == "plain"]:
            numbers = draw(st.sampled_from(list(BAD)))
            row.written["bbox"], row.box_lost = str(list(numbers)), BAD[numbers]
            row.written.pop("width", None)
            row.written.pop("height", None)
    kept = [row for row in boxed if not row.box_lost]
    if scaled := sum(row.photo == "half" for row in kept):
        study.remarks["scaled"] = f": {scaled}"
    if turned := sum(row.photo == "turned" and row.written["width"] == str(HEIGHT) for row in kept):
        study.remarks["turned"] = f": {turned}"


def _draw_box(draw: Draw, row: Row, form: str, changed: bool) -> None:
    """A box in the lower right, where corners cannot be taken for width and height."""
    left, top = draw(st.integers(180, 240)), draw(st.integers(110, 150))
    edges: Edges = (left, top, left + draw(st.integers(80, 140)), top + draw(st.integers(100, 140)))
    row.photo = draw(st.sampled_from(["plain", "plain", "half", "turned"])) if changed else "plain"
    shrunk = 2 if row.photo == "half" else 1
    row.meant["bbox"] = tuple(round(value / shrunk) for value in _xywh(edges))
    if changed:
        stored = row.photo == "turned" and draw(st.booleans())
        edges = (edges[1], WIDTH - edges[2], edges[3], WIDTH - edges[0]) if stored else edges
        size = (HEIGHT, WIDTH) if stored else (WIDTH, HEIGHT)
        row.written["width"], row.written["height"] = map(str, size)
        row.meant["width"] = WIDTH / shrunk
    numbers = edges if "corners" in form else _xywh(edges)
    unit = {"percent": (WIDTH / 100, HEIGHT / 100), "xywh": (1, 1), "corners": (1, 1)}.get(form, (WIDTH, HEIGHT))
    texts = [f"{value / unit[place % 2]:.6g}" for place, value in enumerate(numbers)]
    row.written["bbox"] = draw(st.sampled_from(["[{}, {}, {}, {}]", "({} {} {} {})", "{},{},{},{}"])).format(*texts)


def _expect_form(draw: Draw, study: Study, form: str, count: int) -> None:
    """What is said of the form, or asked about it."""
    if draw(st.booleans()) or (form == "percent" and count < 3):  # two boxes may well be small ones in a corner
        study.config["box_form"] = form
    elif form == "percent":
        study.refusals.append(("in percent or in pixels", "--box-form"))
    elif form == "corners" and count < 3:
        study.refusals.append(("[x, y, width, height] or corners", "--box-form"))
    if form != "xywh":
        study.remarks["form"] = form.replace("-", " ")


def _xywh(edges: Edges) -> Edges:
    left, top, right, bottom = edges
    return left, top, right - left, bottom - top
