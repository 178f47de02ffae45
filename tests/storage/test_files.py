import hashlib
import io
import os
from pathlib import Path

import pandas as pd
import pytest

from wildtrack.errors import UserError
from wildtrack.storage.files import fsync, new_folder, remove_files, sha256, write_atomically, write_csv, write_text


@pytest.mark.parametrize("content", [b"", b"a", b"x" * 3_000_000])
def test_sha256_of_a_file_and_of_a_whole_stream(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    stream = io.BytesIO(content)
    stream.seek(1)
    assert sha256(tmp_path / "file") == sha256(stream) == hashlib.sha256(content).hexdigest()


def test_remove_files(tmp_path: Path) -> None:
    for name in ("a_1.png", "a_2.png", "a_poster.png", "b.png", "ba_1.png", "a_1.txt", "deep/a_1.png", "a_dir.png/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    remove_files(tmp_path, r"(a_\d+|b|none|a_dir)\.png")
    assert {path.name for path in tmp_path.iterdir()} == {"a_poster.png", "ba_1.png", "a_1.txt", "deep", "a_dir.png"}
    assert (tmp_path / "deep" / "a_1.png").exists()
    remove_files(tmp_path / "missing", ".*")


@pytest.mark.parametrize("text", ["", "one\ntwo\n", "größe 🐢"])
def test_text_round_trip(tmp_path: Path, text: str) -> None:
    path, usual = tmp_path / "new folder" / "größe.txt", tmp_path / "usual"
    write_text(path, text)
    assert path.read_bytes() == text.encode() and list(path.parent.iterdir()) == [path]
    usual.write_text("")
    assert path.stat().st_mode == usual.stat().st_mode  # others may read as the umask allows
    fsync(path.parent)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def write(part: Path) -> None:
        assert part.suffix == ".txt"  # many writers choose the format by it
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, write)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", ["nothing", "folder", "link"] if os.name != "nt" else ["nothing", "folder"])
def test_a_new_folder_appears_whole(tmp_path: Path, there: str) -> None:
    target = tmp_path / "a b" / "größe"
    (target if there == "folder" else tmp_path / "real").mkdir(parents=True)
    if there == "link":
        target.parent.mkdir()
        target.symlink_to(tmp_path / "real")
    with new_folder(target) as part:
        (part / "file").write_text("x")
        assert not (target / "file").exists()
    assert [path.name for path in target.parent.iterdir()] == ["größe"]
    assert (target / "file").read_text() == "x" and target.is_symlink() == (there == "link")


def test_a_new_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "new") as part:
        (part / "file").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("full", "full is there already"),
        ("full/file", "file is there already"),
        (".", "is the folder you are in, .*; name a new folder"),
        ("full/..", "is the folder you are in"),
    ],
)
def test_a_folder_in_use_is_no_new_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").write_text("old")
    with pytest.raises(UserError, match=message), new_folder(Path(name)):
        pass
    assert list(tmp_path.rglob("*")) == [tmp_path / "full", tmp_path / "full/file"]


@pytest.mark.parametrize("cell", ["a\rb", "0\r", "a\nb", 'a"b', "a,b", " a ", "", "NA", "007"])
def test_a_table_is_read_back_value_by_value(tmp_path: Path, cell: str) -> None:
    table = pd.DataFrame({"image_id": ["1", cell], "number": [0.5, 2.0]})
    write_csv(tmp_path / "a.csv", table)
    again = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, dtype={"image_id": str})
    assert again["image_id"].tolist() == ["1", cell] and again["number"].tolist() == [0.5, 2.0]
