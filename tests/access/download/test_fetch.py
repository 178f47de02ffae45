import builtins
import hashlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import requests

from tests.helpers.server import Server, serving
from wildtrack.access.download.fetch import RETRIES, fetch, fetch_kaggle
from wildtrack.errors import UserError

KAGGLE_ERRORS = (
    "BackendError",
    "CredentialError",
    "DataCorruptionError",
    "NotFoundError",
    "UnauthenticatedError",
)
CONTENT = bytes(range(256)) * 20_000


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        found.files["a.zip"] = CONTENT
        yield found


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def nothing_half(folder: Path) -> bool:
    return not folder.exists() or [path.name for path in folder.iterdir()] == []


def test_a_file_comes_and_is_kept(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "größe 1" / "a.zip"
    for _ in range(2):
        assert fetch(f"{server.url}/a.zip", target, hashlib.sha256(CONTENT).hexdigest()) == target
        assert target.read_bytes() == CONTENT
    assert server.asked == ["a.zip"]
    assert [path.name for path in target.parent.iterdir()] == ["a.zip"]


def test_a_cut_connection_is_started_again(server: Server, tmp_path: Path) -> None:
    server.cuts = RETRIES
    fetch(f"{server.url}/a.zip", tmp_path / "a.zip")
    assert (tmp_path / "a.zip").read_bytes() == CONTENT
    assert len(server.asked) == RETRIES + 1


def test_a_connection_that_is_always_cut_leaves_nothing(server: Server, tmp_path: Path) -> None:
    server.cuts = 100
    target = tmp_path / "downloads" / "a.zip"
    with pytest.raises(UserError, match="the connection was cut") as caught:
        fetch(f"{server.url}/a.zip", target)
    assert f"By hand: download {server.url}/a.zip, save it as {target}" in str(caught.value)
    assert nothing_half(target.parent)
    server.cuts = 0
    assert fetch(f"{server.url}/a.zip", target).read_bytes() == CONTENT


def test_a_wrong_checksum_leaves_nothing(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "downloads" / "a.zip"
    with pytest.raises(UserError, match="not the published file"):
        fetch(f"{server.url}/a.zip", target, "0" * 64)
    assert nothing_half(target.parent)


def test_a_server_that_refuses(server: Server, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the server answers 404"):
        fetch(f"{server.url}/missing.zip", tmp_path / "missing.zip")
    assert nothing_half(tmp_path)


def test_no_network_names_the_file_and_the_place(tmp_path: Path) -> None:
    url, target = "http://127.0.0.1:9/a.zip", tmp_path / "a.zip"
    with pytest.raises(UserError) as caught:
        fetch(url, target)
    expected = f"no connection). By hand: download {url}, save it as {target}, and run the same command again"
    assert str(caught.value).endswith(expected)
    target.write_bytes(CONTENT)
    assert fetch(url, target) == target


def test_a_file_laid_there_by_hand_is_checked(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(CONTENT[:1000])
    fetch(f"{server.url}/a.zip", target, hashlib.sha256(CONTENT).hexdigest())
    assert target.read_bytes() == CONTENT


@pytest.fixture
def kagglehub(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A stand-in for kagglehub, which would ask Kaggle."""
    module, exceptions = ModuleType("kagglehub"), ModuleType("kagglehub.exceptions")
    for name in KAGGLE_ERRORS:
        setattr(exceptions, name, type(name, (Exception,), {}))
    module.__dict__["exceptions"] = exceptions
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    monkeypatch.setitem(sys.modules, "kagglehub.exceptions", exceptions)
    monkeypatch.setattr(os, "environ", {})
    return module


def refusal(status: int) -> requests.HTTPError:
    response = requests.Response()
    response.status_code = status
    return requests.HTTPError(response=response)


def test_kaggle_keeps_its_files_in_the_cache(kagglehub: Any, tmp_path: Path) -> None:
    kagglehub.dataset_download = lambda handle: os.environ["KAGGLEHUB_CACHE"] + f"/{handle}"
    assert fetch_kaggle("o/d", tmp_path, tmp_path / "d.zip") == tmp_path / "kagglehub/o/d"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        ("UnauthenticatedError", "Kaggle wants credentials"),
        ("CredentialError", "Kaggle wants credentials"),
        ("BackendError", r"could not be downloaded \(why\)"),
        ("DataCorruptionError", r"could not be downloaded \(why\)"),
        ("NotFoundError", r"could not be downloaded \(why\)"),
        (ValueError("why"), r"could not be downloaded \(why\)"),
        (refusal(403), "Kaggle wants credentials"),
        (refusal(500), "the server answers 500"),
        (requests.ConnectionError(), "no connection"),
    ],
)
def test_kaggle_refuses(kagglehub: Any, tmp_path: Path, error: Any, message: str) -> None:
    def download(handle: str) -> str:
        raise getattr(sys.modules["kagglehub.exceptions"], error)("why") if isinstance(error, str) else error

    kagglehub.dataset_download = download
    with pytest.raises(UserError, match=message) as caught:
        fetch_kaggle("o/d", tmp_path, tmp_path / "d.zip")
    by_hand = f"download https://www.kaggle.com/datasets/o/d, save it as {tmp_path / 'd.zip'}"
    assert by_hand in str(caught.value)


def test_kagglehub_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *more: Any) -> ModuleType:
        if name.startswith("kagglehub"):
            raise ImportError(name)
        return real(name, *more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="pip install kagglehub"):
        fetch_kaggle("o/d", tmp_path, tmp_path / "d.zip")


def test_the_stand_in_has_kagglehubs_names() -> None:
    hub = pytest.importorskip("kagglehub")
    assert callable(hub.dataset_download)
    exceptions = pytest.importorskip("kagglehub.exceptions")
    assert all(issubclass(getattr(exceptions, name), Exception) for name in KAGGLE_ERRORS)
    assert issubclass(exceptions.KaggleApiHTTPError, requests.RequestException)
