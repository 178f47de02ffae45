"""access_dataset.py: as a user runs it, and its main."""

import errno
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from tests.helpers import layouts
from tests.helpers.blobs import run_script
from tests.helpers.label_files import unpack, write
from tests.helpers.marked import save_marked
from tests.helpers.packing import make_archive
from wildtrack.access import sources
from wildtrack.access.catalogue import problem_table
from wildtrack.access.exports import huggingface
from wildtrack.access.readers.load import load_catalogue
from wildtrack.commands import access as access_module
from wildtrack.commands.access import Config, access
from wildtrack.errors import UserError


@pytest.fixture
def gzgc(tmp_path: Path) -> Path:
    return unpack(tmp_path / "my copy größe", layouts.small_wildme("gzgc", 2020))


def test_no_network_then_by_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    config, archive = Config("nyala", cache=tmp_path), tmp_path / "downloads/wildlife_reidentification-main.zip"
    by_hand = f"By hand: download {sources.nyala.url}, save it as {archive}, and run the same command again"
    with pytest.raises(UserError, match=re.escape(by_hand)):
        access(config)
    archive.parent.mkdir(exist_ok=True)
    make_archive(archive, layouts.wildlife_reidentification())
    access(config)
    saved = next((tmp_path / "datasets").rglob("catalogue.csv"))
    assert saved.parent.name == "Nyala_Data_Zero"
    assert f'python train_classifier_reid.py --data "{saved}"' in capsys.readouterr().err
    assert load_catalogue(saved).table["identity"].tolist() == ["1", "1", "100"]


