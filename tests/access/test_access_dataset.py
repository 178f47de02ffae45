"""access_dataset.py: as a user runs it, and its main."""

import errno
from pathlib import Path

import layouts
import pytest
from blobs import error_lines, run_script
from packing import make_archive

import access_dataset
from access_dataset import Knobs, main
from wildtrack.access import sources
from wildtrack.access.catalogue import load_catalogue
from wildtrack.errors import UserError

NO_PROXY = "http://127.0.0.1:9"


@pytest.fixture
def gzgc(tmp_path: Path) -> Path:
    root = tmp_path / "my copy größe"
    for name, content in layouts.small_wildme("gzgc", 2020).items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(content)
    return root


def test_no_network_then_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", NO_PROXY)
    process = run_script("access_dataset.py", "nyala", cwd=tmp_path)
    assert process.returncode == 2
    archive = tmp_path / "cache/downloads/wildlife_reidentification-main.zip"
    line = error_lines(process.stderr)
    assert len(line) == 1
    assert f"By hand: download {sources.nyala.URL}, save it as {archive}, and run the same command again" in line[0]

    archive.parent.mkdir(parents=True, exist_ok=True)
    make_archive(archive, layouts.wildlife_reidentification())
    process = run_script("access_dataset.py", "nyala", cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    saved = next((tmp_path / "cache/datasets").rglob("catalogue.csv"))
    assert saved.parent.name == "Nyala_Data_Zero"
    assert f'python train_classifier_reid.py --data "{saved}"' in process.stderr
    assert load_catalogue(saved).table["identity"].tolist() == ["1", "1", "100"]


def test_the_list(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    main(Knobs())
    shown = capsys.readouterr().out
    for card in sources.cards():
        assert card.slug in shown and f"{card.photos:,}" in shown and f"{card.identities:,}" in shown
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", [None, "gzgc"])
def test_a_copy_on_disk(gzgc: Path, name: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        main(Knobs(name, root=gzgc))
    assert (
        "the Wild Me file instances_train2020.json: 2 photos of 2 identities (1 unlabelled)" in capsys.readouterr().err
    )
    first, second = (load_catalogue(data).table for data in (gzgc, gzgc / "catalogue.csv"))
    assert first.astype(object).equals(second.astype(object))
    assert first["bbox"][0] == (1.5, 2.0, 20.0, 10.0)
    assert (gzgc / "problems.csv").read_text() == "path,reason\n"


def test_problems_are_listed(gzgc: Path) -> None:
    (gzgc / "gzgc.coco/images/train2020/000000000001.jpg").unlink()
    main(Knobs(root=gzgc))
    assert "000000000001.jpg,no such file" in (gzgc / "problems.csv").read_text()
    assert len(load_catalogue(gzgc / "catalogue.csv").table) == 2


def test_options_reach_the_reader(tmp_path: Path) -> None:
    for name, content in layouts.seaturtleid2022().items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    main(Knobs("seaturtleid2022", root=tmp_path, split_column="split_open", part="flipper"))
    table = load_catalogue(tmp_path / "catalogue.csv").table
    assert table["orientation"].tolist() == ["front_left", "front_right"]
    assert table["species"].tolist() == ["Caretta caretta"] * 2


def test_the_cache_is_a_knob(tmp_path: Path) -> None:
    (tmp_path / "c/downloads").mkdir(parents=True)
    make_archive(tmp_path / "c/downloads/sea-star-re-id.zip", layouts.sea_star_re_id_2023())
    main(Knobs("sea_star_re_id_2023", cache=tmp_path / "c"))
    assert (tmp_path / "c/datasets/sea-star-re-id/sea-star-re-id/catalogue.csv").is_file()


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_cannot_be_written_to(gzgc: Path, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(table: object, target: Path) -> None:
        raise OSError(code, "no", str(target))

    monkeypatch.setattr(access_dataset, "write_table", refuse)
    with pytest.raises(UserError, match=r"cannot be written to, .* name that with --root"):
        main(Knobs(root=gzgc))


def test_a_full_disk_is_told_as_it_is(gzgc: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(table: object, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(access_dataset, "write_table", refuse)
    with pytest.raises(OSError, match="No space left"):
        main(Knobs(root=gzgc))


@pytest.mark.parametrize(
    ("knobs", "message"),
    [
        (Knobs("zebra"), "dataset 'zebra' is not known; known are"),
        (Knobs(root=Path("nowhere")), "--root nowhere is no folder"),
        (Knobs("gzgc", root=Path("nowhere")), "--root nowhere is no folder"),
    ],
)
def test_what_is_refused(knobs: Knobs, message: str) -> None:
    with pytest.raises(UserError, match=message):
        main(knobs)
