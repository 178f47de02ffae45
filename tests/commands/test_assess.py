"""The command assess, on drawn photos, some of them with planted faults."""

import html
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.planted.everything import FINDINGS, write_everything
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.readers.load import load_catalogue
from wildtrack.access.reading import ReadConfig
from wildtrack.assess.quality.flags import Thresholds
from wildtrack.commands.assess import Config
from wildtrack.commands.assess import assess as run
from wildtrack.errors import UserError
from wildtrack.visualization.catalogue_sections import CHARTS

FAULTS = ("blurry", "dark", "turned", "corrupt", "copied", "swapped")
EACH = 4  # photos a fault


@pytest.fixture(scope="module", autouse=True)
def _no_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Where artifacts/ has none, whatever a developer has trained."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("here"))
        yield


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    """Turtles in folders of their own, and the planted faults: fault -> image_ids."""
    drawn = tmp_path_factory.mktemp("drawn")
    make_demo(drawn / "turtles", drawn / "new", identities=8, encounters=6)
    root = tmp_path_factory.mktemp("größe 1") / "turtles"
    shutil.copytree(drawn / "turtles", root)
    (root / "metadata.csv").unlink()
    paths = np.random.default_rng(0).permutation(sorted(root.glob("*/*.jpg")))
    planted: dict[str, set[str]] = {}
    for number, fault in enumerate(FAULTS):
        chosen = [Path(path) for path in paths[number * EACH : (number + 1) * EACH]]
        planted[fault] = {plant(fault, path).relative_to(root).as_posix() for path in chosen}
    return root, planted


def plant(fault: str, path: Path) -> Path:
    """Spoil a photo; the path it is found under."""
    photo = np.asarray(Image.open(path).convert("RGB"))
    if fault == "blurry":
        Image.fromarray(cv2.GaussianBlur(photo, (0, 0), 8)).save(path, quality=95)
    elif fault == "dark":
        Image.fromarray((photo * 0.05).astype(np.uint8)).save(path, quality=95)
    elif fault == "turned":
        Image.fromarray(np.rot90(photo).copy()).save(path, quality=95)
    elif fault == "corrupt":
        path.write_bytes(path.read_bytes()[:900])
    elif fault == "copied":
        Image.fromarray(photo).resize((200, 150)).save(path.with_name(f"copy of {path.name}"), quality=70)
    else:  # a copy in the folder of the next animal
        folders = sorted(path.parent.parent.glob("ID_*"))
        other = folders[(folders.index(path.parent) + 1) % len(folders)]
        shutil.copy(path, other / f"from {path.parent.name} {path.name}")
    return path


@pytest.mark.slow
def test_planted_faults_are_found(faulty: tuple[Path, dict[str, set[str]]], tmp_path: Path) -> None:
    (root, planted), results = faulty, tmp_path / "assess"
    run(Config(root, results, remove_duplicates=True, save_split=True))
    quality = pd.read_csv(results / "quality.csv", keep_default_na=False)
    for fault, precision, recall in (("blurry", 0.25, 1.0), ("dark", 1.0, 1.0), ("turned", 0.8, 0.75)):
        found = set(quality["image_id"][quality["issues"].str.split("; ").map(lambda issues: fault in issues)])  # noqa: B023
        both = len(found & planted[fault])
        assert both >= precision * len(found) and both >= recall * len(planted[fault]), found ^ planted[fault]
    duplicates = pd.read_csv(results / "duplicates.csv")
    for fault, flag in (("copied", "within_identity"), ("swapped", "across_identities")):
        names = duplicates["image_id"][duplicates[flag]]
        assert {name for name in names if "copy of" not in name and "/from " not in name} == planted[fault]
    removed, cleaned = pd.read_csv(results / "removed.csv"), load_catalogue(root / "cleaned.csv").table
    copies = removed["path"][removed["reason"] != "cannot be read"]
    assert len(copies) == EACH and all("copy of" in path for path in copies)
    assert (
        set(removed["path"]) - set(copies) == planted["corrupt"] == set(pd.read_csv(results / "problems.csv")["path"])
    )
    assert planted["copied"] <= set(cleaned["path"]) and not set(removed["path"]) & set(cleaned["path"])
    assert all((root / path).is_file() for path in removed["path"])
    for split in (load_catalogue(root / "split.csv").table, pd.read_csv(results / "split.csv")):
        assert set(split["split"]) == {"train", "valid", "test"}
    page = (results / "report.html").read_text(encoding="utf-8")
    assert "Photos with a copy that has another name" in page and "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:|#)', page) == []
    assert json.loads((results / "statistics.json").read_text(encoding="utf-8"))["identities"] == 8
    assert {"photos_per_identity.png", "photo_sizes.png"} <= {path.name for path in results.iterdir()}