def test_the_list(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    access(Config())
    shown = capsys.readouterr().out
    for card in sources.cards():
        assert all(cell in shown for cell in (card.slug, f"{card.photos:,}", f"{card.identities:,}", card.licence))
    assert "…" not in shown and max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", [None, "gzgc"])
def test_a_copy_on_disk(gzgc: Path, name: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        access(Config(name, root=gzgc))
    said = "the Wild Me file instances_train2020.json: 2 photos with 3 animals of 2 identities (1 animal unlabelled)"
    assert said in capsys.readouterr().err
    first, second = (load_catalogue(data).table for data in (gzgc, gzgc / "catalogue.csv"))
    assert first.astype(object).equals(second.astype(object))
    assert first["bbox"][0] == (1.5, 2.0, 20.0, 10.0)
    assert (gzgc / "problems.csv").read_text() == "path,reason\n"


def detect(target: Path, found: dict[str, list[tuple[str, float, list[float]]]]) -> None:
    """Write MegaDetector's JSON: file -> category, confidence and box of each detection."""
    keys = ("category", "conf", "bbox")
    images = [
        {"file": name, "detections": [dict(zip(keys, one, strict=True)) for one in boxes]}
        for name, boxes in found.items()
    ]
    write(target, {"detection_categories": {"1": "animal", "2": "person"}, "images": images})


@pytest.fixture
def animals(tmp_path: Path) -> Path:
    """A folder per identity, and boxes for it in d.json."""
    names = ("Ana/1.jpg", "Blå/2.jpg")
    for name in names:
        save_marked(tmp_path / "ids" / name)
    detect(tmp_path / "d.json", {name: [("1", 1, [0.5, 0.5, 0.5, 0.5])] for name in names})
    return tmp_path / "ids"


def test_again_reads_the_photos_and_not_what_was_made_of_them(
    animals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    access(Config(root=animals))
    access(Config(root=animals, boxes=tmp_path / "d.json"))
    assert load_catalogue(animals).table["bbox"].tolist() == [(40, 30, 40, 30)] * 2
    save_marked(animals / "Ana/3.jpg")
    access(Config(root=animals))
    assert len(load_catalogue(animals).table) == 3 and "bbox" not in load_catalogue(animals).table
    assert "the table" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["catalogue.csv", "problems.csv"])
@pytest.mark.parametrize("content", ["object;shelf\nvase;3\n", "gr\xf6\xdfe", ""])
def test_files_of_the_user_are_not_overwritten(gzgc: Path, name: str, content: str) -> None:
    (gzgc / name).write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=f"{name} is there already, and is not as WildTrack wrote it; rename it or"):
        access(Config(root=gzgc))
    assert (gzgc / name).read_text(encoding="latin-1") == content
    assert not {"catalogue.csv", "problems.csv"} - {name} & {path.name for path in gzgc.iterdir()}


def test_a_catalogue_that_was_edited_is_the_users(animals: Path, tmp_path: Path) -> None:
    access(Config(root=animals))
    edited = (animals / "catalogue.csv").read_text(encoding="utf-8").replace("Ana,", "Anna,")
    (animals / "catalogue.csv").write_text(edited, encoding="utf-8")
    access(Config(root=animals, crop=tmp_path / "crops"))  # read, and left as it is
    before = (tmp_path / "crops/catalogue.csv").read_bytes()
    access(Config(root=tmp_path / "crops", export=("csv",), to=tmp_path / "out"))  # crops are a dataset of their own
    assert (tmp_path / "crops/catalogue.csv").read_bytes() == before
    assert load_catalogue(tmp_path / "crops").table["identity"].tolist() == ["Anna", "Blå"]
    with pytest.raises(UserError, match=r"catalogue\.csv is there already"):
        access(Config(root=animals, boxes=tmp_path / "d.json"))
    assert (animals / "catalogue.csv").read_text(encoding="utf-8") == edited


def test_exports_take_the_catalogue_that_is_there(
    animals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    access(Config(root=animals, boxes=tmp_path / "d.json", unlabelled=True))
    kept = {path.name: path.read_bytes() for path in animals.iterdir() if path.is_file()}
    (animals / "problems.csv").write_text("path,reason\nempty.jpg,no animal\n")  # stays: nothing new is known
    access(Config(root=animals, crop=tmp_path / "crops", export=("csv", "camtrapdp"), to=tmp_path / "out"))
    assert load_catalogue(tmp_path / "crops").table["width"].tolist() == [40, 40]
    assert (animals / "catalogue.csv").read_bytes() == kept["catalogue.csv"]
    assert "empty.jpg" in (animals / "problems.csv").read_text()
    assert "the table catalogue.csv: 2 photos" in capsys.readouterr().err
    (animals / "problems.csv").write_bytes(kept["problems.csv"])
    (animals / "Ana/1.jpg").unlink()
    access(Config(root=animals, export=("csv",), to=tmp_path / "again"))
    assert len(load_catalogue(animals).table) == 1 and "Ana/1.jpg" in (animals / "problems.csv").read_text()


def test_nothing_is_written_when_something_cannot_be(animals: Path, tmp_path: Path) -> None:
    for path in animals.rglob("*.jpg"):
        path.write_bytes(layouts.photo(1))  # no EXIF, so no date
    config = Config(root=animals, crop=tmp_path / "crops", export=("csv", "camtrapdp"), to=tmp_path / "out")
    with pytest.raises(UserError, match=r"--export camtrapdp: none of the 2 rows has a date"):
        access(config)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.json", "ids"]
    assert not (animals / "catalogue.csv").exists()
    (tmp_path / "out/csv").mkdir(parents=True)
    (tmp_path / "out/csv/catalogue.csv").touch()
    with pytest.raises(UserError, match="out/csv is there already"):
        access(replace(config, export=("csv",)))
    assert not (tmp_path / "crops").exists()


def test_other_data_under_the_name(animals: Path) -> None:
    with pytest.raises(UserError, match=r"ids does not look like gzgc, which has .* or leave gzgc out"):
        access(Config("gzgc", root=animals))
    assert not (animals / "catalogue.csv").exists()


def test_unlabelled_never_overwrites_labels(animals: Path, tmp_path: Path) -> None:
    access(Config(root=animals))
    with pytest.raises(UserError, match=r"catalogue\.csv names animals, and would lose them; rename it or remove it"):
        access(Config(root=animals, boxes=tmp_path / "d.json", unlabelled=True))
    assert load_catalogue(animals).table["identity"].tolist() == ["Ana", "Blå"]


def test_options_reach_the_reader(tmp_path: Path) -> None:
    unpack(tmp_path, layouts.seaturtleid2022())
    access(Config("seaturtleid2022", root=tmp_path, split_column="split_open", part="flipper"))
    table = load_catalogue(tmp_path / "catalogue.csv").table
    assert table["orientation"].tolist() == ["front_left", "front_right"]
    assert table["species"].tolist() == ["Caretta caretta"] * 2


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS, errno.ENOSPC])
def test_a_catalogue_that_cannot_be_written(gzgc: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(table: object, target: Path) -> None:
        raise OSError(code, "the reason")

    monkeypatch.setattr("wildtrack.access.save.write_table", refuse)
    full = code == errno.ENOSPC
    with pytest.raises(OSError if full else UserError, match="reason" if full else "cannot be written to, .* --root"):
        access(Config(root=gzgc))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (Config("zebra"), "dataset 'zebra' is not known; known are"),
        (Config("SeaTurtle ID 2022"), "is not known; did you mean seaturtleid2022"),
        (Config("gzgc", root=Path("nowhere")), "--root nowhere is no folder"),
        (Config("gzgc", unlabelled=True, boxes=Path("d.json")), "--unlabelled needs --root"),
        (Config(root=Path(), unlabelled=True, boxes=Path("d.json"), split_column="s"), "leave --split-column and"),
        (Config(export=("csv",)), r"--export has no effect without a dataset; add its NAME .*, or --root and the"),
        (Config("gzgc", push_to="me/zebras"), "--push-to me/zebras needs --export huggingface"),
    ],
)
def test_what_is_refused(config: Config, message: str) -> None:
    with pytest.raises(UserError, match=message):
        access(config)


