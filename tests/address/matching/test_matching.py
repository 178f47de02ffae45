from dataclasses import replace

import pytest

from tests.helpers.spotted import FUSED, LOCAL, fake_matching
from wildtrack.address.matching.embedding import EmbeddingMatcher
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.matching import Matching, choose_matcher, open_matcher
from wildtrack.errors import UserError

EVERYTHING = fake_matching(best=LOCAL)
NO_KEYPOINTS = replace(EVERYTHING, best=EMBEDDING, matchers={EMBEDDING: EVERYTHING.matchers[EMBEDDING]})


@pytest.mark.parametrize(
    ("matching", "wanted", "expected"),
    [
        (None, "auto", EMBEDDING),
        (None, EMBEDDING, EMBEDDING),
        (None, LOCAL, None),
        (None, FUSED, None),
        (EVERYTHING, "auto", LOCAL),
        (EVERYTHING, EMBEDDING, EMBEDDING),
        (EVERYTHING, FUSED, FUSED),
        (NO_KEYPOINTS, "auto", EMBEDDING),
        (NO_KEYPOINTS, LOCAL, None),
    ],
)
def test_which_matcher_is_used(matching: Matching | None, wanted: str, expected: str | None) -> None:
    if expected is not None:
        assert choose_matcher(matching, wanted) == expected
        return
    with pytest.raises(UserError, match=rf"--matcher {wanted} needs .* --matcher embedding") as error:
        choose_matcher(matching, wanted)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("matching", "wanted"),
    [
        (None, "nose"),
        (EVERYTHING, "nose"),
        (replace(EVERYTHING, best="nose", matchers={"nose": EVERYTHING.matchers[LOCAL]}), "auto"),  # of a notebook
    ],
)
def test_a_matcher_that_is_not_known_is_one_line(matching: Matching | None, wanted: str) -> None:
    with pytest.raises(UserError, match=r"^--matcher nose is not known; allowed are auto, embedding, local, fused$"):
        choose_matcher(matching, wanted)


@pytest.mark.parametrize("by_viewpoint", [True, False])
def test_a_matcher_is_opened_with_what_was_learnt_of_it(by_viewpoint: bool) -> None:
    assert isinstance(open_matcher(None, EMBEDDING), EmbeddingMatcher)
    matching = fake_matching(by_viewpoint)
    for name, parts in ((EMBEDDING, [EMBEDDING]), (LOCAL, [LOCAL]), (FUSED, [EMBEDDING, LOCAL])):
        assert matching.decider(name) is matching.matchers[name].decider
        matcher = matching.matcher(name)
        assert (list(matcher.calibrations), matcher.by_viewpoint) == (parts, by_viewpoint)
        assert all(matcher.calibrations[part] is matching.calibrations[part] for part in parts)
