from typing import Any

import pytest
from rich.console import Console

from wildtrack.address.evaluation.summary import decisions_summary, figures_table, unbeaten_baselines


def comparison(**low: float) -> dict[str, Any]:
    methods: dict[str, Any] = {name: {"trained_minus_this": {"mAP": {"low": value}}} for name, value in low.items()}
    return {"num_queries": 6, "methods": {"trained": {}} | methods}


def test_baselines_that_are_not_beaten_are_named() -> None:
    assert unbeaten_baselines(comparison()) is None
    assert unbeaten_baselines(comparison(raw_pixels=0.1, untrained=0.01)) is None
    assert unbeaten_baselines(comparison(local=-0.9, fused=-0.5, raw_pixels=0.1)) is None  # matchers are no baselines
    warning = unbeaten_baselines(comparison(raw_pixels=0.1, untrained=-0.2)) or ""
    assert "6 queries the trained model is not clearly better than untrained network." in warning
    both = unbeaten_baselines(comparison(raw_pixels=0.0, untrained=-0.2)) or ""
    assert "than raw pixels and untrained network." in both
    nobody = comparison()
    nobody["methods"]["raw_pixels"] = {"trained_minus_this": {}}
    assert unbeaten_baselines(nobody) is not None


DECIDED = {
    "AUROC": 0.875, "false_match_rate_asked_for": 0.01, "true_accepts": 0.5, "wrong_accepts": 0.25,
    "false_matches": 0.125, "num_known": 8, "num_new": 16, "new_animals": "drawn by hand",
}  # fmt: skip
UNDECIDED = {"AUROC": 0.75, "num_known": 8, "num_new": 3}  # real new animals, but no validation photos


@pytest.mark.parametrize("found", [DECIDED, UNDECIDED, {"AUROC": None, "num_known": 8, "num_new": 0}])
def test_what_decisions_are_worth_is_said(found: dict[str, Any]) -> None:
    effort = {"candidates_for_95_percent": 3, "leafing_for_95_percent": 19, "mean_candidates": 1.5}
    summary = decisions_summary({"matcher": {"name": "fused"}, "open_set": found, "review_effort": effort})
    assert "Matcher: fused. To find 95% of the true matches, look at 3 candidates a photo" in summary
    assert "(without any ranking: 19)." in summary and ("AUROC" in summary) == (found["AUROC"] is not None)
    assert ("match" in summary.partition("\n")[2]) == (found is DECIDED)
    if found is UNDECIDED:
        assert summary.endswith("\nKnown or new? By the best similarity alone, AUROC 0.75.")
    if found is DECIDED:
        assert "AUROC 0.88. At a false-match rate of 1%, 50% of 8 photos of known animals are matched right" in summary
        assert "25% wrong; 12% of 16 photos of new animals are called a match. New animals: drawn by hand." in summary


INTERVAL = {"R@1": (0.4, 1.0), "R@5": (0.4, 1.0), "mAP": (0.4, 1.0)}
ALONE: dict[str, Any] = {"R@1": 0.5, "R@5": 1.0, "mAP": 0.7, "confidence_intervals": INTERVAL}
LEAD: dict[str, Any] = {"trained_minus_this": {"mAP": {"difference": 0.25, "low": -0.1, "high": 0.5}}}
METHODS = {
    "trained": ALONE | {"leak_free": {"R@1": None}},
    "their|model [bold].onnx $x_{": ALONE | LEAD | {"leak_free": ALONE},
}


@pytest.mark.parametrize("reference", [None, "trained"])
def test_the_screen_of_80_columns_cuts_no_figure(reference: str | None) -> None:
    console = Console(width=80, markup=False)
    with console.capture() as capture:
        console.print(figures_table(METHODS, "Compared", reference))
    shown = capture.get()
    assert max(map(len, shown.splitlines())) <= 80 and "…" not in shown
    assert "no query" in shown and shown.count("[0.40, 1.00]") == (7 if reference is None else 5)
    assert ("[-0.10, +0.50]" in shown, "trained model" in shown) == (reference is not None, reference is None)
