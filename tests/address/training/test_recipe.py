from itertools import pairwise
from typing import Any

import pytest

from tests.helpers.recipe import recipe
from wildtrack.address.training.recipe import EPOCHS, MARGIN, usual_epochs
from wildtrack.errors import UserError


@pytest.mark.parametrize(
    ("epochs", "triplet", "pretrained", "stages"),
    [
        (4, 0, False, "all all all all"),
        (4, 0, True, "head head all all"),
        (1, 0, True, "all"),
        (2, 0, True, "head all"),
        (4, 1, False, "all all all triplet"),
        (4, 3, True, "head head all triplet"),
    ],
)
def test_stages(epochs: int, triplet: int, pretrained: bool, stages: str) -> None:
    found = recipe(epochs=epochs, triplet_epochs=triplet, pretrained=pretrained).stages
    assert [(epoch, stage) for stage in found for epoch in found[stage]] == list(enumerate(stages.split()))


@pytest.mark.parametrize("epochs", [1, 2, 3, 40])
def test_margin_grows_from_zero_to_its_full_size(epochs: int) -> None:
    plan = recipe(epochs=epochs + 2, pretrained=True)
    margins = [plan.margin_at(epoch) for epoch in range(epochs + 2)]
    assert margins[:3] == [0.0] * 3  # the head's epochs, and the first of the others
    assert all(0 <= one <= other <= MARGIN for one, other in pairwise(margins))
    assert epochs < 3 or margins[-1] == MARGIN
    for loss in ("softmax", "circle"):
        assert {recipe(epochs=epochs, loss=loss).margin_at(epoch) for epoch in range(epochs)} == {0.0}


@pytest.mark.parametrize(("epochs", "most"), [(1, 1), (2, 2), (10, 10), (11, 6), (40, 10), (41, 9), (1000, 10)])
def test_validations_are_few_and_the_last_epoch_has_one(epochs: int, most: int) -> None:
    validated = [recipe(epochs=epochs).is_validated(epoch) for epoch in range(epochs)]
    assert validated[-1] and sum(validated) == most


@pytest.mark.parametrize(("photos", "epochs"), [(1, EPOCHS), (1600, EPOCHS), (3200, 20), (10**6, 16)])
def test_more_photos_need_fewer_epochs(photos: int, epochs: int) -> None:
    assert usual_epochs(photos) == epochs


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"loss": "circle"}, "use --batches balanced"),
        ({"triplet_epochs": 1}, "use --batches balanced"),
        ({"batches": "confused", "batch_size": 3}, "--batch-size 3 has no room for two animals"),
        ({"epochs": 4, "triplet_epochs": 4}, "--triplet-epochs 4 is not allowed; it must be between 0 and 3"),
    ],
)
def test_what_cannot_work(config: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        recipe(**config).check()
