import pandas as pd
import pytest

from wildtrack.assess.labels.audit import Audit
from wildtrack.assess.labels.trust import is_of_others, origin, tells_apart

NONE = pd.DataFrame()


def audit(found_share: float | None, learnt: int | None) -> Audit:
    return Audit(NONE, NONE, NONE, found_share, 10, learnt)


@pytest.mark.parametrize(
    ("found_share", "told"), [(None, False), (0.0, False), (0.49, False), (0.5, True), (1.0, True)]
)
def test_a_model_that_finds_the_animals_tells_them_apart(found_share: float | None, told: bool) -> None:
    assert tells_apart(audit(found_share, 10)) is told


@pytest.mark.parametrize(
    ("learnt", "others", "parts", "absent"),
    [
        (None, True, ["does not say which photos"], "trained on none"),
        (0, True, ["trained on none of the 10 photos here", "never saw"], "near that wrong label"),
        (4, True, ["trained on 4 of the 10 photos here only", "near that wrong label"], "none"),
        (5, False, ["trained on 5 of the 10 photos here.", "near that wrong label"], "only"),
        (10, False, ["trained on 10 of the 10 photos here.", "near that wrong label"], "only"),
    ],
)
def test_what_the_model_learnt_is_said(learnt: int | None, others: bool, parts: list[str], absent: str) -> None:
    given = audit(0.9, learnt)
    assert is_of_others(given) is others
    assert all(part in origin(given) for part in parts)
    assert absent not in origin(given)


def test_no_photos_are_no_error() -> None:
    assert origin(Audit(NONE, NONE, NONE, None, 0, 0))
