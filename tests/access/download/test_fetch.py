import hashlib
import time
from pathlib import Path

import pytest

from tests.helpers.server import Server
from wildtrack.access.download.fetch import RETRIES, fetch
from wildtrack.errors import UserError

CONTENT = bytes(range(256)) * 20_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def published(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.files["a.zip"] = CONTENT
    monkeypatch.setattr(time, "sleep", lambda seconds: None)


def test_a_file_is_downloaded_once(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "größe 1" / "a.zip"
    for _ in range(2):
        assert fetch(f"{server.url}/a.zip", target, SHA256) == target
        assert target.read_bytes() == CONTENT
    assert server.asked == ["a.zip"]
    assert [path.name for path in target.parent.iterdir()] == ["a.zip"]


def test_a_file_put_there_by_hand_is_checked_and_a_cut_download_started_again(server: Server, tmp_path: Path) -> None:
    target = tmp_path / "a.zip"
    target.write_bytes(CONTENT[:1000])
    assert fetch("http://127.0.0.1:9/a.zip", target) == target  # there is no hash to check
    server.cuts = RETRIES
    fetch(f"{server.url}/a.zip", target, SHA256)
    assert target.read_bytes() == CONTENT and len(server.asked) == RETRIES + 1


@pytest.mark.parametrize(
    ("name", "cuts", "sha256", "message"),
    [
        ("a.zip", 100, None, r"could not be downloaded \(the connection was cut\)"),
        ("a.zip", 0, "0" * 64, r"is not the published file \(its SHA-256 is another\)"),
        ("missing.zip", 0, None, r"could not be downloaded \(the server answers 404\)"),
        (":9/a.zip", 0, None, r"could not be downloaded \(no connection\)"),
    ],
)
def test_a_failed_download_leaves_nothing(
    server: Server, tmp_path: Path, name: str, cuts: int, sha256: str | None, message: str
) -> None:
    server.cuts = cuts
    url = f"http://127.0.0.1{name}" if name.startswith(":") else f"{server.url}/{name}"
    target = tmp_path / "downloads/a.zip"
    with pytest.raises(UserError, match=message) as caught:
        fetch(url, target, sha256)
    expected = f". By hand: download {url}, save it as {target}, and run the same command again"
    assert str(caught.value).endswith(expected)
    assert not target.parent.exists() or not list(target.parent.iterdir())
