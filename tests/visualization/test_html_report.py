import base64
import io
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.assess.findings import Finding
from wildtrack.visualization.html_report import MOST_ROWS, Chart, Pair, Photos, Section, Thumbnail, report_page

PIXELS = np.full((30, 40, 3), 90, dtype=np.uint8)
UGLY = "<script>alert('é')</script> & \"x\" 🐢"


class Page(HTMLParser):
    """Collects what a page says, and checks that its elements are closed in order."""

    VOID = frozenset({"meta", "img", "br"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for found, attributes in self.tags if found == tag]


def test_text_is_escaped_wherever_it_stands() -> None:
    photo = Thumbnail(PIXELS, UGLY, [UGLY])
    photos = [Photos(UGLY, [photo], [Pair(photo, photo, UGLY)], UGLY)]
    section = Section("one", UGLY, [UGLY], [Chart(UGLY, b"")], photos, pd.DataFrame({UGLY: [UGLY]}), UGLY)
    page = Page(report_page(UGLY, UGLY, [Finding("fix", UGLY, "one")], [section]))
    assert page.all("script") == page.all("link") == []
    # title twice, understood, finding, link, heading, paragraph, column, value; photos: title, remark, caption, 3 x 2
    assert page.text.count(UGLY) == 9 + 3 + 6 and [image["alt"] for image in page.all("img")] == [UGLY] * 4


def test_links_lead_to_sections_and_photos_carry_no_metadata() -> None:
    photos = Photos(singles=[Thumbnail(PIXELS, "Ana", border="dashed #0072b2")])
    sections = [Section("one", "One", photos=[photos]), Section("two", "Two", charts=[Chart("a_chart", b"png")])]
    page = Page(report_page("title", "", [Finding("check", "odd", "two")], sections))
    anchors = {f"#{heading['id']}" for heading in page.all("h2")}
    assert {link["href"] for link in page.all("a")} == anchors == {"#one", "#two"}
    photo, chart = page.all("img")
    assert (photo["alt"], photo["style"]) == ("Ana", "border: 4px dashed #0072b2")
    assert chart == {"alt": "a chart", "src": f"data:image/png;base64,{base64.b64encode(b'png').decode()}"}
    kind, _, code = str(photo["src"]).partition(",")
    image = Image.open(io.BytesIO(base64.b64decode(code)))
    assert kind == "data:image/jpeg;base64" and image.size == (40, 30) and not image.getexif()
    assert set(image.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("the column `date`, or", "the column <code>date</code>, or"),
        ("--save-split writes", "<code>--save-split</code> writes"),
        ("use --thresholds.dark.", "use <code>--thresholds.dark</code>."),
        ("`<b>` & a--b", "<code>&lt;b&gt;</code> &amp; a--b"),
        ("one ` alone", "one ` alone"),
    ],
)
def test_names_and_settings_are_set_apart_and_do_not_break(text: str, html: str) -> None:
    page = report_page("title", "", [Finding("check", text, "one")], [Section("one", "One", [text])])
    assert page.count(html) == 2


@pytest.mark.parametrize(("rows", "shown"), [(0, 0), (1, 1), (MOST_ROWS, MOST_ROWS), (MOST_ROWS + 5, MOST_ROWS)])
def test_tables_are_cut_and_say_so(rows: int, shown: int) -> None:
    section = Section("one", "One", table=pd.DataFrame({"row": np.arange(rows)}), source="all.csv")
    page = Page(report_page("title", "", [], [section]))
    assert len(page.all("td")) == shown and ("all.csv" in page.text) == (rows > shown)


@pytest.mark.parametrize(
    ("value", "text"),
    [(True, "yes"), (False, ""), (0.12345, "0.123"), (float("nan"), ""), (None, ""), (12345, "12345"), ("a", "a")],
)
def test_values_of_tables_and_the_meaning_of_their_columns(value: object, text: str) -> None:
    meanings = {"is_odd": "a --flag says so", "absent": "never"}
    table = pd.DataFrame({"is_odd": pd.Series([value], dtype=object)})
    page = report_page("title", "", [], [Section("one", "One", table=table, headings=meanings)])
    assert f'<td data-name="is odd">{text}</td>' in page
    assert "<dt>is odd:</dt> <dd>a <code>--flag</code> says so</dd>" in page and "absent" not in page
