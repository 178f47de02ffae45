from dataclasses import fields
from typing import Any

import pandas as pd
import pytest

from tests.helpers.tables import catalogue
from wildtrack.assess.checks import Checks
from wildtrack.assess.findings import findings
from wildtrack.assess.labels.audit import Audit

FLAGS = pd.DataFrame({"image_id": ["a", "a"], "issue": ["dark", "low_contrast"]})
ENCOUNTERS: dict[str, Any] = {"met_twice": 2, "identities": 3, "time_aware_split": True}


def checks(**changes: Any) -> Checks:
    counts = {"rows": 9, "identities": 3, "dates": None, "photos_per_identity": {"singletons": 0}}
    options: dict[str, Any] = dict.fromkeys((field.name for field in fields(Checks)), pd.DataFrame())
    options |= {"table": catalogue(""), "flags": FLAGS[:0], "leakage": None, **changes}
    statistics = counts | {"encounters": ENCOUNTERS} | changes.get("statistics", {})
    return Checks(**(options | {"statistics": statistics}))


UNNAMED = checks(statistics={"identities": 0, "photos_per_identity": None, "encounters": None})


def copies(flag: str) -> Checks:
    flags = ("across_identities", "across_splits", "removable")
    return checks(duplicates=pd.DataFrame([{name: name == flag for name in flags}]))


def audit(share: float | None, photos: int = 0, pairs: int = 0, identities: int = 0, learnt: int | None = 7) -> Audit:
    tables = [pd.DataFrame(index=range(count)) for count in (photos, pairs, identities)]
    return Audit(tables[0], tables[1], tables[2], share, 10, learnt)


def sentences(given: Checks, audited: Audit | None = None) -> list[tuple[str, str]]:
    return [(finding.level, finding.text) for finding in findings(given, audited)]


def test_sound_data_has_only_good_findings() -> None:
    assert {level for level, _ in sentences(checks(), audit(0.9))} == {"good"}
    assert sentences(checks(leakage={"test": {"any": {"share": None}}})) == sentences(checks())  # no test photos


@pytest.mark.parametrize(
    ("given", "level", "part"),
    [
        (checks(problems=pd.DataFrame({"path": ["a"], "reason": ["b"]})), "fix", "cannot be used: 1."),
        (UNNAMED, "fix", "No animal is named yet"),
        (checks(statistics={"photos_per_identity": {"singletons": 2}}), "check", "which cannot be tested: 2 of 3"),
        (checks(statistics={"encounters": None}), "check", "No photo has a date"),
        (checks(statistics={"encounters": None, "dates": {"rows": 1}}), "check", "No photo of a named animal has"),
        (checks(statistics={"encounters": ENCOUNTERS | {"time_aware_split": False}}), "check", "is not possible"),
        (checks(flags=FLAGS), "check", "1 of 9 (1 dark, 1 low contrast)"),
        (copies("across_identities"), "fix", "has another name: one is wrong, or both animals are on it: 1."),
        (checks(table=catalogue("aab", path=["x", "y", "x"])), "check", "boxes that say who is who: 1. Each name"),
        (copies("across_splits"), "fix", "another subset of the split: 1."),
        (copies("removable"), "check", "without them): 1."),
        (checks(leakage={"test": {"any": {"share": 0.3}}}), "fix", "30% of the test photos"),
        (checks(leakage={"test": {"any": {"share": 0.0}}}), "good", "0% of the test photos"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_sentences(given: Checks, level: str, part: str) -> None:
    assert any(found == level and part in text for found, text in sentences(given)), sentences(given)


def test_without_named_animals_dates_do_not_matter() -> None:
    assert [level for level, _ in sentences(UNNAMED)] == ["fix", "good", "good"]
    assert not any("date" in text for _, text in sentences(UNNAMED))


@pytest.mark.parametrize(
    ("audited", "parts"),
    [
        (audit(None), ["well enough"]),
        (audit(0.2, photos=3), ["well enough"]),
        (audit(0.9), ["contradicts no name"]),
        (audit(0.9, 3, 2, 1), ["wrong name: 3.", "one animal: 2.", "two animals: 1."]),
        (audit(0.9, 3, learnt=0), ["wrong name: 3.", "trained on none of the 10 photos here"]),
        (audit(0.9, learnt=2), ["contradicts no name. The model was trained on 2 of the 10 photos here only"]),
        (audit(0.2, learnt=0), ["well enough to check their names. The model was trained on none"]),
    ],
)
def test_an_audit_is_reported_as_far_as_it_can_be_trusted(audited: Audit, parts: list[str]) -> None:
    texts = [finding.text for finding in findings(checks(), audited) if finding.section == "labels"]
    assert len(texts) == len(parts)
    assert all(part in text for part, text in zip(parts, texts, strict=True))


def test_the_most_urgent_comes_first() -> None:
    bad = checks(problems=pd.DataFrame({"path": ["a"], "reason": ["b"]}), statistics={"encounters": None})
    levels = [level for level, _ in sentences(bad)]
    assert levels == sorted(levels, key=["fix", "check", "good"].index)
    assert levels[0] == "fix"
