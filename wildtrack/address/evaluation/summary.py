"""An evaluation in words: the figures of `metrics.json` in, a table and sentences for the screen out."""

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from wildtrack.console import counted

METHOD_NAMES = {  # of an evaluation; a comparison's methods keep the names that were asked for
    "trained": "trained model",
    "local": "local features",
    "fused": "both fused",
    "embedding": "trained model, by viewpoint",
    "untrained": "untrained network",
    "raw_pixels": "raw pixels",
}
BASELINES = ("untrained", "raw_pixels")
LEAKY = "Leaky: of the query's own encounter, or a near-duplicate."


def figures_table(methods: Mapping[str, dict[str, Any]], title: str, reference: str | None = None) -> Table:
    """The `all_figures` of every method, for a screen of 80 columns; a reference's lead in mAP takes R@5's place."""
    table = Table(title=title, caption=f"[95% interval over identities]. {LEAKY}")
    table.add_column("method", overflow="fold")
    second = "R@5" if reference is None else f"{reference}\nahead, mAP"
    for column in ("R@1", second, "mAP", "R@1 without\nleaky photos"):
        table.add_column(column, justify="right", no_wrap=True)
    for name, figures in methods.items():
        lead = _with_interval(figures, "R@5") if reference is None else _lead(figures)
        values = [_with_interval(figures, "R@1"), lead, _with_interval(figures, "mAP")]
        shown = METHOD_NAMES.get(name, name) if reference is None else name
        table.add_row(shown, *values, _with_interval(figures["leak_free"], "R@1"))
    return table


def _with_interval(figures: dict[str, Any], name: str) -> str:
    if figures[name] is None:
        return "no query"
    low, high = figures["confidence_intervals"][name]
    return f"{figures[name]:.2f}\n[{low:.2f}, {high:.2f}]"  # in two lines, so that the table fits 80 columns


def _lead(figures: dict[str, Any]) -> str:
    lead = figures.get("trained_minus_this", {}).get("mAP")
    return "" if lead is None else "{difference:+.2f}\n[{low:+.2f}, {high:+.2f}]".format(**lead)


def unbeaten_baselines(metrics: dict[str, Any]) -> str | None:
    """A warning that names the baselines that training does not clearly beat, and what may help; None without any."""
    unbeaten = [
        METHOD_NAMES[name]
        for name, figures in metrics["methods"].items()
        if name in BASELINES and not figures["trained_minus_this"].get("mAP", {"low": 0.0})["low"] > 0
    ]
    if not unbeaten:
        return None
    return (
        f"On these {metrics['num_queries']} queries the trained model is not clearly better than "
        f"{' and '.join(unbeaten)}. What may help: more photos of each animal, pretrained weights (--weights), boxes "
        "around the animals, more epochs."
    )


def decisions_summary(metrics: dict[str, Any]) -> str:
    """The matcher, how much work is left for a person, and how good decisions are, in sentences."""
    found, effort = metrics["open_set"], metrics["review_effort"]
    few, all_of_them = effort["candidates_for_95_percent"], effort["leafing_for_95_percent"]
    summary = (
        f"Matcher: {metrics['matcher']['name']}. To find 95% of the true matches, look at "
        f"{counted(few, 'candidate', 'candidates')} a photo (without any ranking: {all_of_them})."
    )
    if found["AUROC"] is None:
        return summary
    if "true_accepts" not in found:
        return f"{summary}\nKnown or new? By the best similarity alone, AUROC {found['AUROC']:.2f}."
    return (
        f"{summary}\nKnown or new? AUROC {found['AUROC']:.2f}. At a false-match rate of "
        f"{found['false_match_rate_asked_for']:.0%}, {found['true_accepts']:.0%} of {found['num_known']} photos of "
        f"known animals are matched right, {found['wrong_accepts']:.0%} wrong; {found['false_matches']:.0%} of "
        f"{found['num_new']} photos of new animals are called a match. New animals: {found['new_animals']}."
    )