@pytest.fixture
def traps(tmp_path: Path) -> Path:
    """Photos of a camera trap, GPS-tagged, and MegaDetector's boxes for them."""
    root = tmp_path / "traps größe"
    for name in ("north/A/1.JPG", "north/A/2.jpg", "süd/1.jpg"):
        save_marked(root / name, orientation=6)
    box = [0, 0, 0.5, 0.5]
    found = {
        "north/A/1.JPG": [("1", 0.9, box), ("1", 0.3, box)],
        "north/A/2.jpg": [("2", 0.9, box)],
        "süd/1.jpg": [("1", 0.1, box)],
    }
    detect(tmp_path / "detections.json", found)
    return root


def test_from_camera_traps_to_crops(traps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    boxes, crops = tmp_path / "detections.json", tmp_path / "animals"
    access(Config(root=traps, boxes=boxes, unlabelled=True, crop=crops))
    assert load_catalogue(traps / "catalogue.csv").table["bbox"].tolist() == [(0, 0, 30, 40)] * 2
    table = load_catalogue(crops / "catalogue.csv").table
    assert table["path"].tolist() == ["north_A_1.jpg", "north_A_1_2.jpg"] and table["photo_id"].nunique() == 1
    assert "latitude" in load_catalogue(traps / "catalogue.csv").table and "latitude" not in table
    said = capsys.readouterr().err
    assert f"Cropped 2 of 2 animals into {crops}." in said
    assert f'With a model trained on animals you know: python search.py "{crops}". Without one yet, write' in said
    access(Config(root=traps, boxes=boxes, unlabelled=True, min_confidence=0.5))
    assert "python search.py" not in capsys.readouterr().err  # which would compare whole scenes
    assert len(load_catalogue(traps / "catalogue.csv").table) == 1


def test_the_command_that_crops_after_an_export(
    traps: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    boxes, out = tmp_path / "detections.json", tmp_path / "out"
    access(Config(root=traps, boxes=boxes, unlabelled=True, min_confidence=0.5, export=("csv",), to=out))
    command = re.search(
        r'What next\? python (access_dataset\.py --root ".*" --crop NEW_FOLDER)', capsys.readouterr().err
    )
    assert command is not None
    run_script(*shlex.split(command[1]), cwd=tmp_path)
    assert len(load_catalogue(tmp_path / "NEW_FOLDER").table) == 1


def test_camera_folders_are_not_taken_for_animals(traps: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"level too deep; .* cameras or days, not animals\? add --unlabelled"):
        access(Config(root=traps, boxes=tmp_path / "detections.json"))


def test_unsorted_photos_become_a_table_to_name_animals_in(traps: Path) -> None:
    access(Config(root=traps, unlabelled=True))
    assert set(load_catalogue(traps / "catalogue.csv").table["identity"]) == {"unknown"}
    (traps / "catalogue.csv").unlink()


def test_boxes_for_known_animals(animals: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    access(Config(root=animals, boxes=tmp_path / "d.json", crop=tmp_path / "crops", positions=True))
    row = load_catalogue(tmp_path / "crops/catalogue.csv").table.iloc[0]
    assert (row["identity"], row["width"], row["height"]) == ("Ana", 40, 30) and round(row["latitude"]) == -25
    assert f'train_classifier_reid.py --data "{tmp_path / "crops/catalogue.csv"}"' in capsys.readouterr().err


def test_exports(gzgc: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for path in (gzgc / "gzgc.coco/images/train2020").iterdir():
        save_marked(path)  # 80 x 60 pixels
    labels = gzgc / "gzgc.coco/annotations/instances_train2020.json"
    labels.write_text(labels.read_text().replace('"height": 2000, "width": 3000', '"height": 60, "width": 80'))
    to = tmp_path / "out å"
    access(Config("gzgc", root=gzgc, export=("csv", "camtrapdp", "csv"), to=to))
    assert {path.name for path in to.iterdir()} == {"camtrapdp", "camtrapdp_problems.csv", "csv", "csv_problems.csv"}
    kept, shared = ((folder / "catalogue.csv").read_text(encoding="utf-8") for folder in (gzgc, to / "csv"))
    assert "-1.351341" in kept and "latitude" in kept
    assert "-1.351341" not in shared and "latitude" not in shared and "NNP_GIRM_0140" in shared
    assert "Exported" in capsys.readouterr().err
    with pytest.raises(UserError, match="is there already"):
        access(Config("gzgc", root=gzgc, export=("csv",), to=to))
    access(Config("gzgc", root=gzgc, export=("csv",), to=tmp_path / "again", positions=True))
    assert (tmp_path / "again/csv/catalogue.csv").read_text(encoding="utf-8") == kept


def test_publishing_is_refused_before_anything_is_made(gzgc: Path, tmp_path: Path) -> None:
    config = Config("gzgc", root=gzgc, export=("huggingface",), to=tmp_path / "out", push_to="me/zebras")
    with pytest.raises(UserError, match=r"licence 'http://creativecommons\.org/licenses/by-nc-nd/2.0/' does not"):
        access(config)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("force", [True, False])
def test_what_is_exported_is_uploaded(gzgc: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, force: bool) -> None:
    done: list[tuple[object, ...]] = []

    def record_export(form: str, *_: object) -> tuple[str, pd.DataFrame]:
        done.append((form,))
        return "it", problem_table([])

    def record_push(*given: object) -> str:
        done.append(given)
        return "there"

    monkeypatch.setattr(access_module, "export", record_export)
    monkeypatch.setattr(huggingface, "check", lambda catalogue, card: None)  # `datasets` may not be installed here
    monkeypatch.setattr(huggingface, "push", record_push)
    monkeypatch.setattr(huggingface, "allows_copies", lambda licence: not force)
    access(Config("gzgc", root=gzgc, export=("huggingface",), to=tmp_path / "out", push_to="me/zebras", force=force))
    assert done == [("huggingface",), (tmp_path / "out/huggingface", "me/zebras", sources.load("gzgc"), force)]


@pytest.mark.parametrize("setting", ["crop", "to"])
def test_the_dataset_is_no_place_for_what_is_made_of_it(gzgc: Path, setting: str) -> None:
    with pytest.raises(UserError, match=f"--{setting} .* is inside the dataset"):
        access(Config(root=gzgc, export=("csv",), **{setting: gzgc / "new"}))  # type: ignore[arg-type]
