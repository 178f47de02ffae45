"""Every malformed kind of photo is read right, or refused with one clear line, by the reader and by the server."""

import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from tests.helpers.malformed import (
    HALVES,
    JPEG,
    LONGEST_REASON,
    PNG,
    READ,
    REFUSED,
    WEBP,
    encoded,
    is_one_clear_line,
    serving,
    spotted_searcher,
)
from tests.helpers.spotted import SIZE
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.find import find_photos
from wildtrack.access.photos.formats import HAS_HEIF
from wildtrack.access.photos.reader import PhotoError, or_error, photo_size, photo_suffix, read_photo
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.gallery.searcher import Searcher, answer_photo
from wildtrack.errors import UserError

pytestmark = [  # pytest replaces the package's own filters
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
    pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning"),
]

HANG_LIMIT = 60  # seconds, for reads that must not block
LOSSY = 6  # of 255, on average: colours run where the halves meet; mirrored or turned it would be 107
ON_POSIX = pytest.mark.skipif(os.name == "nt", reason="Windows has no such files")


@pytest.fixture(scope="module")
def searcher(tmp_path_factory: pytest.TempPathFactory) -> Searcher:
    return spotted_searcher(tmp_path_factory.mktemp("known"))


@pytest.fixture(scope="module")
def client(searcher: Searcher, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with serving(searcher, tmp_path_factory.mktemp("web")) as client:
        yield client


def ask(client: TestClient, content: bytes, name: str = "photo.jpg") -> dict[str, Any]:
    """The server's answer about one photo."""
    response = client.post("/search", files={"photos": (name, content)})
    assert response.status_code == 200, response.text
    (answer,) = response.json()
    return dict(answer)


@pytest.mark.parametrize("name", READ)
def test_an_odd_photo_is_read_right(name: str, tmp_path: Path, client: TestClient) -> None:
    content, expected = READ[name]
    path = tmp_path / "photo.jpg"  # whatever its format
    path.write_bytes(content)
    pixels = read_photo(path)
    assert pixels.dtype == np.uint8 and pixels.shape == expected.shape
    difference = float(np.abs(pixels.astype(int) - expected).mean())
    assert difference <= (0 if name.startswith("png") else LOSSY)
    assert photo_size(path) == expected.shape[:2] and read_photo(path, SIZE).shape == (*SIZE, 3)
    assert read_exif(path) == {}
    answer = ask(client, content)
    assert (answer["status"], len(answer["candidates"])) == ("ok", 4)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_no_photo_is_refused_in_one_line(name: str, tmp_path: Path, client: TestClient) -> None:
    content, expected = REFUSED[name]
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    for size in (None, SIZE):
        with pytest.raises(PhotoError, match=expected) as caught:
            read_photo(path, size)
        assert is_one_clear_line(str(caught.value)) and str(tmp_path) not in str(caught.value)
    for result in (or_error(photo_size)(path), or_error(photo_suffix)(path)):  # these may find nothing wrong
        assert not isinstance(result, PhotoError) or is_one_clear_line(str(result))
    assert read_exif(path) == {}
    answer = ask(client, content)
    assert (answer["status"], answer["reason"]) == ("unreadable", str(caught.value))


@pytest.mark.skipif(HAS_HEIF, reason="with pillow-heif, HEIC is read")
@pytest.mark.parametrize("brand", ["heic", "heix", "mif1"])
def test_heic_without_the_extra_names_the_package_to_install(brand: str, client: TestClient) -> None:
    content = b"\0\0\0\x18ftyp" + brand.encode() + bytes(50)
    with pytest.raises(PhotoError, match="pip install pillow-heif"):
        read_photo(io.BytesIO(content))
    assert "pip install pillow-heif" in ask(client, content)["reason"]


CUT = {
    "jpeg": JPEG,
    "jpeg, progressive": encoded(HALVES, "JPEG", progressive=True),
    "png": PNG,
    "webp": WEBP,
    "webp, lossless": encoded(HALVES, "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", CUT)
def test_a_photo_that_is_cut_short_anywhere_is_refused_or_whole(name: str, client: TestClient) -> None:
    """Never half a photo: the rest of it would pass for a grey animal."""
    whole, refused = read_photo(io.BytesIO(CUT[name])), 0
    for length in range(len(CUT[name])):
        try:
            np.testing.assert_array_equal(read_photo(io.BytesIO(CUT[name][:length])), whole)
        except PhotoError as error:
            refused += 1
            assert is_one_clear_line(str(error))
    assert refused > len(CUT[name]) - 25  # what is left out at the end may be no pixels
    assert ask(client, CUT[name][: len(CUT[name]) // 2])["status"] == "unreadable"


# Paths that are no files


def catalogue_of(folder: Path) -> Catalogue:
    """Read an identity's folder with one good photo added to what is in it."""
    (folder / "Ana").mkdir(exist_ok=True)
    (folder / "Ana" / "good.jpg").write_bytes(JPEG)
    catalogue = load_catalogue(folder)
    assert catalogue.table["path"].tolist() == ["Ana/good.jpg"]
    return catalogue


def refusal(path: Path, searcher: Searcher) -> str:
    """Why a path is no photo, the same from every reader of it."""
    with pytest.raises(PhotoError) as caught:
        read_photo(path)
    for look in (photo_size, photo_suffix):
        with pytest.raises(PhotoError):
            look(path)
    assert read_exif(path) == {}
    answer = answer_photo(path, searcher, 3)
    assert (answer.status, answer.reason) == ("unreadable", str(caught.value))
    assert is_one_clear_line(str(caught.value))
    return str(caught.value)


def test_a_folder_called_jpg_and_a_photo_that_vanishes_once_it_is_listed(tmp_path: Path, searcher: Searcher) -> None:
    (tmp_path / "Ana" / "x.jpg").mkdir(parents=True)
    assert refusal(tmp_path / "Ana" / "x.jpg", searcher) == "cannot be opened: not a file"
    assert catalogue_of(tmp_path).problems.empty  # like any folder without photos
    (photo,) = find_photos([str(tmp_path)])
    photo.unlink()
    assert refusal(photo, searcher) == "cannot be opened: No such file or directory"


@ON_POSIX
@pytest.mark.parametrize("target", ["gone.jpg", "x.jpg"], ids=["nowhere", "itself"])
def test_a_link_that_leads(target: str, tmp_path: Path, searcher: Searcher) -> None:
    link = tmp_path / "Ana" / "x.jpg"
    link.parent.mkdir()
    link.symlink_to(target)
    assert refusal(link, searcher).startswith("cannot be opened: ")
    assert catalogue_of(tmp_path).problems["path"].tolist() == ["Ana/x.jpg"]


@ON_POSIX
@pytest.mark.parametrize("what", ["pipe", "/dev/zero", "/dev/null"])
def test_a_pipe_or_device_does_not_block(what: str, tmp_path: Path, searcher: Searcher) -> None:
    path = tmp_path / "Ana" / "x.jpg"
    path.parent.mkdir()
    if what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(what)
    signal.alarm(HANG_LIMIT)  # ends the tests: a read that blocks could not be stopped otherwise
    try:
        assert refusal(path, searcher) == "cannot be opened: not a file"
        listed = [{"path": "Ana/x.jpg", "reason": "cannot be opened: not a file"}]
        assert catalogue_of(tmp_path).problems.to_dict("records") == listed
        assert [photo.name for photo in find_photos([str(tmp_path)])] == ["good.jpg"]
    finally:
        signal.alarm(0)


def test_a_photo_that_vanishes_while_the_catalogue_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Ana").mkdir()
    (tmp_path / "Ana" / "x.jpg").write_bytes(JPEG)

    def vanishing(path: Path) -> dict[str, object]:
        (tmp_path / "Ana" / "x.jpg").unlink(missing_ok=True)
        return read_exif(path)

    monkeypatch.setattr("wildtrack.access.readers.folders.read_exif", vanishing)
    assert catalogue_of(tmp_path).problems.to_dict("records") == [
        {"path": "Ana/x.jpg", "reason": f"no such file in {tmp_path}"}
    ]


def test_a_photo_that_needs_more_memory_than_there_is(monkeypatch: pytest.MonkeyPatch, client: TestClient) -> None:
    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("wildtrack.access.photos.reader._to_rgb", full)
    with pytest.raises(PhotoError, match="memory"):
        read_photo(io.BytesIO(JPEG))
    answer = ask(client, JPEG)
    assert (answer["status"], answer["reason"]) == ("unreadable", "too large for the memory that is free")


# Names

NAMES = [
    "größe 1.jpg",
    "черепаха.jpg",
    "海龟🐢.jpg",
    " a photo .jpg",
    "a\nb.jpg",
    "a\tb\x7f.jpg",
    "'\"; rm -rf *.jpg",
    "[a-z]?.jpg",
    "%41%00.jpg",
    "-rf.jpg",
    "e\u0301te\u0301.jpg",
    "\u202egpj.exe.jpg",
    "é" * 125 + ".jpg",  # 254 bytes
]


@ON_POSIX
@pytest.mark.parametrize("name", NAMES)
def test_a_photo_of_any_name_is_read(name: str, tmp_path: Path, searcher: Searcher, client: TestClient) -> None:
    path = tmp_path / "Ana" / name
    path.parent.mkdir()
    path.write_bytes(PNG)
    np.testing.assert_array_equal(read_photo(path), HALVES)
    assert find_photos([str(path)]) == [path]
    assert load_catalogue(tmp_path).table["path"].tolist() == [f"Ana/{name}"]
    assert answer_photo(path, searcher, 3).status == "ok"
    answer = ask(client, PNG, name)
    assert answer["status"] == "ok" and answer["photo"].isprintable()


@pytest.mark.parametrize("name", ["x" * 252 + ".jpg", "é" * 200 + ".jpg", "x/" * 3000 + "x.jpg", "a\0b.jpg"])
def test_a_name_that_no_file_can_have(name: str, tmp_path: Path, searcher: Searcher, client: TestClient) -> None:
    assert refusal(tmp_path / name, searcher).startswith("cannot be opened: ")
    with pytest.raises((UserError, OSError)):  # the scripts print either in one line
        find_photos([str(tmp_path / name)])
    if len(name) > 1000:
        response = client.post("/search", files={"photos": (name, PNG)})
        assert (response.status_code, list(response.json())) == (400, ["detail"])
    else:
        answer = ask(client, PNG, name)
        assert answer["status"] == "ok" and len(answer["photo"]) <= LONGEST_REASON
