"""The table of a comparison: figures of many methods in, the same rows as CSV, Markdown and on the screen out."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from wildtrack.address.evaluation.method import Method, Scored
from wildtrack.address.evaluation.methods import OURS
from wildtrack.address.evaluation.report import Retrieval, method_figures

FIGURES = ("R@1", "R@5", "mAP")
COMPARED = ("R@1", "mAP")  # those with a paired difference to ours, and a place in the picture
TEXT = ("method", "runs on", "note")
LEAKY = "Leaky: of the query's own encounter, or a near-duplicate."


def all_figures(
    scores: Mapping[str, Retrieval], query_ids: np.ndarray, seed: int, reference: str = OURS
) -> dict[str, dict[str, Any]]:
    """The figures of every method, and how far the reference is ahead of it; see `method_figures`.

    Args:
        scores: Method name -> scores of the same queries.
        query_ids: str (Q,).
        seed: For the bootstrap.
        reference: The method that the others are held against; without scores of it they are not.
    """
    held_against = scores.get(reference)
    return {
        name: method_figures(retrieval, None if name == reference else held_against, query_ids, seed)
        for name, retrieval in scores.items()
    }


def comparison_table(
    methods: Sequence[Method], scored: Sequence[Scored], figures: Mapping[str, dict[str, Any]]
) -> pd.DataFrame:
    """One row a method.

    Args:
        methods: M of them.
        scored: What each answered.
        figures: From `all_figures`.

    Returns:
        `method`; `R@1`, `R@5` and `mAP` in 0-1, each with `_low` and `_high`, the ends of its 95% interval; the same
        with `_leak_free`; `ahead_R@1` and `ahead_mAP`, what the reference has more on the same queries, likewise;
        `training_minutes`, `photos_per_second`, `seconds_per_query`, `megabytes`, `embed_dim`, `runs_on`, `note`,
        `fingerprint`. NaN where there is nothing to say.
    """
    rows = []
    for method, answer in zip(methods, scored, strict=True):
        found = figures[method.name]
        row: dict[str, Any] = {"method": method.name}
        for suffix, figures_there in (("", found), ("_leak_free", found["leak_free"])):
            for name in FIGURES:
                low, high = figures_there["confidence_intervals"].get(name, (None, None))
                row |= _three(name, suffix, figures_there[name], low, high)
        for suffix, key in (("", "trained_minus_this"), ("_leak_free", "trained_minus_this_leak_free")):
            for name in COMPARED:
                ahead = found.get(key, {}).get(name, {})
                row |= _three(f"ahead_{name}", suffix, ahead.get("difference"), ahead.get("low"), ahead.get("high"))
        row |= {
            "training_minutes": _number(method.minutes),
            "photos_per_second": _number(answer.photos_per_second),
            "seconds_per_query": _number(answer.seconds_per_query),
            "megabytes": method.megabytes,
            "embed_dim": _number(answer.embed_dim),
            "runs_on": method.runs_on,
            "note": method.note,
            "fingerprint": method.fingerprint,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def _three(name: str, suffix: str, value: float | None, low: float | None, high: float | None) -> dict[str, Any]:
    return {
        f"{name}{suffix}": _number(value),
        f"{name}{suffix}_low": _number(low),
        f"{name}{suffix}_high": _number(high),
    }


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def markdown(table: pd.DataFrame, title: str, asked_how: str, reference: str = OURS) -> str:
    """The table as a Markdown page.

    Args:
        table: From `comparison_table`.
        title: The page's heading.
        asked_how: Who asks and who is scored, in a sentence.
        reference: The method that the others are held against.
    """
    rows = [_cells(row, reference) for row in table.to_dict("records")]
    rule = ["---" if name in TEXT else "---:" for name in rows[0]]
    lines = [_line(cells) for cells in (list(rows[0]), rule, *(list(row.values()) for row in rows))]
    notes = [f"[95% interval over identities]. {LEAKY} Ahead: {reference} minus the method, on the same queries."]
    notes += ["Photos/s without decoding, on the machine that embedded them; empty: not recorded."]
    return "\n".join([f"# {title}", "", asked_how, "", *lines, "", *notes]) + "\n"


def _cells(row: Mapping[Any, Any], reference: str) -> dict[str, str]:
    """A row of `comparison_table` as text: heading -> cell."""
    kinds = (("", ""), (" without leaky", "_leak_free"))
    return {
        "method": row["method"],
        **{f"{name}{words}": with_interval(row, f"{name}{suffix}") for words, suffix in kinds for name in FIGURES},
        **{
            f"{reference} ahead, {name}{words}": with_interval(row, f"ahead_{name}{suffix}", "+")
            for words, suffix in kinds
            for name in COMPARED
        },
        "training, minutes": _text(row["training_minutes"]),
        "embedding, photos/s": _text(row["photos_per_second"]),
        "size, MB": _text(row["megabytes"]),
        "seconds a query": _text(row["seconds_per_query"], 2),
        "embedding length": _text(row["embed_dim"], 0),
        "runs on": row["runs_on"],
        "note": row["note"],
    }


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", r"\|").split()) for cell in cells) + " |"


def with_interval(row: Mapping[Any, Any], name: str, sign: str = "") -> str:
    """A figure and its interval as text, "" where there is none; `sign` "+" shows the sign of all three."""
    numbers = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
    if any(pd.isna(number) for number in numbers):
        return ""
    value, low, high = (f"{number:{sign}.2f}" for number in numbers)
    return f"{value} [{low}, {high}]"


def _text(value: float, digits: int = 1) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def screen_table(table: pd.DataFrame, title: str, reference: str = OURS) -> Table:
    """What fits on a screen of 80 columns; the rest is in the files."""
    shown = Table(title=title, caption=f"[95% interval over identities]. {LEAKY}")
    shown.add_column("method", overflow="fold")
    for column in ("R@1", "mAP", "R@1 without\nleaky photos", f"{reference}\nahead, mAP"):
        shown.add_column(column, justify="right", no_wrap=True)
    for row in table.to_dict("records"):
        cells = [with_interval(row, name) for name in ("R@1", "mAP", "R@1_leak_free")]
        cells.append(with_interval(row, "ahead_mAP", "+"))
        cells = [cell.replace(" [", "\n[", 1) for cell in cells]
        shown.add_row(row["method"], *cells)
    return shown
