"""The page: findings and sections in, one HTML file out that opens offline, on light and dark screens."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import starmap

import pandas as pd
from matplotlib.figure import Figure

from wildtrack.assess.findings import LEVELS, Finding
from wildtrack.visualization.style import png

MOST_ROWS = 20  # of a table on the page; the CSV has them all

CODE = re.compile(
    r"`([^`]+)`|(?<![\w-])(--[a-z][\w.-]*\w)"
)  # `a name`, or a --setting, which must not break at its hyphens

STYLE = """
:root { color-scheme: light dark; --ink: #1d2327; --faint: #5d6870; --page: #fff; --card: #f5f7f8; --line: #d5dbdf;
  --mend: #b3400a; --look: #7a5b00; --good: #00654d; --link: #0b5c96; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ec; --faint: #9fabb3; --page: #14181b; --card: #1e2428;
  --line: #39434a; --mend: #ff9a66; --look: #f0c64a; --good: #4fd0a8; --link: #7cc0f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem 1rem 4rem; max-width: 54rem; color: var(--ink); background: var(--page);
  font: 1rem/1.55 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.6rem 0 .6rem; padding-top: .8rem; font-size: 1.25rem; border-top: 1px solid var(--line); }
p { margin: .4rem 0; overflow-wrap: anywhere; }
a { color: var(--link); }
nav { margin: 1rem 0; display: flex; flex-wrap: wrap; gap: .3rem 1rem; }
.faint { color: var(--faint); }
.findings { margin: 1rem 0; padding: 0; list-style: none; }
.findings li { display: flex; gap: .9rem; margin: .4rem 0; padding: .55rem .8rem; background: var(--card);
  border-left: .3rem solid var(--level); overflow-wrap: anywhere; }
.findings b { flex: 0 0 4rem; color: var(--level); }
.mend { --level: var(--mend); } .look { --level: var(--look); } .good { --level: var(--good); }
figure { margin: .8rem 0 1.4rem; }
figcaption { color: var(--faint); }
img { display: block; max-width: 100%; height: auto; }
code { font-family: inherit; font-weight: 600; white-space: nowrap; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; }
th, td { padding: .25rem .7rem .25rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid var(--line); }
td { overflow-wrap: anywhere; }
td:not(.number) { min-width: 5rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
dl { margin: .8rem 0; font-size: .88rem; }
dt, dd { display: inline; margin: 0; }
dt { font-weight: 600; }
@media (max-width: 52rem) {
  thead { display: none; }
  table, tbody, tr { display: block; }
  tr { padding: .4rem 0; border-bottom: 1px solid var(--line); }
  td, td.number { display: flex; gap: .7rem; padding: 0; text-align: left; border: 0; }
  td::before { content: attr(data-name); flex: 0 0 7.5rem; color: var(--faint); }
  td:empty { display: none; }
}
"""


@dataclass(frozen=True)
class Picture:
    """A figure on the page.

    Attributes:
        name: Of its file, without the ending; with spaces for underscores, its alternative text.
        figure: The picture.
        caption: Below it.
    """

    name: str
    figure: Figure
    caption: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        name: One word, for links to it.
        title: Above it.
        text: Paragraphs.
        figures: Below the text.
        table: Shown with at most `MOST_ROWS` rows.
        source: The file with the whole table.
        headings: Column -> what it means.
    """

    name: str
    title: str
    text: Sequence[str] = ()
    figures: Sequence[Picture] = ()
    table: pd.DataFrame | None = None
    source: str = ""
    headings: Mapping[str, str] = field(default_factory=dict)


def some_shown(count: int, of: int, source: str) -> str:
    """The caption of a picture that shows `count` things of `of`; "" where it shows all."""
    return "" if count == of else f"{count} of {of} shown; {source} lists all."


def report_page(title: str, understood: str, findings: Sequence[Finding], sections: Sequence[Section]) -> str:
    """The page as HTML; everything in it is text or picture, nothing is loaded from elsewhere and no code runs.

    Args:
        title: Above the page.
        understood: What the data was taken for.
        findings: What stands on top, in this order.
        sections: What follows, in this order.
    """
    links = "".join(f'<a href="#{escape(section.name)}">{escape(section.title)}</a>' for section in sections)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
        f'<h1>{escape(title)}</h1>\n<p class="faint">{escape(understood)}</p>\n'
        f'<ul class="findings">{"".join(map(_finding, findings))}</ul>\n<nav>{links}</nav>\n'
        f"{''.join(map(_section, sections))}</body></html>\n"
    )


def _finding(finding: Finding) -> str:
    return (
        f'<li class="{finding.level}"><b>{LEVELS[finding.level]}</b>'
        f'<span>{_prose(finding.text)} <a href="#{escape(finding.section)}">more</a></span></li>'
    )


def _section(section: Section) -> str:
    parts = [f'<h2 id="{escape(section.name)}">{escape(section.title)}</h2>']
    parts += [f"<p>{_prose(paragraph)}</p>" for paragraph in section.text]
    parts += map(_picture, section.figures)
    if section.table is not None and len(section.table):
        meanings = {name: text for name, text in section.headings.items() if name in section.table}
        if meanings:
            parts.append(f'<dl class="faint">{"".join(starmap(_heading, meanings.items()))}</dl>')
        parts.append(_table(section.table))
        if len(section.table) > MOST_ROWS:
            more = f"The first {MOST_ROWS} of {len(section.table)} rows; all are in {section.source}."
            parts.append(f'<p class="faint">{escape(more)}</p>')
    return "\n".join(parts) + "\n"


def _heading(name: str, meaning: str) -> str:
    return f"<div><dt>{escape(_in_words(name))}:</dt> <dd>{_prose(meaning)}</dd></div>"


def _in_words(name: object) -> str:
    return str(name).replace("_", " ")


def _prose(text: str) -> str:
    return CODE.sub(lambda found: f"<code>{found[1] or found[2]}</code>", escape(text))


def _picture(picture: Picture) -> str:
    code = base64.b64encode(png(picture.figure)).decode()
    image = f'<img alt="{escape(picture.name.replace("_", " "))}" src="data:image/png;base64,{code}">'
    caption = f"<figcaption>{_prose(picture.caption)}</figcaption>" if picture.caption else ""
    return f"<figure>{image}{caption}</figure>"


def _table(table: pd.DataFrame) -> str:
    numeric = [pd.api.types.is_numeric_dtype(dtype) and not pd.api.types.is_bool_dtype(dtype) for dtype in table.dtypes]
    kinds = [' class="number"' if is_number else "" for is_number in numeric]
    names = [escape(_in_words(column)) for column in table.columns]
    head = "".join(f"<th{kind}>{name}</th>" for kind, name in zip(kinds, names, strict=True))
    rows = (
        "<tr>"
        + "".join(
            f'<td{kind} data-name="{name}">{escape(_cell(cell))}</td>'  # on a telephone the name stands in each cell
            for kind, name, cell in zip(kinds, names, row, strict=True)
        )
        + "</tr>"
        for row in table.head(MOST_ROWS).itertuples(index=False)
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table></div>'


def _cell(cell: object) -> str:
    if isinstance(cell, bool):
        return "yes" if cell else ""
    if isinstance(cell, float):
        return "" if cell != cell else f"{cell:.3g}"
    return "" if cell is None else str(cell)
