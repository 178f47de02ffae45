import hashlib
import os
import stat
from pathlib import Path

import pandas as pd
import pytest

from wildtrack.errors import UserError
from wildtrack.storage.files import fsync, new_folder, remove_files, sha256, write_atomically, write_csv, write_text


@pytest.mark.parametrize("content", [b"", b"a", b"x" * 3_000_000])
def test_sha256(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert sha256(path) == hashlib.sha256(content).hexdigest()


def test_remove_files(tmp_path: Path) -> None:
    for name in ("a_1.png", "a_2.png", "b.png", "ba_1.png", "a_1.txt", "deep/a_1.png", "a_folder.png/x"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    remove_files(tmp_path, "a_*.png", "b.png", "none.png")
    assert {path.name for path in tmp_path.iterdir()} == {"ba_1.png", "a_1.txt", "deep", "a_folder.png"}
    assert (tmp_path / "deep" / "a_1.png").exists()
    remove_files(tmp_path / "missing", "*")


@pytest.mark.parametrize("text", ["", "one\ntwo\n", "größe 🐢"])
def test_text_round_trip(tmp_path: Path, text: str) -> None:
    path = tmp_path / "new folder" / "größe.txt"
    write_text(path, text)
    assert path.read_bytes() == text.encode()
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    write_text(path, "old")

    def write(part: Path) -> None:
        part.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, write)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_suffix_is_kept_for_writers_that_go_by_it(tmp_path: Path) -> None:
    seen: list[str] = []

    def write(part: Path) -> None:
        seen.append(part.suffix)
        part.touch()

    write_atomically(tmp_path / "array.npz", write)
    assert seen == [".npz"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no umask")
def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    usual, ours = tmp_path / "usual", tmp_path / "ours"
    usual.write_text("")
    write_text(ours, "")
    assert stat.S_IMODE(ours.stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_fsync_takes_files_and_folders(tmp_path: Path) -> None:
    write_text(tmp_path / "file", "x")
    fsync(tmp_path / "file")
    fsync(tmp_path)


def test_the_folder_one_stands_in_is_no_new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in (Path(), tmp_path, Path("..", tmp_path.name)):
        with pytest.raises(UserError, match=r"is the folder you are in, .*; name a new folder"), new_folder(name):
            pass


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_to_an_empty_folder_stays(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with new_folder(tmp_path / "link") as part:
        (part / "x").touch()
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real/x").is_file()


@pytest.mark.parametrize("there", [True, False])
def test_a_new_folder_appears_whole(tmp_path: Path, there: bool) -> None:
    target = tmp_path / "a b" / "größe"
    if there:
        target.mkdir(parents=True)
    with new_folder(target) as part:
        (part / "file").write_text("x")
        assert not (target / "file").exists()
    assert [path.name for path in target.parent.iterdir()] == ["größe"]
    assert (target / "file").read_text() == "x"


def test_a_new_folder_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), new_folder(tmp_path / "new") as part:
        (part / "file").write_text("x")
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_a_new_folder_overwrites_nothing(tmp_path: Path, kind: str) -> None:
    taken = tmp_path / "taken"
    if kind == "folder":
        taken.mkdir()
        (taken / "mine").write_text("old")
    else:
        taken.write_text("old")
    with pytest.raises(UserError, match="taken is there already"), new_folder(taken):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


@pytest.mark.parametrize("cell", ["a\rb", "0\r", "a\nb", 'a"b', "a,b", " a ", "", "NA", "007"])
def test_a_table_is_read_back_cell_by_cell(tmp_path: Path, cell: str) -> None:
    table = pd.DataFrame({"image_id": ["1", cell], "number": [0.5, 2.0]})
    write_csv(tmp_path / "a.csv", table)
    again = pd.read_csv(tmp_path / "a.csv", keep_default_na=False, dtype={"image_id": str})
    assert again["image_id"].tolist() == ["1", cell]
    assert again["number"].tolist() == [0.5, 2.0]
