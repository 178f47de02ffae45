import math

import numpy as np
import pytest
import tensorflow as tf

from wildtrack.address.losses import CosineMargin

SCALE = 16.0


def by_the_book(labels: np.ndarray, cosines: np.ndarray, margin: float) -> list[float]:
    losses = []
    for label, row in zip(labels.ravel(), cosines, strict=True):
        logits = [SCALE * value for value in row.astype(float)]
        angle = math.acos(row[label])
        if angle + margin > math.pi:
            logits[label] = SCALE * (row[label] - margin * math.sin(margin))
        else:
            logits[label] = SCALE * math.cos(angle + margin)
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
    assert np.isfinite(float(value))
    assert np.isfinite(tape.gradient(value, cosines)).all()
