import math

import numpy as np
import pytest
import tensorflow as tf

from wildtrack.address.training.losses import CosineMargin, SemiHardTriplet

SCALE = 16.0


def by_the_book(labels: np.ndarray, cosines: np.ndarray, margin: float) -> list[float]:
    losses = []
    for label, row in zip(labels.ravel(), cosines, strict=True):
        logits, angle = [SCALE * value for value in row.astype(float)], math.acos(row[label]) + margin
        turned = row[label] - margin * math.sin(margin) if angle > math.pi else math.cos(angle)
        logits[label] = SCALE * turned
        most = max(logits)
        losses.append(math.log(sum(math.exp(value - most) for value in logits)) + most - logits[label])
    return losses


@pytest.mark.parametrize("margin", [0.0, 0.1, 0.5, 1.5])
@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("classes", [1, 2, 7])
def test_agrees_with_a_plain_loop(margin: float, column: bool, classes: int) -> None:
    rng = np.random.default_rng(classes)
    cosines = rng.uniform(-0.999, 0.999, (40, classes)).astype(np.float32)
    labels = rng.integers(0, classes, 40)
    cosines[0, labels[0]], cosines[1, labels[1]] = -0.999, 0.999  # the first passes pi with any margin but 0
    loss = CosineMargin(SCALE, margin)
    found = loss.call(labels[:, None] if column else labels, cosines)
    np.testing.assert_allclose(found, by_the_book(labels, cosines, margin), rtol=1e-4, atol=1e-4)
    assert float(loss(labels, cosines)) == pytest.approx(float(np.mean(found)), rel=1e-5)


def test_the_margin_can_be_raised_in_a_compiled_graph() -> None:
    loss = CosineMargin(SCALE)
    compiled = tf.function(loss)
    labels, cosines = np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]], np.float32)
    before = float(compiled(labels, cosines))
    loss.margin.assign(0.5)
    assert float(compiled(labels, cosines)) > before
    assert float(compiled(labels, cosines)) == pytest.approx(np.mean(by_the_book(labels, cosines, 0.5)), rel=1e-4)


@pytest.mark.parametrize("cosine", [1.0, 1.0000002, -1.0, -1.0000002, 0.0])
@pytest.mark.parametrize("margin", [0.0, 0.3])
def test_value_and_gradient_are_finite_at_the_ends(cosine: float, margin: float) -> None:
    cosines = tf.fill((2, 3), cosine)
    with tf.GradientTape() as tape:
        tape.watch(cosines)
        value = CosineMargin(SCALE, margin)(np.array([0, 2]), cosines)
    assert np.isfinite(float(value)) and np.isfinite(tape.gradient(value, cosines)).all()


def triplets_by_the_book(labels: np.ndarray, embeddings: np.ndarray, margin: float) -> list[float]:
    losses = []
    for anchor, label in enumerate(labels):
        distance = [float(((embeddings[anchor] - other) ** 2).sum()) for other in embeddings]
        strangers = [distance[n] for n in range(len(labels)) if labels[n] != label]
        mates = [mate for mate in np.flatnonzero(labels == label).tolist() if mate != anchor and strangers]
        pairs = []
        for near in (distance[mate] for mate in mates):
            farther = [value for value in strangers if value > near]
            pairs.append(max(0.0, near - (min(farther) if farther else max(strangers)) + margin))
        losses.append(sum(pairs) / len(pairs) if pairs else 0.0)
    return losses


@pytest.mark.parametrize(
    "labels", [[0], [0, 0], [0, 1], [0, 0, 1], [0, 0, 1, 1], [3, 3, 3, 3], [0, 0, 0, 1, 1, 2, 5, 5, 5, 5], [0, 1, 2, 3]]
)
@pytest.mark.parametrize("margin", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("column", [False, True])
def test_triplets_agree_with_a_plain_loop(labels: list[int], margin: float, column: bool) -> None:
    truth = np.array(labels)
    embeddings = np.random.default_rng(len(labels)).normal(size=(len(labels), 3)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    found = SemiHardTriplet(margin).call(truth[:, None] if column else truth, embeddings)
    np.testing.assert_allclose(found, triplets_by_the_book(truth, embeddings, margin), atol=1e-5)


@pytest.mark.parametrize("labels", [[0, 0, 1, 1], [0, 0, 0, 0], [0, 1, 2, 3]])
def test_triplets_of_equal_embeddings_have_a_finite_gradient(labels: list[int]) -> None:
    embeddings = tf.ones((4, 3)) / np.sqrt(3)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = SemiHardTriplet()(np.array(labels), embeddings)
    assert np.isfinite(float(value)) and np.isfinite(tape.gradient(value, embeddings)).all()
