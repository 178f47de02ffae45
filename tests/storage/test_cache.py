import os
from pathlib import Path

import pytest

from wildtrack.storage.cache import ABANDONED_SECONDS, default_cache, trim

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
    trim(put(tmp_path, "new.npz", age=0), limit * KB)
    assert names(tmp_path) == [f"{name}.npz" for name in left]


def test_the_newest_stays_even_if_it_looks_old(tmp_path: Path) -> None:
    put(tmp_path, "a.npz", age=0)
    trim(put(tmp_path, "new.npz", age=99), 0)
    assert names(tmp_path) == ["new.npz"]


def test_companions_go_and_files_of_other_kinds_stay(tmp_path: Path) -> None:
    for name in ("a.npy", "a.json", "b.json", "readme.txt"):
        put(tmp_path, name, age=9)
    trim(put(tmp_path, "new.npy", age=0), 0)
    assert names(tmp_path) == ["b.json", "new.npy", "readme.txt"]


@pytest.mark.parametrize(("age", "left"), [(ABANDONED_SECONDS + 60, 1), (0, 2)])
def test_what_a_killed_process_left_goes_once_it_is_old(tmp_path: Path, age: float, left: int) -> None:
    put(tmp_path, ".part-1.npz", age)
    trim(put(tmp_path, "new.npz", age=0), 0)
    assert len(names(tmp_path)) == left


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
