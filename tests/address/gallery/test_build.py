import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.features import quantised
from tests.helpers.spotted import FUSED, LOCAL, SIZE
from wildtrack.address.artifacts import Artifacts, open_artifacts
from wildtrack.address.gallery import build as module
from wildtrack.address.gallery.build import GalleryConfig, gallery_of, open_searcher
from wildtrack.address.gallery.files import REBUILD
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.searcher import SearchConfig, Searcher, answer_photo
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.matching import Matching
from wildtrack.address.models.engines import Engine, OnnxEngine
from wildtrack.errors import UserError
from wildtrack.visualization import retrieval_panels
from wildtrack.visualization.retrieval_panels import PanelPhoto


@pytest.fixture
def trained(artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    return open_artifacts(artifacts)


@pytest.fixture
def photos(photo_folder: Path, tmp_path: Path) -> Path:
    """A copy of the photos, to be changed."""
    return Path(shutil.copytree(photo_folder, tmp_path / "photos"))


def opened(trained: Artifacts, data: Path | None = None, **changes: Any) -> tuple[Gallery, Engine]:
    problems = trained.folder.parent / "problems.csv"
    return gallery_of(trained, replace(GalleryConfig(data, problems=problems), **changes))


def searcher_of(trained: Artifacts, data: Path | None = None, matching: Matching | None = None, **how: Any) -> Searcher:
    config = GalleryConfig(data, problems=trained.folder.parent / "problems.csv")
    return open_searcher(replace(trained, matching=matching), SearchConfig(**how), config)


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_what_was_built_is_what_is_opened(
    trained: Artifacts, photo_folder: Path, matching: Matching, matcher: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_keypoints = matcher != EMBEDDING
    built, engine = opened(trained, photo_folder, with_keypoints=by_keypoints)  # there is none yet
    with monkeypatch.context() as nothing_is_embedded_again:
        nothing_is_embedded_again.setattr(OnnxEngine, "run", None)
        for data in (photo_folder, None):
            again, _ = opened(trained, data, with_keypoints=by_keypoints)
            pd.testing.assert_frame_equal(again.table, built.table)
            assert again.source == built.source
    assert opened(trained)[0].keypoints is None
    learnt, config = matching if by_keypoints else None, SearchConfig(matcher)
    searchers = (Searcher(gallery, engine, SIZE, learnt, config) for gallery in (built, again))
    first, second = (answer_photo(photo_folder / "Ana" / "0.png", searcher, 3) for searcher in searchers)
    assert first == second
    assert (first.matcher, first.decision is None, first.already_known_as) == (matcher, not by_keypoints, "Ana")
    assert all((candidate.shared_points is not None) == by_keypoints for candidate in first.candidates)
    if not by_keypoints:
        with pytest.raises(UserError, match=r"built without keypoints, and the matcher compares them.*--rebuild"):
            opened(trained, with_keypoints=True)


def test_building_again_reads_and_embeds_what_is_new_or_changed(
    trained: Artifacts, photos: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded, run = [], OnnxEngine.run

    def spy(engine: OnnxEngine, photos: np.ndarray) -> dict[str, np.ndarray]:
        embedded.append(len(photos))
        return run(engine, photos)

    monkeypatch.setattr(OnnxEngine, "run", spy)
    first, _ = opened(trained, photos, rebuild=True)
    assert sum(embedded) == 12
    again, _ = opened(trained, photos, rebuild=True)
    assert sum(embedded) == 12
    np.testing.assert_array_equal(again.embeddings, first.embeddings)
    shutil.copy(photos / "Ana" / "0.png", photos / "Ana" / "new.png")
    Image.fromarray(255 - pixels[1]).save(photos / "Ana" / "1.png")
    (photos / "Ana" / "2.png").write_text("no photo any more")
    changed, _ = opened(trained, photos, rebuild=True)
    assert sum(embedded) == 13
    assert changed.table["path"].tolist()[:4] == ["Ana/0.png", "Ana/1.png", "Ana/3.png", "Ana/new.png"]
    moved = np.abs(changed.embeddings[[0, 1, 2, 3]] - first.embeddings[[0, 1, 3, 0]]).max(axis=1) > 1e-6
    assert moved.tolist() == [False, True, False, False]
    assert "Ana/2.png" in (photos.parent / "problems.csv").read_text("utf-8")


def test_a_gallery_is_opened_only_for_its_own_catalogue_which_may_have_moved(
    trained: Artifacts, photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    table = photos / "table.csv"
    table.write_text("image_id,identity,path\n1,Ana,Ana/0.png\n2,Bo,Ana/1.png\n")
    shutil.copy(table, photos / "other.csv")
    built, _ = opened(trained, table)
    assert built.source is not None and (built.source.data, built.source.root) == (table.resolve(), photos.resolve())
    for data in (None, table):
        assert opened(trained, data)[0].source == built.source
    for other in (photos, tmp_path, photos / "other.csv"):
        with pytest.raises(UserError, match="was built from") as error:
            opened(trained, other)
        assert REBUILD in str(error.value)
    shutil.rmtree(photos)
    opened(trained)
    assert "The gallery photos are no longer at" in caplog.text


def test_an_onnx_file_that_is_damaged_after_the_set_was_opened(trained: Artifacts, photo_folder: Path) -> None:
    (trained.folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"model\.onnx cannot be loaded: .*; delete it, and it is made anew") as error:
        opened(trained, photo_folder)
    assert "\n" not in str(error.value)


def test_a_searcher_is_opened_as_configured(trained: Artifacts, photos: Path, matching: Matching) -> None:
    rows = "image_id,identity,path,orientation\n1,Ana,Ana/0.png,left\n2,Blå,Blå/0.png,right\n"
    (photos / "table.csv").write_text(rows, encoding="utf-8")
    searcher = searcher_of(trained, photos / "table.csv", matching, viewpoint="Left side", explains=True)
    assert (searcher.matcher, searcher.config.viewpoint, searcher.config.explains) == ("fused", "left", True)
    assert (searcher.size, searcher.matching) == (SIZE, matching)
    assert searcher.gallery.keypoints is not None and searcher.gallery.index is not None
    assert searcher_of(trained, matching=matching, exact=True).gallery.index is None
    plain = searcher_of(trained)
    assert (plain.matcher, plain.gallery.keypoints) == ("embedding", None)


def test_an_approximate_search_is_announced(
    trained: Artifacts,
    photo_folder: Path,
    matching: Matching,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gallery, engine = opened(trained, photo_folder, with_keypoints=True)
    approximate = replace(gallery, index=quantised(np.tile(gallery.embeddings, (25, 1))))
    caplog.set_level("INFO")
    for known, matcher, exact, announced in (
        (approximate, "embedding", False, True),
        (approximate, "embedding", True, False),
        (approximate, "local", False, False),  # all photos are scored
        (gallery, "embedding", False, False),
    ):
        caplog.clear()
        monkeypatch.setattr(module, "gallery_of", lambda artifacts, config, known=known: (known, engine))
        searcher_of(trained, None, matching, matcher=matcher, exact=exact)
        assert ("--exact compares with every one of them" in caplog.text) == announced


def test_a_candidate_is_shown_without_the_other_animals_of_its_photo(
    trained: Artifacts, tmp_path: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(np.concatenate([pixels[0], pixels[4]], axis=1)).save(tmp_path / "both.png")  # (32, 64, 3)
    for name, number in {"one.png": 5, "new.png": 1}.items():
        Image.fromarray(pixels[number]).save(tmp_path / name)
    rows = 'l,Ana,both.png,"[0, 0, 32, 32]"\nr,Bo,both.png,"[32, 0, 32, 32]"\no,Cy,one.png,\n'
    (tmp_path / "two.csv").write_text(f"image_id,identity,path,bbox\n{rows}")
    gallery, engine = opened(trained, tmp_path / "two.csv")
    searcher = Searcher(gallery, engine, SIZE, config=SearchConfig(explains=True))
    answer = answer_photo(tmp_path / "new.png", searcher, 3)
    boxes = {candidate.identity: candidate.bbox for candidate in answer.candidates}
    assert boxes == {"Ana": (0, 0, 32, 32), "Bo": (32, 0, 32, 32), "Cy": None}
    panels: list[dict[str, PanelPhoto]] = []

    def keep(query: PanelPhoto, candidates: list[PanelPhoto], title: str, path: Path) -> None:
        panels.append({shown.title.split()[1]: shown for shown in candidates})

    monkeypatch.setattr(retrieval_panels, "retrieval_panel", keep)
    retrieval_panels.draw_answer(answer, searcher, tmp_path / "panel.png")
    (tmp_path / "both.png").unlink()
    retrieval_panels.draw_answer(answer, searcher, tmp_path / "panel.png")
    before, after = panels
    for name, photo in {"Ana": pixels[0], "Bo": pixels[4], "Cy": pixels[5]}.items():
        np.testing.assert_array_equal(before[name].pixels, photo)
    assert np.ptp(after["Ana"].pixels) == 0  # gone, so a blank
    np.testing.assert_array_equal(after["Cy"].pixels, pixels[5])
    assert all(shown.points is not None and shown.heat is not None for shown in before.values())
