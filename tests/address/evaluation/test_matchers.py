from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.spotted import spots
from wildtrack.address.evaluation import matchers
from wildtrack.address.evaluation.matchers import fused_method, local_method
from wildtrack.address.evaluation.method import Asked, Method, Ranked
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.features.keypoints import read_keypoints
from wildtrack.address.matching import learning as matching
from wildtrack.address.matching.calibration import ANY_SIDE
from wildtrack.address.matching.learning import EMBEDDING, LOCAL, Matching, learn_matching
from wildtrack.address.matching.local.voting import LocalIndex
from wildtrack.storage.cache import CacheConfig

SECOND = np.arange(1, 12, 2)
PROTOCOL = Protocol(SECOND[:3], SECOND - 1, "by hand", 0)
NOTHING_LEAKY = np.zeros((3, 6), np.bool_)


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Six animals, each photographed twice; the second photo of each is a part of the first."""
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    for animal in range(6):
        picture = spots(animal)
        Image.fromarray(picture).save(tmp_path / f"{animal}_0.png")
        Image.fromarray(picture[20:260, 40:]).save(tmp_path / f"{animal}_1.png")
    names = [f"{animal}_{photo}" for animal in range(6) for photo in range(2)]
    table = pd.DataFrame({"identity": [name[0] for name in names], "path": [f"{name}.png" for name in names]})
    return Asked(table, tmp_path, names, PROTOCOL, NOTHING_LEAKY, CacheConfig())


def test_local_features_find_each_animal(asked: Asked) -> None:
    answer = local_method().rank(asked)
    assert answer.similarity.shape == (3, 6)
    assert answer.similarity.argmax(axis=1).tolist() == [0, 1, 2]
    assert answer.seconds_per_query is not None
    assert answer.embed_dim is None


def test_leaky_photos_are_as_if_they_were_unknown(asked: Asked) -> None:
    leaky = NOTHING_LEAKY.copy()
    leaky[1, [1, 4]] = True
    answer = local_method().rank(replace(asked, leaky=leaky))
    assert answer.honest is not None
    photos = [read_keypoints(asked.root / path, None) for path in asked.table["path"]]
    few = LocalIndex([photos[row] for row in PROTOCOL.gallery[~leaky[1]]]).rank(photos[PROTOCOL.queries[1]])
    np.testing.assert_allclose(answer.honest[1, ~leaky[1]], few, rtol=1e-4)
    np.testing.assert_array_equal(answer.honest[[0, 2]], answer.similarity[[0, 2]])
    np.testing.assert_array_equal(answer.similarity, local_method().rank(asked).similarity)


def knowing(pairs: list[tuple[int, int]], noise: float, seed: int) -> Method:
    """A method that tells these (query row, gallery row) pairs apart from others, the rest being noise."""

    def rank(asked: Asked) -> Ranked:
        rng = np.random.default_rng(seed)
        similarity = noise * rng.random((len(asked.protocol.queries), len(asked.protocol.gallery)))
        for query, gallery in pairs:
            at = np.outer(asked.protocol.queries == query, asked.protocol.gallery == gallery)
            similarity[at] = 1.0
        return Ranked(similarity, honest=np.where(asked.leaky, -1.0, similarity))

    return Method(f"knowing {pairs}", str(pairs), rank, "here", 1.0, None)


def learnt(ours: Method, local: Method, asked: Asked) -> Matching:
    """What the other three animals' second photos teach about two methods."""
    protocol = replace(asked.protocol, queries=SECOND[3:])
    identities = asked.table["identity"].to_numpy(dtype=object)
    practice = replace(asked, protocol=protocol)
    known = {EMBEDDING: ours.rank(practice).similarity, LOCAL: local.rank(practice).similarity}
    query_ids, gallery_ids = identities[protocol.queries], identities[protocol.gallery]
    new = {name: np.where(protocol.same(identities), -np.inf, values) for name, values in known.items()}
    relation = np.full((3, 6), ANY_SIDE, np.int8)
    return learn_matching(
        matching.Asked(known, query_ids, relation, new, query_ids, relation, gallery_ids, unseen=False)
    )


def test_fusion_knows_what_its_members_know(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    practised = [(7, 6), (9, 8), (11, 10)]
    ours, local = knowing([*practised, (1, 0)], 0.5, 0), knowing([*practised, (3, 2), (5, 4)], 0.5, 1)
    monkeypatch.setattr(matchers, "local_method", lambda: local)
    answer = fused_method(ours, learnt(ours, local, asked)).rank(asked)
    assert answer.similarity.argmax(axis=1).tolist() == [0, 1, 2]
    assert all(member.rank(asked).similarity.argmax(axis=1).tolist() != [0, 1, 2] for member in (ours, local))
    assert answer.seconds_per_query is None


def test_a_member_that_knows_nothing_does_no_harm(asked: Asked) -> None:
    ours = knowing([], 1.0, 0)
    answer = fused_method(ours, learnt(ours, local_method(), asked)).rank(asked)
    assert answer.similarity.argmax(axis=1).tolist() == [0, 1, 2]
    assert answer.seconds_per_query is not None


def test_fusion_is_as_honest_as_local_features_are(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    leaky = NOTHING_LEAKY.copy()
    leaky[0, 0] = True
    ours, local = knowing([(7, 6), (9, 8), (11, 10)], 0.5, 0), knowing([(1, 0), (7, 6), (9, 8), (11, 10)], 0.5, 1)
    monkeypatch.setattr(matchers, "local_method", lambda: local)
    answer = fused_method(ours, learnt(ours, local, asked)).rank(replace(asked, leaky=leaky))
    assert answer.honest is not None
    assert answer.honest[0, 0] < answer.similarity[0, 0]
    np.testing.assert_array_equal(answer.honest[~leaky], answer.similarity[~leaky])
