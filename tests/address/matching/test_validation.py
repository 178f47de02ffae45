import numpy as np
import pandas as pd
import pytest

from tests.address.features.test_similarities import unit
from wildtrack.address.evaluation.open_set import auroc
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.features.similarities import Described
from wildtrack.address.matching import validation as module
from wildtrack.address.matching.learning import EMBEDDING
from wildtrack.address.matching.validation import learn_from_validation, some_of


@pytest.mark.parametrize("count", [0, 1, 5, 6, 50])
def test_no_more_than_enough_are_asked(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ASKED", 5)
    rows = np.arange(count) * 3
    found = some_of(rows)
    assert len(found) == min(5, count) == len(set(found.tolist()))
    assert set(found.tolist()) <= set(rows.tolist())
    assert found.tolist() == sorted(found.tolist()) == some_of(rows).tolist()


def catalogue(seed: int, strangers: bool) -> tuple[pd.DataFrame, Described, Protocol]:
    """Eight animals with two photos in the gallery and one that asks; two more animals that nobody knows."""
    rng = np.random.default_rng(seed)
    names = [name for name in "abcdefgh" for _ in range(3)] + ["x", "x", "y"]
    centres = {name: rng.normal(size=6) for name in sorted(set(names))}
    embeddings = unit(np.stack([centres[name] + 0.2 * rng.normal(size=6) for name in names]))
    rows = np.arange(24)
    protocol = Protocol(rows[2::3], rows[rows % 3 < 2], "by hand", 0, np.arange(24, 27) if strangers else np.arange(0))
    table = pd.DataFrame({"identity": names, "orientation": rng.choice(["left", "right", ""], 27)})
    return table, Described(embeddings, None), protocol


@pytest.mark.parametrize("strangers", [True, False])
def test_validation_teaches_what_is_new(strangers: bool) -> None:
    table, everything, protocol = catalogue(0, strangers)
    matching = learn_from_validation(table, everything, protocol)
    assert (matching.queries, matching.identities, matching.gallery) == (8, 8, 16)
    new = (matching.new_photos, matching.new_animals, matching.unseen)
    assert new == ((3, 2, True) if strangers else (8, 8, False))
    matcher = matching.matchers[EMBEDDING]
    assert matcher.reciprocal_rank == 1.0
    told_apart = auroc(matcher.decider.known, matcher.decider.new)
    assert told_apart is not None and told_apart > 0.8  # eight photos, each read with what the others teach
    assert np.median(matcher.decider.known) > np.median(matcher.decider.new)


def test_few_of_many_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ASKED", 4)
    table, everything, protocol = catalogue(1, False)
    matching = learn_from_validation(table, everything, protocol)
    assert (matching.queries, matching.new_photos) == (4, 4)
