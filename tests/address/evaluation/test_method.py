from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.spotted import FUSED, LOCAL, SIZE, CellEngine, fake_matching, spots
from wildtrack.access.photos.pixel_cache import decode_catalogue
from wildtrack.address.evaluation.data import EvaluationData
from wildtrack.address.evaluation.method import RUNS, Comparison, Embedder, Method
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import read_keypoints
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.local.matcher import LocalMatcher
from wildtrack.address.matching.viewpoints import viewpoint_relation
from wildtrack.address.models.engines import BATCH, Engine
from wildtrack.address.training.learn_matching import ScoredPhotos, Validation, learn_matching
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig

SECOND = np.arange(1, 12, 2)
PROTOCOL = Protocol(SECOND[:3], SECOND - 1, "by hand", 0)
VIEWPOINTS = np.array(["left", "right", "", "left", "left", "right"] * 2, dtype=object)
LEAKY = np.zeros((3, 6), np.bool_)
LEAKY[1, [1, 4]] = True


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> EvaluationData:
    """Six animals, each photographed twice; the second photo of each is a part of the first."""
    root = tmp_path_factory.mktemp("animals")
    for animal in range(6):
        picture = spots(animal)
        Image.fromarray(picture).save(root / f"{animal}_0.png")
        Image.fromarray(picture[20:260, 40:]).save(root / f"{animal}_1.png")
    names = [f"{animal}_{photo}" for animal in range(6) for photo in range(2)]
    table = pd.DataFrame({"identity": [name[0] for name in names], "path": [f"{name}.png" for name in names]})
    decoded = decode_catalogue(table.assign(orientation=VIEWPOINTS), root, SIZE, CacheConfig(root=root / "cache"))
    return EvaluationData(root, decoded, PROTOCOL, LEAKY)


class CountingEngine(CellEngine):
    """Counts the photos that it embeds."""

    photos = 0

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        self.photos += len(photos)
        return super().run(photos)


def embedder(engine: Engine, fingerprint: str = "f") -> Embedder:
    return Embedder(engine, fingerprint, fingerprint, SIZE, "by hand", 1.5)


OURS = embedder(CellEngine())


@pytest.fixture
def comparison(data: EvaluationData, tmp_path: Path) -> Comparison:
    return Comparison(data, CacheConfig(root=tmp_path), timed=True)


@pytest.mark.parametrize("method", [Method("ours", embedder=OURS), Method(LOCAL, LOCAL)], ids=lambda each: each.name)
def test_leak_free_scores_regard_no_leaky_photo(method: Method, data: EvaluationData, comparison: Comparison) -> None:
    found = comparison.score(method)
    assert found.scores.shape == (3, 6) and found.scores.argmax(axis=1).tolist() == [0, 1, 2]
    np.testing.assert_array_equal(np.isneginf(found.leak_free), LEAKY)
    np.testing.assert_array_equal(found.leak_free[[0, 2]], found.scores[[0, 2]])
    few = comparison.data.protocol.gallery[~LEAKY[1]]
    less = replace(data, protocol=Protocol(PROTOCOL.queries, few, "", 0), leaky=np.zeros((3, 4), np.bool_))
    alone = Comparison(less, comparison.cache).score(method)
    np.testing.assert_allclose(found.leak_free[1, ~LEAKY[1]], alone.scores[1], rtol=1e-4)


@pytest.mark.parametrize("by_viewpoint", [False, True])
def test_a_fused_method_combines_its_parts(by_viewpoint: bool, data: EvaluationData, comparison: Comparison) -> None:
    matching = fake_matching(by_viewpoint)
    embedding, local = comparison.score(Method("ours", embedder=OURS)), comparison.score(Method(LOCAL, LOCAL))
    fused = comparison.score(Method(FUSED, FUSED, OURS, matching))
    relation = viewpoint_relation(VIEWPOINTS[PROTOCOL.queries], VIEWPOINTS[PROTOCOL.gallery])
    matcher = matching.matcher(FUSED)
    for name in ("scores", "leak_free"):
        parts = {EMBEDDING: getattr(embedding, name), LOCAL: getattr(local, name)}
        np.testing.assert_array_equal(getattr(fused, name), matcher.combined(parts, relation))
    assert (fused.embed_dim, fused.photos_per_second) == (local.embed_dim, local.photos_per_second) == (None, None)
    assert (embedding.embed_dim, embedding.seconds_per_query) == (48, None)
    assert (embedding.photos_per_second or 0) > 0 and (local.seconds_per_query or 0) > 0
    assert fused.seconds_per_query == local.seconds_per_query
    keypoints = [read_keypoints(data.root / path, None) for path in data.table["path"]]
    known = Features(CellEngine().run(data.photos.pixels)["embedding"], VIEWPOINTS, keypoints)
    gallery = Gallery.of(data.table.iloc[PROTOCOL.gallery], known[PROTOCOL.gallery])
    searched = matcher.scores(known[PROTOCOL.queries], gallery, LEAKY)  # as a search does
    np.testing.assert_allclose(fused.leak_free, searched, rtol=1e-5)


