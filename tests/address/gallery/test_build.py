import hashlib
import json
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.address.artifacts import Artifacts, open_artifacts
from wildtrack.address.gallery.build import GalleryConfig, SearchConfig, gallery_of, open_searcher
from wildtrack.address.gallery.files import REBUILD, gallery_files, read_gallery
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.searcher import Searcher, answer_photo
from wildtrack.address.matching.matching import Matching
from wildtrack.address.models.engines import Engine, OnnxEngine
from wildtrack.address.models.saved import LoadingConfig
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.visualization import retrieval_panels
from wildtrack.visualization.retrieval_panels import PanelPhoto

SIZE = (32, 32)


@pytest.fixture
def ours(artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    return open_artifacts(artifacts)


def config(artifacts: Artifacts, data: Path | None = None, **changes: object) -> GalleryConfig:
    return replace(GalleryConfig(data, problems=artifacts.folder.parent / "problems.csv"), **changes)  # type: ignore[arg-type]


def build(
    artifacts: Artifacts, data: Path, with_keypoints: bool = False, *, verify: bool = False
) -> tuple[Gallery, Engine]:
    """Build it, whatever there is."""
    cache = CacheConfig(verify=verify)
    return gallery_of(artifacts, config(artifacts, data, with_keypoints=with_keypoints, rebuild=True, cache=cache))


def kept(artifacts: Artifacts) -> Gallery | None:
    """The gallery there is."""
    engine = OnnxEngine(artifacts.folder / "model.onnx")
    return read_gallery(artifacts.folder, engine.fingerprint, engine.embed_dim)


def test_what_was_built_is_what_is_opened(
    ours: Artifacts, photo_folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    built, engine = gallery_of(ours, config(ours, photo_folder))  # there is none yet
    monkeypatch.setattr(OnnxEngine, "run", None)  # nothing is embedded again
    for data in (photo_folder, None):
        opened, _ = gallery_of(ours, config(ours, data))
        pd.testing.assert_frame_equal(opened.table, built.table)
        assert opened.source == built.source
    monkeypatch.undo()
    query = photo_folder / "Ana" / "0.png"
    first, again = (answer_photo(query, Searcher(gallery, engine, SIZE), 3) for gallery in (built, opened))
    assert again == first
    assert (first.matcher, first.decision, first.already_known_as) == ("embedding", None, "Ana")
    assert capsys.readouterr().out == ""


def test_building_again_reads_and_embeds_what_is_new_or_changed(
    ours: Artifacts, photo_folder: Path, pixels: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = shutil.copytree(photo_folder, tmp_path / "photos")
    embedded = []
    run = OnnxEngine.run

    def spy(engine: OnnxEngine, photos: np.ndarray) -> dict[str, np.ndarray]:
        embedded.append(len(photos))
        return run(engine, photos)

    monkeypatch.setattr(OnnxEngine, "run", spy)
    first, _ = build(ours, data)
    assert sum(embedded) == 12
    again, _ = build(ours, data)
    assert sum(embedded) == 12
    np.testing.assert_array_equal(again.embeddings, first.embeddings)
    (data / "Ana" / "new.png").write_bytes((data / "Ana" / "0.png").read_bytes())  # a copy
    Image.fromarray(255 - pixels[1]).save(data / "Ana" / "1.png")
    (data / "Ana" / "2.png").write_text("no photo any more")
    changed, _ = build(ours, data)
    assert sum(embedded) == 13
    paths = changed.table["path"].tolist()
    assert paths[:4] == ["Ana/0.png", "Ana/1.png", "Ana/3.png", "Ana/new.png"]
    moved = np.abs(changed.embeddings[[0, 1, 2, 3]] - first.embeddings[[0, 1, 3, 0]]).max(axis=1) > 1e-6
    assert moved.tolist() == [False, True, False, False]
    assert "Ana/2.png" in (tmp_path / "problems.csv").read_text("utf-8")


def test_a_photo_that_keeps_its_size_and_date_is_found_changed_when_asked_to(
    ours: Artifacts, photo_folder: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(photo_folder, tmp_path / "photos")
    found = []
    for number, verify in ((b"1", False), (b"2", False), (b"2", True), (b"2", False)):
        photo = (photo_folder / "Ana" / "0.png").read_bytes() + number  # the same picture
        (data / "Ana" / "0.png").write_bytes(photo)
        os.utime(data / "Ana" / "0.png", (0, 0))
        gallery, _ = build(ours, data, verify=verify)
        found.append(gallery.table["sha256"].iloc[0])
    assert found == [hashlib.sha256(photo[:-1] + number).hexdigest() for number in (b"1", b"1", b"2", b"2")]


def test_nobody_is_named(ours: Artifacts, photo_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "photos" / "unknown").mkdir(parents=True)
    shutil.copy(photo_folder / "Ana" / "0.png", tmp_path / "photos" / "unknown")
    with pytest.raises(UserError, match="says which animal it shows"):
        build(ours, tmp_path / "photos")


@pytest.mark.parametrize("matcher", ["local", "fused"])
def test_what_was_built_with_keypoints_is_what_is_opened(
    ours: Artifacts, photo_folder: Path, matching: Matching, matcher: str
) -> None:
    built, engine = build(ours, photo_folder, with_keypoints=True)
    opened, _ = gallery_of(ours, config(ours, photo_folder, with_keypoints=True))
    first, again = (
        answer_photo(photo_folder / "Ana" / "0.png", Searcher(gallery, engine, SIZE, matcher, matching), 3)
        for gallery in (built, opened)
    )
    assert again == first
    assert first.matcher == matcher
    assert first.decision in ("match", "review", "new")
    assert all(candidate.shared_points is not None for candidate in first.candidates)
    assert gallery_of(ours, config(ours))[0].keypoints is None


def test_a_gallery_without_keypoints_does_not_do_for_a_matcher_that_compares_them(
    ours: Artifacts, photo_folder: Path
) -> None:
    build(ours, photo_folder)
    with pytest.raises(UserError, match=r"built without keypoints, and the matcher compares them") as error:
        gallery_of(ours, config(ours, with_keypoints=True))
    assert REBUILD in str(error.value)
    build(ours, photo_folder, with_keypoints=True)
    assert gallery_of(ours, config(ours, with_keypoints=True))[0].keypoints is not None


def test_nobody_else_is_known(ours: Artifacts, tmp_path: Path, photo_folder: Path, matching: Matching) -> None:
    (tmp_path / "photos" / "Ana").mkdir(parents=True)
    photo = tmp_path / "photos" / "Ana" / "0.png"
    photo.write_bytes((photo_folder / "Ana" / "0.png").read_bytes())
    gallery, engine = build(ours, tmp_path / "photos", with_keypoints=True)
    for matcher, learnt in (("embedding", None), ("embedding", matching), ("fused", matching)):
        searcher = Searcher(gallery, engine, SIZE, matcher, learnt, explains=True)
        answer = answer_photo(photo, searcher, 3)
        assert (answer.candidates, answer.already_known_as, answer.decision) == ([], "Ana", None)
        retrieval_panels.draw_answer(answer, searcher, tmp_path / "panel.png")
        assert (tmp_path / "panel.png").stat().st_size > 0


def test_the_gallery_answers_only_for_its_own_catalogue(ours: Artifacts, photo_folder: Path, tmp_path: Path) -> None:
    table = tmp_path / "photos" / "table.csv"
    table.parent.mkdir()
    for name in ("a.png", "b.png"):
        (table.parent / name).write_bytes((photo_folder / "Ana" / "0.png").read_bytes())
    table.write_text("image_id,identity,path\n1,Ana,a.png\n2,Bo,b.png\n")
    (table.parent / "other.csv").write_text(table.read_text())
    built, _ = build(ours, table)
    for data in (None, table):
        assert gallery_of(ours, config(ours, data))[0].source == built.source
    for other in (table.parent, tmp_path, table.parent / "other.csv"):
        with pytest.raises(UserError, match="was built from") as error:
            gallery_of(ours, config(ours, other))
        assert REBUILD in str(error.value)


def test_photos_that_have_moved_are_no_failure(
    ours: Artifacts, photo_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    data = shutil.copytree(photo_folder, tmp_path / "photos")
    build(ours, data)
    shutil.rmtree(data)
    gallery_of(ours, config(ours))
    assert "The gallery photos are no longer at" in caplog.text


def test_scaling_that_is_not_ours(ours: Artifacts, photo_folder: Path) -> None:
    loading = LoadingConfig("0-1", onnx_only=True)
    for _ in range(2):  # without a gallery, and with one
        with pytest.raises(UserError, match="scaling 0-1 does not fit"):
            gallery_of(ours, config(ours, photo_folder, loading=loading))
        build(ours, photo_folder)


def test_a_damaged_onnx_file_of_ours(ours: Artifacts, photo_folder: Path) -> None:
    build(ours, photo_folder)
    (ours.folder / "model.onnx").write_bytes(b"damaged")
    with pytest.raises(UserError, match=r"model\.onnx is damaged or was altered .* train again$"):
        open_artifacts(ours.folder)
    with pytest.raises(UserError, match=r"model\.onnx cannot be loaded: .*; delete it, and it is made anew") as error:
        gallery_of(ours, config(ours))  # damaged after the set was opened
    assert "\n" not in str(error.value)
    (ours.folder / "model.onnx").unlink()
    gallery_of(open_artifacts(ours.folder), config(ours, photo_folder))
    assert kept(open_artifacts(ours.folder)) is not None


def searcher_of(ours: Artifacts, data: Path | None = None, matching: Matching | None = None, **how: object) -> Searcher:
    return open_searcher(replace(ours, matching=matching), SearchConfig(**how), config(ours, data))  # type: ignore[arg-type]


def test_a_searcher_is_opened_as_configured(ours: Artifacts, photo_folder: Path, matching: Matching) -> None:
    table = shutil.copytree(photo_folder, ours.folder.parent / "photos") / "table.csv"
    rows = "image_id,identity,path,orientation\n1,Ana,Ana/0.png,left\n2,Blå,Blå/0.png,right\n"
    table.write_text(rows, encoding="utf-8")
    searcher = searcher_of(ours, table, matching, viewpoint="left", false_match_rate=0.2, explains=True)
    assert (searcher.matcher, searcher.viewpoint, searcher.false_match_rate) == ("fused", "left", 0.2)
    assert (searcher.size, searcher.explains, searcher.matching) == (SIZE, True, matching)
    assert searcher.gallery.keypoints is not None and searcher.gallery.index is not None
    assert searcher_of(ours, matching=matching, exact=True).gallery.index is None
    plain = searcher_of(ours)
    assert (plain.matcher, plain.gallery.keypoints) == ("embedding", None)
    with pytest.raises(UserError, match=r"^--viewpoint 'top' fits no photo: the gallery photos show left, right;"):
        searcher_of(ours, viewpoint="top")
    with pytest.raises(UserError, match="--matcher fused needs"):
        searcher_of(ours, matcher="fused")


def test_a_viewpoint_where_the_catalogue_knows_none(ours: Artifacts, photo_folder: Path) -> None:
    with pytest.raises(UserError, match="fits no photo: the catalogue knows no viewpoints"):
        searcher_of(ours, photo_folder, viewpoint="left")


@pytest.fixture
def two_in_one(tmp_path: Path, pixels: np.ndarray) -> Path:
    """A catalogue of one photo that shows two animals, and one more photo of one of them."""
    both = np.concatenate([pixels[0], pixels[4]], axis=1)  # (32, 64, 3)
    Image.fromarray(both).save(tmp_path / "both.png")
    Image.fromarray(pixels[5]).save(tmp_path / "one.png")
    rows = [
        ("l", "Ana", "both.png", "[0, 0, 32, 32]"),
        ("r", "Bo", "both.png", "[32, 0, 32, 32]"),
        ("o", "Cy", "one.png", ""),
    ]
    table = pd.DataFrame(rows, columns=["image_id", "identity", "path", "bbox"])
    table.to_csv(tmp_path / "two.csv", index=False)
    return tmp_path / "two.csv"


def test_a_candidate_is_shown_without_the_other_animals_of_its_photo(
    ours: Artifacts, two_in_one: Path, pixels: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = build(ours, two_in_one)
    Image.fromarray(pixels[1]).save(two_in_one.parent / "new.png")
    searcher = Searcher(*found, SIZE, explains=True)
    answer = answer_photo(two_in_one.parent / "new.png", searcher, 3)
    boxes = {candidate.identity: candidate.bbox for candidate in answer.candidates}
    assert boxes == {"Ana": (0, 0, 32, 32), "Bo": (32, 0, 32, 32), "Cy": None}

    panels: list[dict[str, PanelPhoto]] = []

    def keep(query: PanelPhoto, candidates: list[PanelPhoto], title: str, path: Path) -> None:
        panels.append({shown.title.split()[1]: shown for shown in candidates})

    monkeypatch.setattr(retrieval_panels, "retrieval_panel", keep)
    retrieval_panels.draw_answer(answer, searcher, two_in_one.parent / "panel.png")
    (two_in_one.parent / "both.png").unlink()
    retrieval_panels.draw_answer(answer, searcher, two_in_one.parent / "panel.png")
    before, after = panels
    for name, photo in {"Ana": pixels[0], "Bo": pixels[4], "Cy": pixels[5]}.items():
        np.testing.assert_array_equal(before[name].pixels, photo)
    assert np.ptp(after["Ana"].pixels) == 0  # gone, so a blank
    np.testing.assert_array_equal(after["Cy"].pixels, pixels[5])
    assert all(shown.points is not None and shown.heat is not None for shown in before.values())


@pytest.mark.skipif(sys.platform != "linux", reason="other systems keep file names in Unicode")
def test_names_that_are_no_text(ours: Artifacts, tmp_path: Path, photo_folder: Path) -> None:
    data = tmp_path / "photos"
    for name in (b"Ana/a.png", b"Ana/caf\xe9.png", b"Bo/b.png"):
        path = data / os.fsdecode(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((photo_folder / "Ana" / "0.png").read_bytes())
    gallery, engine = build(ours, data)
    assert gallery.table["path"].tolist() == ["Ana/a.png", "Bo/b.png"]
    assert "Ana/caf?.png,file name is not valid Unicode" in (tmp_path / "problems.csv").read_text("utf-8")
    answer = answer_photo(data / os.fsdecode(b"Ana/caf\xe9.png"), Searcher(gallery, engine, SIZE), 3)
    assert (answer.status, answer.reason) == ("unreadable", "file name is not valid Unicode; rename it")
    assert answer.photo.endswith("Ana/caf?.png")
    json.dumps(answer.photo).encode()


def test_the_manifest_names_the_catalogue(ours: Artifacts, photo_folder: Path) -> None:
    build(ours, photo_folder)
    about = gallery_files(ours.folder).open()
    assert about is not None
    assert about["data"] == about["root"] == photo_folder.resolve().as_posix()
