from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from test_local import spots

from wildtrack.address.method import Asked, Method, Ranked
from wildtrack.address.protocol import Protocol
from wildtrack.address.rankers import fused_method, local_method


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
    second = np.arange(1, 12, 2)
    protocol = Protocol(second[:3], second - 1, "by hand", 0)
    return Asked(table, tmp_path, names, protocol, replace(protocol, queries=second[3:]), 1.0)


def test_local_features_find_each_animal(asked: Asked) -> None:
    answer = local_method().rank(asked)
    assert answer.similarity.shape == (3, 6)
    assert answer.similarity.argmax(axis=1).tolist() == [0, 1, 2]
    assert answer.seconds_per_query is not None
    assert answer.embed_dim is None


def knowing(pairs: list[tuple[int, int]], noise: float, seed: int) -> Method:
    """A method that tells these (query row, gallery row) pairs apart from others, the rest being noise."""

    def rank(asked: Asked) -> Ranked:
        rng = np.random.default_rng(seed)
        similarity = noise * rng.random((len(asked.protocol.queries), len(asked.protocol.gallery)))
        for query, gallery in pairs:
            at = np.outer(asked.protocol.queries == query, asked.protocol.gallery == gallery)
            similarity[at] = 1.0
        return Ranked(similarity)

    return Method(f"knowing {pairs}", str(pairs), rank, "here", 1.0, None)


def test_fusion_knows_what_its_members_know(asked: Asked) -> None:
    practised = [(7, 6), (9, 8), (11, 10)]
    members = [knowing([*practised, (1, 0)], 0.5, 0), knowing([*practised, (3, 2), (5, 4)], 0.5, 1)]
    answer = fused_method(members).rank(asked)
    assert answer.similarity.argmax(axis=1).tolist() == [0, 1, 2]
    assert all(member.rank(asked).similarity.argmax(axis=1).tolist() != [0, 1, 2] for member in members)
    assert answer.seconds_per_query is None


def test_a_member_that_knows_nothing_does_no_harm(asked: Asked) -> None:
    answer = fused_method([local_method(), knowing([], 1.0, 0)]).rank(asked)
    assert answer.similarity.argmax(axis=1).tolist() == [0, 1, 2]
    assert answer.seconds_per_query is not None


def test_without_validation_photos_nothing_is_fused(asked: Asked) -> None:
    with pytest.raises(ValueError, match="nothing can be calibrated"):
        fused_method([local_method(), local_method()]).rank(replace(asked, validation=None))
