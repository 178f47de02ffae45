import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.address.artifacts import Artifacts, open_artifacts
from wildtrack.address.gallery.build import GalleryConfig, gallery_of
from wildtrack.address.gallery.files import gallery_files, save_gallery
from wildtrack.address.gallery.freshness import changes, outdated, photos_state
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.lock import locked


@pytest.fixture
def trained(artifacts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Artifacts:
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    return open_artifacts(artifacts)


@pytest.fixture
def photos(photo_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(photo_folder, tmp_path / "photos"))


@pytest.fixture
def embedded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many photos each run of the network had."""
    counts, run = [], OnnxEngine.run

    def spy(engine: OnnxEngine, photos: np.ndarray) -> dict[str, np.ndarray]:
        counts.append(len(photos))
        return run(engine, photos)

    monkeypatch.setattr(OnnxEngine, "run", spy)
    return counts


def opened(trained: Artifacts, data: Path | None = None) -> Gallery:
    return gallery_of(trained, GalleryConfig(data, problems=trained.folder.parent / "problems.csv"))[0]


def animal(folder: Path, name: str, count: int) -> None:
    (folder / name).mkdir()
    for number in range(count):
        pixels = np.random.default_rng(number).integers(0, 256, (32, 32, 3), np.uint8)
        Image.fromarray(pixels).save(folder / name / f"{number}.png")


def replace_photo(folder: Path) -> None:
    Image.fromarray(np.zeros((40, 40, 3), np.uint8)).save(folder / "Ana" / "0.png")


CHANGES: list[tuple[Callable[[Path], object], str, int]] = [
    (lambda folder: animal(folder, "Klara", 3), "3 photos of Klara are not searched yet", 3),
    (lambda folder: animal(folder, "Ana/../Klara", 1), "1 photo of Klara is not searched yet", 1),
    (lambda folder: shutil.rmtree(folder / "Ana"), "4 photos of Ana are gone or changed", 0),
    (lambda folder: (folder / "Ana" / "0.png").unlink(), "1 photo of Ana is gone or changed", 0),
    (
        lambda folder: (folder / "Ana").rename(folder / "Anna"),
        "4 photos of Anna are not searched yet; 4 photos of Ana are gone or changed",
        0,
    ),
    (replace_photo, "1 photo of Ana is not searched yet; 1 photo of Ana is gone or changed", 1),
    (lambda folder: shutil.copy(folder / "Ana/0.png", folder / "Ana/9.png"), "1 photo of Ana is not searched yet", 0),
]


@pytest.mark.parametrize(("change", "says", "new"), CHANGES)
def test_a_gallery_whose_photos_changed_is_brought_up_to_date(
    trained: Artifacts,
    photos: Path,
    embedded: list[int],
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path], object],
    says: str,
    new: int,
) -> None:
    caplog.set_level("INFO")
    built = opened(trained, photos)
    change(photos)
    embedded.clear()
    assert outdated(built, CacheConfig()) == says
    now = opened(trained)
    assert f"The photos changed since the index was built: {says}. Bringing it up to date." in caplog.text
    assert sum(embedded) == new and outdated(now, CacheConfig()) == ""
    on_disk = sorted(path.relative_to(photos).as_posix() for path in photos.rglob("*.png"))
    assert sorted(now.table["path"]) == on_disk
    caplog.clear()
    pd.testing.assert_frame_equal(opened(trained).table, now.table)
    assert caplog.text == ""


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: None,
        lambda folder: os.utime(folder / "Ana/0.png", (1e9, 1e9)),  # copied back from a backup
        lambda folder: (folder / "Ana/.DS_Store").write_text("x"),
        lambda folder: (folder / "Ana/notes.txt").write_text("x"),
    ],
)
def test_the_same_photos_are_no_change(
    trained: Artifacts,
    photos: Path,
    embedded: list[int],
    caplog: pytest.LogCaptureFixture,
    change: Callable[[Path], object],
) -> None:
    built = opened(trained, photos)
    change(photos)
    embedded.clear()
    caplog.set_level("INFO")
    caplog.clear()
    pd.testing.assert_frame_equal(opened(trained).table, built.table)
    assert embedded == [] and caplog.text == "" and outdated(built, CacheConfig()) == ""


@pytest.mark.parametrize("added", ["a row", "a photo that was missing", "another name"])
def test_the_photos_of_a_table_are_watched_too(
    trained: Artifacts, photos: Path, caplog: pytest.LogCaptureFixture, added: str
) -> None:
    caplog.set_level("INFO")
    rows = "image_id,identity,path\n1,Ana,Ana/0.png\n2,Bo,Ana/1.png\n3,Cy,Ana/later.png\n"
    (photos / "table.csv").write_text(rows)
    assert opened(trained, photos / "table.csv").table["identity"].tolist() == ["Ana", "Bo"]
    if added == "a row":
        (photos / "table.csv").write_text(rows + "4,Dee,Ana/2.png\n")
    elif added == "another name":
        (photos / "table.csv").write_text(rows.replace("Bo", "Bob"))
    else:
        shutil.copy(photos / "Ana/2.png", photos / "Ana/later.png")
    now = opened(trained).table["identity"].tolist()
    assert now == {"a row": ["Ana", "Bo", "Dee"], "another name": ["Ana", "Bob"]}.get(added, ["Ana", "Bo", "Cy"])
    assert "Bringing it up to date." in caplog.text


def test_an_index_that_cannot_be_brought_up_to_date_says_what_is_missing(
    trained: Artifacts, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    built = opened(trained, photos)
    animal(photos, "Klara", 3)
    with locked(trained.folder, "build of the index", ".lock-index"):
        pd.testing.assert_frame_equal(opened(trained).table, built.table)
    assert "cannot be brought up to date (another build of the index is at work in" in caplog.text
    assert "3 photos of Klara are not searched yet" in caplog.text
    for folder in photos.iterdir():
        shutil.rmtree(folder)
    caplog.clear()
    pd.testing.assert_frame_equal(opened(trained).table, built.table)  # a drive that is not mounted, most likely
    assert "The photos changed since the index was built, and it cannot" in caplog.text
    photos.rmdir()
    assert outdated(built, CacheConfig()) == "their folder is gone"


def test_an_index_of_an_earlier_version_is_opened_and_compared_once(
    trained: Artifacts, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    built = opened(trained, photos)
    assert built.source is not None
    save_gallery(replace(built, source=replace(built.source, state="")), trained.folder)
    animal(photos, "Klara", 2)
    caplog.set_level("INFO")
    assert "Klara" in set(opened(trained).table["identity"]) and "2 photos of Klara" in caplog.text
    about = gallery_files(trained.folder).open()
    assert about is not None and len(about["state"]) == 64


def test_links_in_a_circle_end_and_their_photos_count(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    animal(tmp_path, "elsewhere", 1)
    (tmp_path / "data" / "Ana").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data" / "loop").symlink_to(tmp_path / "data")
    before = photos_state(tmp_path / "data", tmp_path / "data", ())
    (tmp_path / "elsewhere" / "new.png").write_bytes(b"x")
    assert photos_state(tmp_path / "data", tmp_path / "data", ()) != before


def test_what_commands_write_among_the_photos_changes_nothing(tmp_path: Path) -> None:
    animal(tmp_path, "Ana", 1)
    before = photos_state(tmp_path, tmp_path, ())
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "metrics.json").write_text("{}")
    assert photos_state(tmp_path, tmp_path, ()) == before
    animal(tmp_path, "Eva", 1)
    assert photos_state(tmp_path, tmp_path, ()) != before


def test_many_animals_are_counted() -> None:
    names = ["A", "A", "B", "C", "D", "E", "E"]
    table = pd.DataFrame({"identity": names, "path": list("1234567"), "bbox": None, "sha256": ""})
    text = "2 photos of A, 2 photos of E, 1 photo of B, 2 photos of 2 other animals are not searched yet"
    assert changes(table[:0], table) == text and changes(table, table) == ""
