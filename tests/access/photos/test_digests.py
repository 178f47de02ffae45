import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wildtrack.access.photos import digests
from wildtrack.access.photos.digests import SETTLED_NS, photo_digests
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import sha256

LONG_AGO = 1_500_000_000_000_000_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "fotos größe"
    for name in ("Ana/0.jpg", "Blå/a b.jpg", "C $1/2.jpg"):
        write(root / name, name.encode())
    return root


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were really read."""
    names: list[str] = []

    def spy(path: Path) -> str:
        names.append(path.name)
        return sha256(path)

    monkeypatch.setattr(digests, "sha256", spy)
    return names


def write(path: Path, data: bytes, changed: int = LONG_AGO) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(changed, changed))


@pytest.fixture
def cache(tmp_path: Path) -> CacheConfig:
    return CacheConfig(root=tmp_path / "cache")


def paths(*names: str) -> pd.DataFrame:
    return pd.DataFrame({"path": list(names)})


def note(cache: CacheConfig) -> Path:
    [found] = (cache.root / "contents").iterdir()
    return found


ALL = paths("Ana/0.jpg", "Blå/a b.jpg", "C $1/2.jpg", "Ana/0.jpg")


def test_digests_are_those_of_the_files_wherever_they_lie(root: Path, tmp_path: Path, cache: CacheConfig) -> None:
    expected = [hashlib.sha256(path.encode()).hexdigest() for path in ALL["path"]]
    for _ in range(2):
        assert photo_digests(ALL, root, cache) == expected
    moved = root.rename(tmp_path / "moved")
    os.utime(moved / "Ana/0.jpg", (0, 0))
    assert photo_digests(ALL, moved, cache) == expected
    assert photo_digests(paths(), root, cache) == []


def test_a_file_is_read_once(root: Path, cache: CacheConfig, hashed: list[str]) -> None:
    for rows in (slice(0, 1), slice(1, 3), slice(0, 4)):  # catalogues of one folder share a note
        photo_digests(ALL[rows], root, cache)
    assert sorted(hashed) == ["0.jpg", "2.jpg", "a b.jpg"]
    hashed.clear()
    photo_digests(paths("C $1/2.jpg"), root, cache)
    photo_digests(ALL, root, cache)
    assert hashed == []
    photo_digests(ALL, root, replace(cache, verify=True))
    assert len(hashed) == 3


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda path: write(path, b"longer than before"), True),
        (lambda path: write(path, b"ANA/0.jpg", LONG_AGO + 1), True),
        (lambda path: write(path, b"ANA/0.jpg"), False),  # what --verify is for
        (lambda path: path.unlink(), True),
    ],
)
def test_a_changed_file_is_read_again(
    root: Path, cache: CacheConfig, change: Callable[[Path], None], found: bool, hashed: list[str]
) -> None:
    before = photo_digests(ALL, root, cache)
    change(root / "Ana/0.jpg")
    hashed.clear()
    after = photo_digests(ALL, root, cache)
    assert (after[0] != before[0]) == (after[3] != before[3]) == found
    assert after[1:3] == before[1:3]
    assert hashed == (["0.jpg"] if found else [])
    assert photo_digests(ALL, root, replace(cache, verify=True))[0] != before[0]
    hashed.clear()
    assert photo_digests(ALL, root, cache)[0] != before[0]
    assert len(hashed) <= 1  # one that is gone is looked for each time


@pytest.mark.parametrize(("age", "times"), [(0, 2), (SETTLED_NS // 2, 2), (2 * SETTLED_NS, 1), (-(10**12), 2)])
def test_a_file_that_may_change_within_its_date_is_read_again(
    root: Path, cache: CacheConfig, age: int, times: int, hashed: list[str]
) -> None:
    changed = time.time_ns() - age
    for data in (b"one", b"two"):
        write(root / "new.jpg", data, changed)
        found = photo_digests(paths("new.jpg"), root, cache)
    assert len(hashed) == times
    assert (found == [hashlib.sha256(b"two").hexdigest()]) == (times == 2)


def test_a_file_that_cannot_be_read(root: Path, cache: CacheConfig) -> None:
    (root / "folder.jpg").mkdir()
    table = paths("gone.jpg", "folder.jpg", "Ana/0.jpg")
    for _ in range(2):
        found = photo_digests(table, root, cache)
        assert found[:2] == ["", ""]
        assert len(found[2]) == 64
    write(root / "gone.jpg", b"back")
    assert photo_digests(table, root, cache)[0] == hashlib.sha256(b"back").hexdigest()


def sealed(text: str) -> str:
    return f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}"


@pytest.mark.parametrize(
    "damaged",
    [
        *("", "{}", "no note", "\x00\n" * 9, sealed("{}")[:-1], sealed("{}").replace("\n", "\n ")),
        *map(sealed, ("no JSON", "[]", '{"Ana/0.jpg": 3}', '{"Ana/0.jpg": [1, 2]}', "[" * 100_000)),
        sealed('{"Ana/0.jpg": [1, "two", "0"]}'),
    ],
)
def test_a_damaged_note_is_made_anew(
    root: Path, cache: CacheConfig, damaged: str, hashed: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    expected = photo_digests(ALL, root, cache)
    whole = note(cache).read_text("utf-8")
    note(cache).write_text(damaged, "utf-8")
    assert photo_digests(ALL, root, cache) == expected
    assert (len(hashed), caplog.text.count("is damaged")) == (6, 1)
    assert note(cache).read_text("utf-8") == whole


def test_notes_are_bounded(root: Path, cache: CacheConfig, monkeypatch: pytest.MonkeyPatch, hashed: list[str]) -> None:
    monkeypatch.setattr(digests, "MOST", 2)
    photo_digests(paths("Ana/0.jpg", "Blå/a b.jpg"), root, cache)
    photo_digests(paths("C $1/2.jpg"), root, cache)
    assert set(json.loads(note(cache).read_text("utf-8").split("\n")[1])) == {"C $1/2.jpg"}
    monkeypatch.setattr(digests, "LIMIT_GB", 0.0)
    photo_digests(paths("2.jpg"), root / "C $1", cache)
    photo_digests(ALL, root, cache)
    assert len(list((cache.root / "contents").iterdir())) == 1


def test_many_files(tmp_path: Path, cache: CacheConfig) -> None:
    names = [f"{number}.jpg" for number in np.random.default_rng(0).permutation(300)]
    for name in names:
        write(tmp_path / name, name.encode())
    for _ in range(2):
        found = photo_digests(paths(*names), tmp_path, cache)
        assert found == [hashlib.sha256(name.encode()).hexdigest() for name in names]
