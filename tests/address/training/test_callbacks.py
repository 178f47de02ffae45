import keras
import numpy as np
import pandas as pd
import pytest

from tests.helpers.recipe import recipe
from wildtrack.address.evaluation.metrics import retrieval_scores
from wildtrack.address.models.backbones import build_backbone
from wildtrack.address.models.builder import build_model
from wildtrack.address.models.engines import KERAS_BATCH
from wildtrack.address.training.callbacks import RetrievalValidation, centre_similarity
from wildtrack.address.training.data import TrainingSet


@pytest.mark.parametrize("valid", [0, 1, KERAS_BATCH, KERAS_BATCH + 5])
def test_validation_scores_the_model_as_it_is_now(valid: int) -> None:
    keras.utils.set_random_seed(0)
    photos = keras.Input((4, 4, 3))
    flat = keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, -1)(photos))
    embedding = keras.layers.UnitNormalization(name="embedding")(keras.layers.Dense(6)(flat))
    model = keras.Model(photos, embedding)
    pixels = np.random.default_rng(0).integers(0, 256, (60, 4, 4, 3), dtype=np.uint8)
    table = pd.DataFrame({"identity": [f"id{row % 5}" for row in range(60)]})
    asked, known = table["identity"][:valid], table["identity"][valid:]
    rows = TrainingSet(np.arange(valid, 60), np.arange(valid), np.arange(60 - valid) % 5, ("a",) * 5)
    validation = RetrievalValidation(model, table, pixels, rows, recipe(epochs=40))
    for _ in range(2):
        found: dict[str, float] = {}
        validation.on_epoch_end(2, found)
        assert not found  # every fourth epoch is validated
        validation.on_epoch_end(3, found)
        vectors = np.asarray(model(pixels))
        scores = retrieval_scores(vectors[:valid] @ vectors[valid:].T, asked, known)
        averages = scores[["R@1", "R@5", "AP"]].mean().rename({"AP": "mAP"})
        assert found == pytest.approx(averages.to_dict(), nan_ok=True)  # NaN without validation photos
        model.set_weights([weights[::-1] for weights in model.get_weights()])  # another model from now on


@pytest.mark.parametrize("sub_centres", [1, 3])
def test_similarity_of_identities_is_that_of_their_nearest_centres(sub_centres: int) -> None:
    backbone = build_backbone("MobileNet", alpha=0.25, image_size=32, weights="none")
    model = build_model(backbone, embed_dim=5, num_ids=4, pooling="average", sub_centres=sub_centres)
    kernel = np.asarray(model.get_layer("centres").kernel)
    expected = (kernel.T @ kernel).reshape(4, sub_centres, 4, sub_centres).max(axis=(1, 3))
    np.testing.assert_allclose(centre_similarity(model), expected, rtol=1e-5, atol=1e-6)
