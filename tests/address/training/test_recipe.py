from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from tests.helpers.recipe import recipe
from wildtrack.address.training.recipe import (
    EPOCHS,
    HEAD_LEARNING_RATE,
    MARGIN,
    TRIPLET_SHARE,
    usual_epochs,
)
from wildtrack.errors import UserError


@pytest.mark.parametrize("pretrained", [False, True])
@pytest.mark.parametrize("triplet_epochs", [0, 3])
def test_learning_rate_warms_up_and_falls_to_zero(pretrained: bool, triplet_epochs: int) -> None:
    plan = recipe(epochs=12, pretrained=pretrained, triplet_epochs=triplet_epochs)
    head, last = 10 * plan.head_epochs, 10 * (12 - triplet_epochs)
    rates = [plan.learning_rate_at(tenth / 10) for tenth in range(120)]
    assert rates[:head] == [HEAD_LEARNING_RATE] * head
    after = np.array(rates[head:last])
    top = int(after.argmax())
    assert 0 < after[0] < 0.2 * plan.learning_rate
    assert 0.9 * plan.learning_rate < after[top] <= plan.learning_rate
    assert (np.diff(after[: top + 1]) > 0).all()
    assert (np.diff(after[top:]) < 0).all()
    assert 0 < after[-1] < 0.01 * plan.learning_rate
    assert len(rates[last:]) == 10 * triplet_epochs
    assert rates[last:] == sorted(rates[last:], reverse=True)
    assert all(0 < rate <= TRIPLET_SHARE * plan.learning_rate for rate in rates[last:])


@pytest.mark.parametrize(
    ("config", "stages"),
    [
        ({"epochs": 4}, "all all all all"),
        ({"epochs": 4, "pretrained": True}, "head head all all"),
        ({"epochs": 1, "pretrained": True}, "all"),
        ({"epochs": 2, "pretrained": True}, "head all"),
        ({"epochs": 4, "triplet_epochs": 1}, "all all all triplet"),
        ({"epochs": 4, "triplet_epochs": 3, "pretrained": True}, "head head all triplet"),
    ],
)
def test_stages(config: dict[str, Any], stages: str) -> None:
    plan = recipe(**config)
    assert [plan.stage(epoch) for epoch in range(plan.epochs)] == stages.split()


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
    assert validated[-1]
    assert sum(validated) == most


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
