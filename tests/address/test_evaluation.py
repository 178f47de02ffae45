import numpy as np
import pytest

from wildtrack.address.evaluation import (
    classifier_report,
    cosines,
    identity_ranking,
    open_set_report,
    retrieval_report,
    score,
)
from wildtrack.address.protocol import Protocol
from wildtrack.errors import UserError


@pytest.mark.parametrize(
    ("known", "new", "expected"),
    [
        ([0.9, 0.8], [0.1], 1.0),
        ([0.1], [0.9, 0.8], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.9, 0.3, 0.5], [0.4, 0.5], (2 + 0 + 1.5) / 6),
        ([0.9], [], None),
    ],
)
def test_known_or_new(known: list[float], new: list[float], expected: float | None) -> None:
    """One gallery photo; each other photo is as similar to it as it says."""
    cosines = np.array([1.0, *known, *new])
    embeddings = np.stack([cosines, np.sqrt(1 - cosines**2)], axis=1).astype(np.float32)
    queries, strangers = np.arange(1, 1 + len(known)), np.arange(1 + len(known), len(cosines))
    report = open_set_report(embeddings, Protocol(queries, np.array([0]), "by hand", 0, strangers))
    assert report["AUROC"] == pytest.approx(expected)
    assert (report["num_known"], report["num_new"]) == (len(known), len(new))


KNOWN = ("a", "b", "c")


@pytest.mark.parametrize(
    ("identities", "known", "expected"),
    [
        (["a", "b"], KNOWN, (1.0, 2, 0)),
        (["a", "a"], KNOWN, (0.5, 2, 0)),
        (["a", "new"], KNOWN, (1.0, 1, 1)),
        (["new", "newer"], KNOWN, (None, 0, 2)),
        ([], KNOWN, (None, 0, 0)),
    ],
)
def test_classifier_report(identities: list[str], known: tuple[str, ...], expected: tuple[float, int, int]) -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])[: len(identities)]
    report = classifier_report(probabilities, np.array(identities, dtype=object), known)
    assert (report["top1"], report["num_photos"], report["num_untrained_identity"]) == expected
    assert report["top5"] in (None, 1.0)


def test_classifier_with_one_class() -> None:
    report = classifier_report(np.ones((2, 1)), np.array(["a", "a"], dtype=object), ("a",))
    assert report["top1"] == report["top5"] == 1.0


def test_a_classifier_of_other_classes_is_refused() -> None:
    with pytest.raises(UserError, match="tells 3 classes apart, but 2"):
        classifier_report(np.ones((1, 3)), np.array(["a"], dtype=object), ("a", "b"))


def test_reports() -> None:
    embeddings = np.array([[1, 0], [0.8, 0.6], [0, 1], [0.6, 0.8]], np.float32)
    identities = np.array(["a", "a", "b", "b"], dtype=object)
    protocol = Protocol(np.array([0, 2]), np.array([1, 3]), "by hand", 0)
    leaky = np.array([[True, False], [False, False]])
    scores = {"trained": score(cosines(embeddings, protocol), protocol, identities, leaky)}
    scores["none"] = score(np.ones((2, 2), np.float32), protocol, identities, leaky)
    report = retrieval_report(scores, identities[protocol.queries], leaky, seed=0)
    assert (report["R@1"], report["mAP"], report["num_queries"]) == (1.0, 1.0, 2)
    assert report["leakage"]["share_of_queries_with_a_leaky_gallery_photo"] == 0.5
    assert report["leakage"]["without_leaky_photos"]["num_queries"] == 1
    assert report["methods"]["none"]["R@1"] == 0.5  # a tie goes to the first gallery row
    assert set(report["methods"]["trained"]) < set(report["methods"]["none"])
    assert identity_ranking(scores["trained"], identities[protocol.queries])["R@1"] == 1.0
