import numpy as np
import pytest

from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.evaluation.report import (
    by_viewpoint,
    classifier_report,
    identity_ranking,
    retrieval_report,
    score_rankings,
)
from wildtrack.address.matching.viewpoints import viewpoint_relation
from wildtrack.errors import UserError


@pytest.mark.parametrize(
    ("identities", "expected"),
    [
        (["a", "b"], (1.0, 2, 0)),
        (["a", "a"], (0.5, 2, 0)),
        (["a", "new"], (1.0, 1, 1)),
        (["new", "newer"], (None, 0, 2)),
        ([], (None, 0, 0)),
    ],
)
def test_classifier_report(identities: list[str], expected: tuple[float, int, int]) -> None:
    probabilities = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]])[: len(identities)]
    report = classifier_report(probabilities, np.array(identities, dtype=object), ("a", "b", "c"))
    assert (report["top1"], report["num_photos"], report["num_untrained_identity"]) == expected
    assert report["top5"] in (None, 1.0)
    with pytest.raises(UserError, match="tells 3 classes apart, but 2"):
        classifier_report(np.ones((1, 3)), np.array(["a"], dtype=object), ("a", "b"))


COSINES = np.array([[0.8, 0.6], [0.6, 0.8]], np.float32)  # (Q, G)
IDENTITIES = np.array(["a", "a", "b", "b"], dtype=object)
PROTOCOL = Protocol(np.array([0, 2]), np.array([1, 3]), "by hand", 0)
LEAKY = np.array([[True, False], [False, False]])


@pytest.mark.parametrize(("chosen", "top"), [("trained", 1.0), ("none", 0.5)])
def test_reports(chosen: str, top: float) -> None:
    rankings = {
        name: score_rankings(scores, scores, PROTOCOL, IDENTITIES, LEAKY)
        for name, scores in (("trained", COSINES), ("none", np.ones((2, 2), np.float32)))
    }
    report = retrieval_report(rankings, chosen, IDENTITIES[PROTOCOL.queries], LEAKY, seed=0)
    assert (report["R@1"], report["num_queries"]) == (top, 2)
    assert report["mAP"] == report["methods"][chosen]["mAP"] and report["methods"]["trained"]["mAP"] == 1.0
    assert report["leakage"]["share_of_queries_with_a_leaky_gallery_photo"] == 0.5
    assert report["leakage"]["leak_free"] == report["methods"][chosen]["leak_free"]
    assert report["leakage"]["leak_free"]["num_queries"] == 1
    assert report["methods"]["none"]["R@1"] == 0.5  # a tie goes to the first gallery row
    compared = set(report["methods"]["none"]) - set(report["methods"]["trained"])
    assert compared == {"trained_minus_this", "trained_minus_this_leak_free"}
    assert identity_ranking(rankings["trained"], IDENTITIES[PROTOCOL.queries])["R@1"] == 1.0


@pytest.mark.parametrize(("leak_free", "expected"), [([[0.9, 0.5, 0.4]], 1.0), ([[-np.inf, 0.4, 0.5]], 0.0)])
def test_what_leaky_photos_do_to_the_other_photos_counts(leak_free: list[list[float]], expected: float) -> None:
    protocol = Protocol(np.array([0]), np.array([1, 2, 3]), "by hand", 0)
    identities = np.array(["a", "a", "a", "b"], dtype=object)
    leaky, scores = np.array([[True, False, False]]), np.array([[0.9, 0.5, 0.4]])
    found = score_rankings(scores, np.array(leak_free), protocol, identities, leaky)
    assert found.all_photos["R@1"].tolist() == [1.0] and found.leak_free["R@1"].tolist() == [expected]


@pytest.mark.parametrize("seed", range(5))
def test_figures_by_viewpoint_agree_with_a_plain_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    identities = rng.permutation(np.repeat(np.array(list("abcd"), dtype=object), 10))
    viewpoints = rng.choice(np.array(["left", "right", ""], dtype=object), 40, p=[0.45, 0.45, 0.1])
    protocol = Protocol(np.arange(20), np.arange(20, 40), "by hand", 0)
    scores = rng.random((20, 20))
    retrieval = score_rankings(scores, scores, protocol, identities, np.zeros((20, 20), np.bool_))
    own = [set(viewpoints[20:][identities[20:] == identity]) for identity in identities[:20]]
    only_other = [row for row in range(20) if viewpoints[row] and not own[row] & {viewpoints[row], ""}]
    groups = {name: [row for row in range(20) if viewpoints[row] == name] for name in ("left", "right")}
    groups["known from other viewpoints only"] = only_other
    relation = viewpoint_relation(viewpoints[:20], viewpoints[20:])
    found = by_viewpoint(retrieval, identities[:20], viewpoints[:20], relation, protocol.same(identities))
    assert set(found) == {name for name, rows in groups.items() if rows}
    for name, figures in found.items():
        rows = groups[name]
        assert figures["num_queries"] == len(rows)
        averages = retrieval.all_photos[["R@1", "AP"]].iloc[rows].mean()
        assert [figures["R@1"], figures["mAP"]] == pytest.approx(averages.tolist())
