import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.access.photos import pixel_cache
from wildtrack.access.photos.digests import photo_digests
from wildtrack.access.photos.pixel_cache import SMALL, Decoded, decode_catalogue, photo_reader
from wildtrack.access.photos.reader import PhotoError, read_photo, read_sizes
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import sha256

SIZE = (12, 16)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "fotos größe"
    root.mkdir()
    noise = np.random.default_rng(0)
    for name in ("a.png", "b 1.png", "c.png"):
        Image.fromarray(noise.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(root / name)
    (root / "bad.png").write_text("no photo")
    return root


@pytest.fixture
def cache(tmp_path: Path) -> CacheConfig:
    return CacheConfig(root=tmp_path / "cache")


@pytest.fixture
def decoded_paths(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the photos that were really decoded."""
    names: list[str] = []

    def spy(path: Path, *args: object) -> object:
        names.append(path.name)
        return read_sizes(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(pixel_cache, "read_sizes", spy)
    return names


def photos(*paths: str, **columns: list[object]) -> pd.DataFrame:
    return pd.DataFrame(
        {"path": list(paths), **{name: pd.Series(cells, dtype=object) for name, cells in columns.items()}}
    )


def entries(cache: CacheConfig) -> list[str]:
    return sorted(path.name for path in (cache.root / "pixels").iterdir())


def check(decoded: Decoded, root: Path, expected: list[str]) -> None:
    assert decoded.table["path"].tolist() == expected
    assert decoded.table.index.tolist() == list(range(len(expected)))
    assert decoded.pixels.shape == (len(expected), *SIZE, 3)
    assert decoded.pixels.dtype == np.uint8
    assert isinstance(decoded.pixels, np.memmap) and not decoded.pixels.flags.writeable
    assert not decoded.small.flags.writeable
    assert decoded.digests == [sha256(root / path) for path in expected]
    for path, photo, small in zip(expected, decoded.pixels, decoded.small, strict=True):
        np.testing.assert_array_equal(photo, read_photo(root / path, SIZE))
        np.testing.assert_array_equal(small, read_photo(root / path, SMALL))


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["a.png"], ["a.png"]),
        (["c.png", "a.png", "b 1.png", "a.png"], ["c.png", "a.png", "b 1.png", "a.png"]),
        (["bad.png", "a.png", "missing.png", "c.png", "bad.png"], ["a.png", "c.png"]),
        (["a.png", "bad.png"] * 40, ["a.png"] * 40),  # more photos than are ever in flight
    ],
)
def test_decode(
    root: Path, cache: CacheConfig, paths: list[str], expected: list[str], decoded_paths: list[str]
) -> None:
    refused = [path for path in paths if path not in expected]
    table = photos(*paths).set_index(pd.Index([3] * len(paths)))
    for _ in range(2):  # decoded, then found
        decoded = decode_catalogue(table, root, SIZE, cache)
        check(decoded, root, expected)
        assert decoded.problems["path"].tolist() == refused
        assert decoded.problems["reason"].str.contains("content is not|cannot be opened").all()
    assert len(decoded_paths) == len(paths)


def test_boxes(root: Path, cache: CacheConfig) -> None:
    box = (5.0, 6.0, 20.0, 20.0)
    table = photos("a.png", "a.png", "a.png", "a.png", bbox=[None, box, float("nan"), (90.0, 0.0, 5.0, 5.0)])
    decoded = decode_catalogue(table, root, SIZE, cache)
    whole, cut = read_photo(root / "a.png", SIZE), read_photo(root / "a.png", SIZE, box)
    np.testing.assert_array_equal(decoded.pixels, [whole, cut, whole])
    assert "outside the photo" in decoded.problems["reason"].iloc[0]


def test_small_pixels_do_not_depend_on_the_size(root: Path, cache: CacheConfig) -> None:
    Image.open(root / "a.png").resize((900, 700)).save(root / "large.jpg")  # decoded at a fraction of its size
    table = photos("a.png", "large.jpg", bbox=[(5.0, 6.0, 20.0, 20.0), None])
    decoded = [decode_catalogue(table, root, (side, side), cache) for side in (8, 64, 200)]
    assert [photo.pixels.shape[1] for photo in decoded] == [8, 64, 200]
    np.testing.assert_array_equal(decoded[0].small, decoded[1].small)
    np.testing.assert_array_equal(decoded[0].small, decoded[2].small)


def test_any_change_decodes_anew(
    root: Path, cache: CacheConfig, decoded_paths: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = photos("a.png", "c.png")
    boxed = photos("a.png", "c.png", bbox=[(0.0, 0.0, 9.0, 9.0), None])
    for given, size in ((table, SIZE), (boxed, SIZE), (photos("c.png", "a.png"), SIZE), (table, (16, 12))):
        decode_catalogue(given, root, size, cache)
    assert len(decoded_paths) == len(entries(cache)) == 8
    Image.new("RGB", (40, 50)).save(root / "a.png")
    decode_catalogue(table, root, SIZE, cache)
    assert len(decoded_paths) == len(entries(cache)) == 10
    monkeypatch.setattr(pixel_cache, "READER_VERSION", 0)
    decode_catalogue(table, root, SIZE, cache)
    assert len(decoded_paths) == len(entries(cache)) == 12


def test_the_same_photos_elsewhere_are_found(root: Path, cache: CacheConfig, decoded_paths: list[str]) -> None:
    table = photos("a.png", "c.png")
    decode_catalogue(table, root, SIZE, cache)
    os.utime(root / "a.png", ns=(0, 0))
    check(decode_catalogue(table, root, SIZE, cache), root, ["a.png", "c.png"])
    root = root.rename(root.with_name("moved"))
    check(decode_catalogue(table, root, SIZE, cache), root, ["a.png", "c.png"])
    assert len(decoded_paths) == 2


def test_verify_notices_a_changed_photo_with_the_same_size_and_date(root: Path, cache: CacheConfig) -> None:
    table = photos("a.bmp")
    for level in (10, 200):  # files of one size
        Image.new("RGB", (40, 50), (level, level, level)).save(root / "a.bmp", "PNG", compress_level=0)
        os.utime(root / "a.bmp", ns=(0, 0))
        found = decode_catalogue(table, root, SIZE, cache)
    assert found.pixels.max() == 10
    assert decode_catalogue(table, root, SIZE, replace(cache, verify=True)).pixels.min() == 200
    assert decode_catalogue(table, root, SIZE, cache).pixels.min() == 200


@pytest.mark.parametrize("decoded_before", [False, True])
def test_the_reader_gives_any_row(
    root: Path, cache: CacheConfig, decoded_before: bool, decoded_paths: list[str]
) -> None:
    table = photos("a.png", "bad.png", "b 1.png", "missing.png", "c.png", bbox=[(5.0, 6.0, 20.0, 20.0), *[None] * 4])
    if decoded_before:
        decode_catalogue(table, root, SIZE, cache)
    decoded_paths.clear()
    read = photo_reader(table, root, photo_digests(table, root, cache), SIZE, cache)
    for row, path in [(4, "c.png"), (0, "a.png"), (2, "b 1.png"), (4, "c.png")]:
        np.testing.assert_array_equal(read(row), read_photo(root / path, SIZE, table["bbox"].iloc[row]))
    for row, reason in [(1, "content is not"), (3, "cannot be opened")]:
        with pytest.raises(PhotoError, match=reason):
            read(row)
    assert decoded_paths == []  # at the second size


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("damage", ["gone", "empty", "short", "flipped", "other"])
def test_damaged_entry_is_rebuilt(
    root: Path, cache: CacheConfig, suffix: str, damage: str, decoded_paths: list[str]
) -> None:
    table = photos("a.png", "bad.png", "c.png")
    decode_catalogue(table, root, SIZE, cache)
    [entry] = (cache.root / "pixels").glob(f"*{suffix}")
    if damage == "gone":
        entry.unlink()
    elif suffix == ".npy" and damage == "other":
        np.save(entry, np.zeros((3, *SIZE, 3), dtype=np.uint8))
    else:
        whole = entry.read_bytes()
        place = 9 if suffix == ".json" else len(whole) - 9
        flipped = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
        entry.write_bytes({"empty": b"", "short": whole[:-9], "flipped": flipped, "other": b"[]"}[damage])
    check(decode_catalogue(table, root, SIZE, cache), root, ["a.png", "c.png"])
    assert len(decoded_paths) == 6


def test_a_failure_is_not_for_ever(root: Path, cache: CacheConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(path: Path, *args: object) -> object:
        if path.name == "a.png":
            raise PhotoError("cannot be opened: Input/output error")
        return read_sizes(path, *args)  # type: ignore[arg-type]

    table = photos("a.png", "c.png")
    with monkeypatch.context() as broken:
        broken.setattr(pixel_cache, "read_sizes", fail)
        check(decode_catalogue(table, root, SIZE, cache), root, ["c.png"])
    check(decode_catalogue(table, root, SIZE, cache), root, ["a.png", "c.png"])


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_stopping_leaves_nothing_behind(
    root: Path, cache: CacheConfig, error: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(path: Path, *args: object) -> object:
        if path.name == "c.png":
            raise error
        return read_sizes(path, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(pixel_cache, "read_sizes", stop)
    with pytest.raises(error):
        decode_catalogue(photos("a.png", "c.png"), root, SIZE, cache)
    assert entries(cache) == []


@pytest.mark.parametrize(
    ("paths", "message"),
    [([], "the table has no rows"), (["bad.png", "missing.png"], "none of the 2 photos .*bad.png: its")],
)
def test_nothing_to_decode(root: Path, cache: CacheConfig, paths: list[str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        decode_catalogue(photos(*paths), root, SIZE, cache)
    assert not list(cache.root.rglob("*.*"))


def test_the_newest_entry_stays_whatever_its_size(root: Path, cache: CacheConfig, decoded_paths: list[str]) -> None:
    for name in ("a.png", "c.png", "c.png"):
        decode_catalogue(photos(name), root, SIZE, replace(cache, cache_gb=0))
    assert decoded_paths == ["a.png", "c.png"] and len(entries(cache)) == 2


def test_an_entry_that_windows_does_not_delete_is_tolerated(
    root: Path, cache: CacheConfig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    decode_catalogue(photos("a.png"), root, SIZE, cache)
    unlink = Path.unlink

    def refuse(path: Path, missing_ok: bool = False) -> None:
        if path.suffix == ".npy" and not path.name.startswith(".part-"):
            raise PermissionError(13, "in use")
        unlink(path, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    with caplog.at_level("INFO", "wildtrack"):
        check(decode_catalogue(photos("c.png"), root, SIZE, replace(cache, cache_gb=0)), root, ["c.png"])
    assert "in use" in caplog.text and len(entries(cache)) == 4