def test_a_report_shows_what_is_wrong_with_a_catalogue_and_the_flag_that_mends_it(tmp_path: Path) -> None:
    run(Config(data=write_everything(tmp_path / "seals"), results=tmp_path / "report"))
    page = html.unescape((tmp_path / "report/report.html").read_text("utf-8"))
    items = [re.sub("<[^>]+>", "", item) for item in re.findall(r"<(?:p|li|td)[ >].*?</(?:p|li|td)>", page, re.DOTALL)]
    for words, advice in FINDINGS.items():
        found = [item for item in items if words.casefold() in item.casefold()]
        assert found and all(advice in item for item in found), words
    flags = ReadConfig(spellings="merge", animals=("1", "NA"), nobody=("unknown_1", "____", "unidentified"))
    mended = load_catalogue(tmp_path / "seals/seals.csv", config=flags)
    assert not mended.doubts and {"1", "NA"} <= set(mended.table["identity"])


def test_copies_that_go_and_that_a_person_must_judge_are_counted(
    tmp_path: Path, photo_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = shutil.copytree(photo_folder, tmp_path / "photos")
    for name in ("Ana/copy.png", "Blå/copy.png"):
        shutil.copy(root / "Ana/0.png", root / name)
    shutil.copy(root / "C $1/0.png", root / "C $1/copy.png")
    (root / "Blå/bad.png").write_bytes(b"bad")
    run(Config(root, tmp_path / "r", remove_duplicates=True))
    said = capsys.readouterr().err
    assert "Copies left out: 1; unreadable photos left out: 1;" in said
    assert "a copy bears another name: 3." in said
    assert {"Ana/copy.png", "Blå/copy.png"} <= set(load_catalogue(root / "cleaned.csv").table["path"])


def unnamed(photo_folder: Path, folder: Path) -> Path:
    """The photos with a CSV that names nobody."""
    shutil.copytree(photo_folder, folder / "photos")
    paths = sorted(path.relative_to(folder).as_posix() for path in (folder / "photos").rglob("*.png"))
    table = pd.DataFrame({"image_id": paths, "identity": "unknown", "path": paths, "date": "2024-05-01"})
    table.to_csv(folder / "catalogue.csv", index=False)
    return folder / "catalogue.csv"


def test_without_named_animals_nothing_needs_names(
    tmp_path: Path, photo_folder: Path, saved_artifacts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(Config(unnamed(photo_folder, tmp_path), tmp_path / "results", saved_artifacts))
    page, said = (tmp_path / "results/report.html").read_text(encoding="utf-8"), capsys.readouterr().err
    assert "No animal is named yet: all are" in said
    for text in ("there is nothing to split", "have no name", "there are no names to check"):
        assert text in page
    for wrong in ("No photo has a date", "met twice or more", "encounter_hours", "0 train", "--save-split"):
        assert wrong not in page + said


@pytest.mark.parametrize("remove_duplicates", [False, True])
def test_rows_left_out_of_the_saved_split_are_counted(
    tmp_path: Path, photo_folder: Path, capsys: pytest.CaptureFixture[str], remove_duplicates: bool
) -> None:
    catalogue = unnamed(photo_folder, tmp_path)
    table = pd.read_csv(catalogue, dtype=str)
    shutil.copy(tmp_path / table["path"][0], tmp_path / "photos/Ana/copy of it.png")
    (tmp_path / "photos/Ana/torn.png").write_bytes(b"torn")
    names = [path.split("/")[1] if number > 1 else "unknown" for number, path in enumerate(table["path"])]
    paths = [*table["path"], "photos/Ana/copy of it.png", "photos/Ana/torn.png"]
    named = pd.DataFrame({"image_id": paths, "identity": ["Ana", *names[1:], "Ana", "Ana"], "path": paths})
    named.to_csv(catalogue, index=False)
    run(Config(catalogue, tmp_path / "r", save_split=True, remove_duplicates=remove_duplicates))
    left = f"with {12 - remove_duplicates} rows. Rows left out: 1 of unnamed animals, 1 with unreadable photos, "
    left += "1 of copies." if remove_duplicates else "0 of copies (--remove-duplicates)."
    assert left in capsys.readouterr().err
    split = load_catalogue(tmp_path / "split.csv").table
    assert len(split) == 12 - remove_duplicates
    assert ("photos/Ana/copy of it.png" in set(split["path"])) is not remove_duplicates
    page = (tmp_path / "r/report.html").read_text(encoding="utf-8")
    assert "photos that cannot be read, and are not counted below: 1" in page


def test_labels_are_audited_with_a_model_that_can_be_used(
    tmp_path: Path, photo_folder: Path, artifacts: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(Config(photo_folder, tmp_path / "r", artifacts=artifacts))
    page = (tmp_path / "r/report.html").read_text(encoding="utf-8")
    assert "The model can be trusted that far" in page
    assert page.count("trained on none of the 12 photos here") == 2  # a finding, and the section
    tables = {f"suspicious_{name}.csv" for name in ("photos", "pairs", "identities")}
    assert {path.name for path in (tmp_path / "r").glob("suspicious_*")} == tables
    (artifacts / "model.onnx").write_bytes(b"junk")  # costs the audit and nothing else
    run(Config(photo_folder, tmp_path / "r", artifacts=artifacts))
    assert "No label audit" in caplog.text and not list((tmp_path / "r").glob("suspicious_*"))


def test_pictures_of_an_earlier_report_go_and_others_stay(tmp_path: Path, photo_folder: Path) -> None:
    for name in ("quality_dark.png", "mine.png", "statistics.json"):
        (tmp_path / name).write_bytes(b"")
    run(Config(photo_folder, tmp_path))
    assert (tmp_path / "mine.png").exists() and not (tmp_path / "quality_dark.png").exists()
    pictures = {path.name for path in tmp_path.glob("*.png")} - {"mine.png"}
    assert all(re.fullmatch(CHARTS, name) for name in pictures)


@pytest.mark.parametrize(("inside", "message"), [(True, "is inside the dataset"), (False, "holds files that are not")])
def test_a_report_never_mixes_with_other_files(tmp_path: Path, photo_folder: Path, inside: bool, message: str) -> None:
    root = shutil.copytree(photo_folder, tmp_path / "photos")
    results = next(root.iterdir()) if inside else tmp_path / "mine"
    results.mkdir(exist_ok=True)
    (results / "quality_mine.png").write_bytes(b"mine")
    with pytest.raises(UserError, match=message):
        run(Config(root, results))
    assert (results / "quality_mine.png").read_bytes() == b"mine"


def test_only_what_assess_wrote_itself_is_written_again(tmp_path: Path, photo_folder: Path) -> None:
    root = shutil.copytree(photo_folder, tmp_path / "photos")
    shutil.copy(root / "Ana/0.png", root / "Ana/copy.png")
    config = Config(root, tmp_path / "r", remove_duplicates=True, save_split=True)
    for name in ("cleaned.csv", "split.csv"):
        (root / name).write_text("mine")
        with pytest.raises(UserError, match="rename it or remove it"):
            run(config)
        assert (root / name).read_text() == "mine"
        (root / name).unlink()
    for _ in range(2):
        run(config)
    written = [root / "cleaned.csv", root / "split.csv", *(tmp_path / "r").glob("*.csv")]
    before = [path.read_bytes() for path in written]
    for path in written[:2]:
        assert load_catalogue(path).table["identity"].nunique() == 3
        with pytest.raises(UserError, match="is the file that would be written"):
            run(replace(config, data=path))
    assert [path.read_bytes() for path in written] == before


def test_any_column_can_be_the_split(tmp_path: Path, photo_folder: Path) -> None:
    shutil.copytree(photo_folder, tmp_path / "photos")
    paths = sorted(path.relative_to(tmp_path).as_posix() for path in (tmp_path / "photos").rglob("*.png"))
    subsets = ["train", "train", "test", "test"] * 3
    names = [path.split("/")[1] for path in paths]
    columns = {"image_id": paths, "identity": names, "path": paths, "split": ["train"] * 12, "split_open": subsets}
    pd.DataFrame(columns).to_csv(tmp_path / "catalogue.csv", index=False)
    counts = []
    for column in (None, "split_open"):
        run(Config(tmp_path / "catalogue.csv", tmp_path / "r", split_column=column))
        counts.append(json.loads((tmp_path / "r/statistics.json").read_text())["leakage"]["photos"]["test"])
    assert counts == [0, 6]
    with pytest.raises(UserError, match="there is no column 'split_closed'; there are image_id"):
        run(Config(tmp_path / "catalogue.csv", tmp_path / "r", split_column="split_closed"))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config(Path("nowhere")), "nowhere"),
        (Config(artifacts=Path("nowhere")), "--artifacts .*nowhere holds no trained model; name a folder"),
        (Config(artifacts=Path("empty")), "--artifacts .*empty holds no trained model; name a folder"),
        (Config(save_split=True), r"--save-split wrote no split\.csv: nobody is named yet"),
        (Config(thresholds=Thresholds(dark=5)), "--thresholds.dark 5 is not allowed; it must be between 0 and 1"),
    ],
    ids=str,
)
def test_what_is_refused(
    tmp_path: Path, photo_folder: Path, monkeypatch: pytest.MonkeyPatch, config: Config, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    data = config.data if config.data == Path("nowhere") else unnamed(photo_folder, tmp_path)
    with pytest.raises(UserError, match=message):
        run(replace(config, data=data))
    assert not (tmp_path / "split.csv").exists()
