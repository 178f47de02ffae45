from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.helpers.features import features, keypoints, photos, table
from wildtrack.address.features.features import Features
from wildtrack.address.gallery.gallery import COLUMNS, Gallery, gallery_table
from wildtrack.address.gallery.index import build_index


def test_a_gallery_of_some_rows_of_a_catalogue() -> None:
    rng = np.random.default_rng(0)
    catalogue = pd.DataFrame({"identity": list("abca"), "orientation": ["left", None, "", "right"]}).iloc[[3, 1, 0]]
    found = Features(photos(3, 5, each=1), catalogue["orientation"].to_numpy(dtype=object), [keypoints(rng, 9)] * 3)
    gallery = Gallery.of(catalogue, found)
    assert len(gallery) == 3 and gallery.identities.names[gallery.identities.codes].tolist() == ["a", "b", "a"]
    assert gallery.viewpoints.tolist() == ["right", "", "left"]
    assert gallery.keypoints is not None and len(gallery.keypoints.gallery) == 3
    assert gallery.shortlist(found.embeddings[0], 1).tolist() == [0, 1, 2]  # there is no index
    assert Gallery.of(catalogue, features(found.embeddings)).keypoints is None
    assert Gallery.of(catalogue.drop(columns="orientation"), found).viewpoints.tolist() == [""] * 3


@pytest.mark.parametrize("recent", [0, 1, 60])
def test_an_extended_gallery_is_as_if_built_at_once(recent: int) -> None:
    """The rankings of both are compared in test_ranking.py."""
    rng = np.random.default_rng(recent)
    embeddings, everyone = photos(8, 6), table([str(number) for number in rng.integers(0, 12, 80)])
    points = [keypoints(rng, int(count)) for count in rng.integers(0, 30, 80)]
    both = Features(embeddings, np.full(80, "", object), points)
    old, new = np.arange(80 - recent), np.arange(80 - recent, 80)
    first, whole = Gallery.of(everyone.iloc[old], both[old]), Gallery.of(everyone, both)
    first = Gallery(first.table, first.embeddings, first.keypoints, build_index(first.embeddings))
    at_once, one_by_one = first.extended(both[new], everyone.iloc[new]), first
    for row in new.tolist():
        one_by_one = one_by_one.extended(both[np.array([row])], everyone.iloc[[row]])
    assert len(first) == 80 - recent and (at_once is first) == (recent == 0)
    query, some = keypoints(rng, 25), rng.permutation(80)[:30]
    for gallery in (at_once, one_by_one):
        pd.testing.assert_frame_equal(gallery.table, whole.table)
        np.testing.assert_array_equal(gallery.embeddings_of(), embeddings)
        np.testing.assert_array_equal(gallery.embeddings_of(some), embeddings[some])
        assert gallery.keypoints is not None and whole.keypoints is not None
        np.testing.assert_allclose(gallery.keypoints.votes(query), whole.keypoints.votes(query), rtol=1e-5)
        assert set(new.tolist()) <= set(gallery.shortlist(embeddings[0], 3).tolist())


def test_photos_without_keypoints_extend_a_gallery_that_has_them() -> None:
    rng = np.random.default_rng(0)
    first = Gallery.of(table(["a"]), Features(photos(1, 4, each=1), np.array([""], object), [keypoints(rng, 9)]))
    longer = first.extended(features(photos(2, 4, each=1)), table(["b", "c"]))
    assert longer.keypoints is not None
    assert [len(photo.places) for photo in longer.keypoints.gallery] == [9, 0, 0]


def test_the_columns_that_are_kept() -> None:
    catalogue = pd.DataFrame({"identity": list("abc"), "path": list("123"), "sex": "f"}, index=[7, 7, 2])
    odd: dict[str, Any] = {"date": ["2020", None, ""], "bbox": [(1.0, 2.0, 3.0, 4.0), None, float("nan")]}
    catalogue = catalogue.assign(**odd)
    kept = gallery_table(catalogue, ["x", "y", "z"])
    assert (tuple(kept), kept.index.tolist()) == (COLUMNS, [0, 1, 2])
    assert kept["bbox"].tolist() == [(1.0, 2.0, 3.0, 4.0), None, None]
    assert kept["date"].tolist() == ["2020", "", ""]
    assert kept["orientation"].tolist() == kept["image_id"].tolist() == [""] * 3
    assert kept["sha256"].tolist() == ["x", "y", "z"]


def test_mapped_embeddings_are_not_copied(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", photos(3, 4))
    mapped = np.asarray(np.load(tmp_path / "a.npy", mmap_mode="r"))
    gallery = Gallery(table(["a"] * 30), mapped)
    assert gallery.embeddings_of() is mapped
    assert gallery.extended(features(photos(1, 4, each=1)), table(["b"])).embeddings is mapped
