from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from wildtrack.assess.findings import Finding
from wildtrack.visualization.html_report import MOST_ROWS, Picture, Section, report_page

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


def test_an_empty_page() -> None:
    page = Page(report_page("title", "nothing", [], []))
    assert "title" in page.text
    assert page.all("script") == page.all("link") == []


def test_text_is_only_text() -> None:
    table = pd.DataFrame({UGLY: [UGLY]})
    section = Section("one", UGLY, [UGLY], [Picture(UGLY, Figure(), UGLY)], table, UGLY)
    page = Page(report_page(UGLY, UGLY, [Finding("mend", UGLY, "one")], [section]))
    assert page.all("script") == []
    assert (
        page.text.count(UGLY) == 10
    )  # title twice, understood, finding, link, heading, paragraph, caption, column, cell
    assert [image["alt"] for image in page.all("img")] == [UGLY]


def test_links_lead_to_sections_and_nothing_leads_elsewhere() -> None:
    sections = [Section("one", "One"), Section("two", "Two", figures=[Picture("a_picture", Figure())])]
    page = Page(report_page("title", "", [Finding("look", "odd", "two")], sections))
    anchors = {f"#{heading['id']}" for heading in page.all("h2")}
    assert {link["href"] for link in page.all("a")} == anchors == {"#one", "#two"}
    assert all((image["src"] or "").startswith("data:image/png;base64,") for image in page.all("img"))
    assert "a picture" in str(page.all("img"))


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
    page = report_page("title", "", [Finding("look", text, "one")], [Section("one", "One", [text])])
    assert page.count(html) == 2


def test_a_caption_stands_below_its_picture() -> None:
    pictures = [Picture("a", Figure(), "2 of 3 shown"), Picture("b", Figure())]
    page = report_page("title", "", [], [Section("one", "One", figures=pictures)])
    assert page.count("<figcaption>") == 1
    assert page.index('alt="a"') < page.index("2 of 3 shown") < page.index('alt="b"')


@pytest.mark.parametrize(("rows", "shown"), [(0, 0), (1, 1), (MOST_ROWS, MOST_ROWS), (MOST_ROWS + 5, MOST_ROWS)])
def test_tables_are_cut_and_say_so(rows: int, shown: int) -> None:
    section = Section("one", "One", table=pd.DataFrame({"row": np.arange(rows)}), source="all.csv")
    page = Page(report_page("title", "", [], [section]))
    assert len(page.all("td")) == shown
    assert ("all.csv" in page.text) == (rows > shown)


@pytest.mark.parametrize(
    ("cell", "text"),
    [(True, "yes"), (False, ""), (0.12345, "0.123"), (float("nan"), ""), (None, ""), (12345, "12345"), ("a", "a")],
)
def test_cells(cell: object, text: str) -> None:
    section = Section("one", "One", table=pd.DataFrame({"n": pd.Series([cell], dtype=object)}))
    page = report_page("title", "", [], [section])
    assert f'<td data-name="n">{text}</td>' in page


def test_columns_are_explained_where_they_are_there() -> None:
    meanings = {"is_odd": "a --flag says so", "absent": "never"}
    section = Section("one", "One", table=pd.DataFrame({"is_odd": [True]}), headings=meanings)
    page = report_page("title", "", [], [section])
    assert "<dt>is odd:</dt> <dd>a <code>--flag</code> says so</dd>" in page
    assert "absent" not in page
