import os
from pathlib import Path

import pytest

from wildtrack.storage.cache import ABANDONED_SECONDS, Cache, default_cache

KB = 1e-6  # in GB


def put(folder: Path, name: str, age: float) -> Path:
    """A file of 1 kB that was last used so many seconds ago."""
    path = folder / name
    path.write_bytes(bytes(1000))
    then = path.stat().st_mtime - age
    os.utime(path, (then, then))
    return path


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize(
    ("limit", "ages", "left"),
    [
        (0, {"a": 20, "b": 10, "new": 0}, ["new"]),
        (2.5, {"a": 20, "b": 10, "new": 0}, ["b", "new"]),
        (3.0, {"a": 20, "b": 10, "new": 0}, ["a", "b", "new"]),
        (0, {"a": 0, "new": 99}, ["new"]),  # kept, however old it looks
        (0, {".part-1": ABANDONED_SECONDS + 60, "new": 0}, ["new"]),  # left by a killed process
        (0, {".part-1": 0, "new": 0}, [".part-1", "new"]),  # perhaps being written
    ],
)
def test_the_least_recently_used_entries_are_trimmed(
    tmp_path: Path, limit: float, ages: dict[str, float], left: list[str]
) -> None:
    for name, age in ages.items():
        put(tmp_path, f"{name}.npz", age)
    Cache(tmp_path, ".npz", limit * KB).trim(keep="new")
    assert names(tmp_path) == [f"{name}.npz" for name in left]


def test_companions_are_trimmed_and_other_files_stay(tmp_path: Path) -> None:
    for name in ("a.npy", "a.json", "b.json", "readme.txt"):
        put(tmp_path, name, age=9)
    put(tmp_path, "new.npy", age=0)
    Cache(tmp_path, ".npy", 0).trim(keep="new")
    assert names(tmp_path) == ["b.json", "new.npy", "readme.txt"]
    Cache(tmp_path / "nowhere", ".txt", 0).trim()


def read(entry: Path) -> str:
    text = entry.read_text("utf-8")
    if text.startswith("bad"):
        raise ValueError("it is bad")
    return text


def test_an_entry_is_found_until_it_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cache = Cache(tmp_path / "kind", ".txt", 1.0)
    assert cache.get("k", read) is None
    for text in ("one", "two"):
        assert cache.put("k", lambda part, text=text: part.write_text(text)) == tmp_path / "kind" / "k.txt"  # type: ignore[misc]
        assert cache.get("k", read) == text
    assert cache.get("other", read) is None and not caplog.text
    cache.put("unused", lambda part: part.write_text("three"))
    for name in ("k", "unused"):
        os.utime(cache.path(name), (0, 0))
    cache.get("k", read)
    Cache(cache.folder, ".txt", 4e-9).trim()  # a found entry counts as used
    assert names(cache.folder) == ["k.txt"]
    cache.put("k", lambda part: part.write_text("bad"))
    assert cache.get("k", read) is None
    assert "k.txt is damaged and is made anew (it is bad)" in caplog.text


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
    for name, value in {"WILDTRACK_CACHE": chosen, "LOCALAPPDATA": system, "XDG_CACHE_HOME": system}.items():
        monkeypatch.setenv(name, value or "")
        if value is None:
            monkeypatch.delenv(name)
    assert default_cache() == Path(expected).expanduser()
