"""The table of a comparison: figures of many methods in, the same rows as CSV and Markdown out."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from wildtrack.address.evaluation.method import Method, Scored
from wildtrack.address.evaluation.methods import WILDTRACK
from wildtrack.address.evaluation.summary import LEAKY

FIGURES = ("R@1", "R@5", "mAP")
COMPARED = ("R@1", "mAP")  # those with a paired difference to the reference, and a place in the picture
TEXT = ("method", "runs on", "note")


def comparison_table(
    methods: Sequence[Method], scored: Sequence[Scored], figures: Mapping[str, dict[str, Any]]
) -> pd.DataFrame:
    """One row per method, from what each scored and the figures of `all_figures`; NaN where something does not apply.

    Figures, also `_leak_free`, and `ahead_`, the reference's lead on the same queries, have the ends of their 95%
    intervals in `_low` and `_high`.
    """
    rows = []
    for method, found in zip(methods, scored, strict=True):
        of_method = figures[method.name]
        row: dict[str, Any] = {"method": method.name}
        for suffix, those in (("", of_method), ("_leak_free", of_method["leak_free"])):
            for name in FIGURES:
                row |= _with_ends(name + suffix, those[name], *those["confidence_intervals"].get(name, (None, None)))
        for suffix in ("", "_leak_free"):
            for name in COMPARED:
                lead = of_method.get(f"trained_minus_this{suffix}", {}).get(name, {})
                row |= _with_ends(f"ahead_{name}{suffix}", *(lead.get(end) for end in ("difference", "low", "high")))
        rows.append(
            row
            | {
                "training_minutes": method.minutes,
                "photos_per_second": found.photos_per_second,
                "seconds_per_query": found.seconds_per_query,
                "megabytes": method.megabytes,
                "embed_dim": found.embed_dim,
                "runs_on": method.runs_on,
                "note": method.note,
                "fingerprint": method.fingerprint,
            }
        )
    table = pd.DataFrame(rows)
    numbers = table.columns.difference(["method", "runs_on", "note", "fingerprint"])
    return table.astype(dict.fromkeys(numbers, float))


def _with_ends(name: str, value: float | None, low: float | None, high: float | None) -> dict[str, float | None]:
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def markdown(table: pd.DataFrame, title: str, protocol: str, reference: str = WILDTRACK) -> str:
    """The table of `comparison_table` as a Markdown page; `protocol` is a sentence about queries and gallery."""
    rows = [_row_of_page(row, reference) for row in table.to_dict("records")]
    rule = ["---" if name in TEXT else "---:" for name in rows[0]]
    lines = [_line(cells) for cells in (list(rows[0]), rule, *(list(row.values()) for row in rows))]
    notes = [f"[95% interval over identities]. {LEAKY} Ahead: {reference} minus the method, on the same queries."]
    notes += ["Photos/s without decoding, on this machine; empty: not recorded."]
    return "\n".join([f"# {title}", "", protocol, "", *lines, "", *notes]) + "\n"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(cell.replace("|", r"\|").split()) for cell in cells) + " |"


def _row_of_page(row: Mapping[Any, Any], reference: str) -> dict[str, str]:
    """A row of `comparison_table` as text: heading -> value."""
    shown = {"method": row["method"]}
    kinds = (("", ""), (" without leaky", "_leak_free"))
    shown |= {f"{name}{words}": _interval(row, f"{name}{suffix}") for words, suffix in kinds for name in FIGURES}
    for words, suffix in kinds:
        for name in COMPARED:
            shown[f"{reference} ahead, {name}{words}"] = _interval(row, f"ahead_{name}{suffix}", "+")
    return shown | {
        "training, minutes": _text(row["training_minutes"]),
        "embedding, photos/s": _text(row["photos_per_second"]),
        "size, MB": _text(row["megabytes"]),
        "seconds a query": _text(row["seconds_per_query"], 2),
        "embedding length": _text(row["embed_dim"], 0),
        "runs on": row["runs_on"],
        "note": row["note"],
    }


def _interval(row: Mapping[Any, Any], name: str, sign: str = "") -> str:
    """A figure and its interval as text, "" where there is none; `sign` "+" shows the sign of all three."""
    numbers = [row[name], row[f"{name}_low"], row[f"{name}_high"]]
    return "" if pd.isna(numbers).any() else "{} [{}, {}]".format(*(f"{number:{sign}.2f}" for number in numbers))


def _text(value: float, digits: int = 1) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"
