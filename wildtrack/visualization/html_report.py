"""The report: findings and sections in, one HTML file out that opens offline; its look: `templates/report.html.j2`."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from PIL import Image

from wildtrack.assess.findings import LEVELS, Finding
from wildtrack.visualization.style import Photo

MOST_ROWS = 20  # of a table on the page; the CSV has them all
JPEG_QUALITY = 85
CODE = re.compile(r"`([^`]+)`|(?<![\w-])(--[a-z][\w.-]*\w)")  # `a name`, or a --setting, which must not be broken


@dataclass(frozen=True)
class Chart:
    """A chart: the name of its file without the ending, and its PNG."""

    name: str
    png: bytes


@dataclass(frozen=True)
class Thumbnail:
    """A photo, uint8 (H, W, 3), a title and lines below it, and the style and colour of its border in CSS."""

    pixels: Photo
    title: str
    lines: Sequence[str] = ()
    border: str = ""


@dataclass(frozen=True)
class Pair:
    """Two photos to compare, and a remark below both."""

    left: Thumbnail
    right: Thumbnail
    remark: str = ""


@dataclass(frozen=True)
class Photos:
    """Photos under one title, single or in pairs; the caption says how many are not shown."""

    title: str = ""
    singles: Sequence[Thumbnail] = ()
    pairs: Sequence[Pair] = ()
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page, in the order of its fields."""

    name: str  # one word, for links
    title: str
    text: Sequence[str] = ()  # paragraphs
    charts: Sequence[Chart] = ()
    photos: Sequence[Photos] = ()
    table: pd.DataFrame | None = None  # at most MOST_ROWS rows of it
    source: str = ""  # the file with the whole table
    headings: Mapping[str, str] = field(default_factory=dict)  # column -> what it means


def shown_of(count: int, total: int, source: str) -> str:
    """The caption below `count` of `total` photos or pairs; "" where all are shown."""
    return "" if count == total else f"{count} of {total} shown; {source} lists all."


def report_page(title: str, understood: str, findings: Sequence[Finding], sections: Sequence[Section]) -> str:
    """The page as HTML, without code and links elsewhere; `understood` says what the data was taken for."""
    environment = Environment(
        loader=PackageLoader("wildtrack.visualization"),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "as_text": _as_text,
        "in_words": lambda name: str(name).replace("_", " "),
        "jpeg_uri": _jpeg_uri,
        "number_class": lambda dtype: Markup(' class="number"') if dtype.kind in "iuf" else "",
        "png_uri": lambda content: f"data:image/png;base64,{base64.b64encode(content).decode()}",
        "prose": lambda text: Markup(CODE.sub(r"<code>\1\2</code>", str(escape(text)))),  # nosec B704  # it is escaped here
    }
    page = {"title": title, "understood": understood, "findings": findings, "sections": sections, "levels": LEVELS}
    return environment.get_template("report.html.j2").render(page, most_rows=MOST_ROWS)


def _jpeg_uri(photo: Photo) -> str:
    """A photo as a JPEG of its pixels alone, without metadata."""
    buffer = io.BytesIO()
    Image.fromarray(photo).save(buffer, "JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return "" if value != value else f"{value:.3g}"
    return "" if value is None else str(value)