def test_what_methods_share_is_computed_once(comparison: Comparison, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: Counter[int] = Counter()
    whole = LocalMatcher.scores

    def counted(self: LocalMatcher, queries: Features, *args: Any, **kwargs: Any) -> Any:
        asked[len(queries)] += 1
        return whole(self, queries, *args, **kwargs)

    monkeypatch.setattr(LocalMatcher, "scores", counted)
    ours, theirs = CountingEngine(), CountingEngine()
    of_ours = embedder(ours)
    methods = [
        Method("ours", embedder=of_ours),
        Method(LOCAL, LOCAL),
        Method(FUSED, FUSED, of_ours, fake_matching()),
        Method("theirs", embedder=embedder(theirs, "g")),
        Method("with theirs", FUSED, embedder(theirs, "g"), fake_matching()),
    ]
    for method in methods:
        comparison.score(method)
    assert asked == {3: 1, 1: 1}  # all queries, and the one that has leaky photos
    measured = (RUNS + 1) * BATCH  # of the speed
    assert (ours.photos, theirs.photos) == (12 + measured, 12 + measured)


def test_embeddings_that_are_no_numbers_and_a_photo_that_goes_bad(comparison: Comparison, tmp_path: Path) -> None:
    class Broken(CellEngine):
        def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
            return {"embedding": np.full((len(photos), 2), np.nan, np.float32)}

    with pytest.raises(UserError, match=r"their\.onnx gives embeddings that are no numbers; is --scaling"):
        comparison.score(Method("their.onnx", embedder=embedder(Broken())))
    gone = replace(comparison.data, root=tmp_path / "nowhere")
    with pytest.raises(UserError):
        Comparison(gone, CacheConfig(root=tmp_path)).score(Method("ours", embedder=OURS))


def test_what_a_method_says_of_itself() -> None:
    other = embedder(CellEngine(), "g")
    fused = Method(FUSED, FUSED, OURS, fake_matching())
    cases = [
        (Method("ours", embedder=OURS), "by hand", 1.5),
        (Method("theirs", embedder=other), "by hand", 1.5),
        (Method(LOCAL, LOCAL), "OpenCV, FAISS", 0.0),
        (fused, "by hand, OpenCV, FAISS", 1.5),
        (replace(fused, embedder=other), "by hand, OpenCV, FAISS", 1.5),
    ]
    for method, runs_on, megabytes in cases:
        assert (method.runs_on, method.megabytes) == (runs_on, megabytes)
    assert cases[0][0].fingerprint == OURS.fingerprint
    assert len({method.fingerprint for method, *_ in cases}) == len(cases)


@pytest.mark.parametrize(
    ("known_to_embedding", "known_to_local"), [([0], [1, 2]), ([], [0, 1, 2])], ids=["each knows some", "one nothing"]
)
def test_fusion_knows_what_its_parts_know(known_to_embedding: list[int], known_to_local: list[int]) -> None:
    """What scores mean is learnt from three animals, and tried on three others; what is not known is noise."""
    names = np.array(list("abcdef"), dtype=object)
    rng, relation = np.random.default_rng(0), np.zeros((3, 6), np.int8)

    def scores(known: list[int], first: int) -> np.ndarray:
        found = 0.5 * rng.random((3, 6))
        found[known, np.array(known, dtype=int) + first] = 1.0
        return found

    learnt_from = {EMBEDDING: scores([0, 1, 2] if known_to_embedding else [], 3), LOCAL: scores([0, 1, 2], 3)}
    own = names[3:, None] == names[None]
    without = {name: np.where(own, -np.inf, values) for name, values in learnt_from.items()}
    known, new = ScoredPhotos(names[3:], learnt_from, relation), ScoredPhotos(names[3:], without, relation)
    matching = learn_matching(Validation(names, known, new, unseen=False))
    tried = {EMBEDDING: scores(known_to_embedding, 0), LOCAL: scores(known_to_local, 0)}
    assert tried[EMBEDDING].argmax(axis=1).tolist() != [0, 1, 2]
    assert matching.matcher(FUSED).combined(tried, relation).argmax(axis=1).tolist() == [0, 1, 2]
