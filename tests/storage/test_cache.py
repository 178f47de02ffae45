import os
from pathlib import Path

import pytest

from wildtrack.storage.cache import ABANDONED_SECONDS, Cache, default_cache

KB = 1e-6  # in GB


def put(folder: Path, name: str, age: float, size: int = 1000) -> Path:
    """A file that was last used so many seconds ago."""
    path = folder / name
    path.write_bytes(bytes(size))
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("limit", "left"),
    [(0, ["new"]), (2.5, ["b", "new"]), (3.0, ["a", "b", "new"]), (99, ["a", "b", "new"])],
)
def test_the_least_recently_used_go(tmp_path: Path, limit: float, left: list[str]) -> None:
    put(tmp_path, "a.npz", age=20)
    put(tmp_path, "b.npz", age=10)
    put(tmp_path, "new.npz", age=0)
    Cache(tmp_path, ".npz", limit * KB).trim(keep="new")
    assert names(tmp_path) == [f"{name}.npz" for name in left]


def test_the_newest_stays_even_if_it_looks_old(tmp_path: Path) -> None:
    put(tmp_path, "a.npz", age=0)
    put(tmp_path, "new.npz", age=99)
    Cache(tmp_path, ".npz", 0).trim(keep="new")
    assert names(tmp_path) == ["new.npz"]


def test_companions_go_and_files_of_other_kinds_stay(tmp_path: Path) -> None:
    for name in ("a.npy", "a.json", "b.json", "readme.txt"):
        put(tmp_path, name, age=9)
    put(tmp_path, "new.npy", age=0)
    Cache(tmp_path, ".npy", 0).trim(keep="new")
    assert names(tmp_path) == ["b.json", "new.npy", "readme.txt"]


@pytest.mark.parametrize(("age", "left"), [(ABANDONED_SECONDS + 60, 1), (0, 2)])
def test_what_a_killed_process_left_goes_once_it_is_old(tmp_path: Path, age: float, left: int) -> None:
    put(tmp_path, ".part-1.npz", age)
    put(tmp_path, "new.npz", age=0)
    Cache(tmp_path, ".npz", 0).trim(keep="new")
    assert len(names(tmp_path)) == left


def read(entry: Path) -> str:
    text = entry.read_text("utf-8")
    if text.startswith("bad"):
        raise ValueError("it is bad")
    return text


def test_what_was_put_is_found(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(tmp_path / "kind", ".txt", 1.0)
    assert cache.get("k", read) is None
    for text in ("one", "two"):
        assert cache.put("k", lambda part, text=text: part.write_text(text)) == tmp_path / "kind" / "k.txt"  # type: ignore[misc]
        assert cache.get("k", read) == text
    assert cache.get("other", read) is None
    assert not caplog.text


def test_what_is_found_counts_as_used(tmp_path: Path) -> None:
    old, unused = put(tmp_path, "old.txt", age=99), put(tmp_path, "unused.txt", age=9)
    cache = Cache(tmp_path, ".txt", KB)
    cache.get("old", read)
    cache.trim()
    assert old.exists()
    assert not unused.exists()


def test_a_damaged_entry_is_told_and_counts_as_missing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(tmp_path, ".txt", 1.0)
    cache.put("k", lambda part: part.write_text("bad"))
    assert cache.get("k", read) is None
    assert "k.txt is damaged and is made anew (it is bad)" in caplog.text


def test_an_entry_is_put_whole_or_not_at_all(tmp_path: Path) -> None:
    cache = Cache(tmp_path, ".txt", 1.0)
    cache.put("k", lambda part: part.write_text("old"))

    def fail(part: Path) -> None:
        part.write_text("half")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        cache.put("k", fail)
    assert cache.get("k", read) == "old"
    assert names(tmp_path) == ["k.txt"]


def test_nothing_to_trim(tmp_path: Path) -> None:
    Cache(tmp_path / "nowhere", ".txt", 0).trim()


@pytest.mark.parametrize(
    ("chosen", "system", "expected"),
    [
        ("/my cache", "/system", "/my cache"),
        (None, "/system", "/system/wildtrack"),
        ("", "/system", "/system/wildtrack"),
        (None, None, "~/.cache/wildtrack"),
        (None, "", "~/.cache/wildtrack"),
    ],
)
def test_default_cache(monkeypatch: pytest.MonkeyPatch, chosen: str | None, system: str | None, expected: str) -> None:
    variables = {"WILDTRACK_CACHE": chosen, "LOCALAPPDATA": system, "XDG_CACHE_HOME": system}
    for name, value in variables.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert default_cache() == Path(expected).expanduser()
