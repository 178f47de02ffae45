import logging
from pathlib import Path

import numpy as np
import pytest

from wildtrack.errors import UserError
from wildtrack.storage import json_files
from wildtrack.storage.json_files import plain, read_json


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('{"A": [{"B": "ä"}]}'.encode(), {"a": [{"b": "ä"}]}),
        (b"\xef\xbb\xbf[]", []),  # with a byte order mark, as Windows writes it
        (b"null", None),
    ],
)
def test_read(tmp_path: Path, content: bytes, expected: object) -> None:
    (tmp_path / "a.json").write_bytes(content)
    assert (
        read_json(tmp_path / "a.json", "--boxes ", lambda entry: {key.lower(): entry[key] for key in entry}) == expected
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"", "not JSON in UTF-8, or cut short"),
        (b'{"images": [', "not JSON in UTF-8, or cut short"),
        ('"ä"'.encode("latin-1"), "not JSON in UTF-8"),
        (b"[" * 100_000, "not JSON in UTF-8"),  # deeper than Python recurses
    ],
)
def test_what_is_refused(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(UserError, match=f"^--boxes .*a.json: {message}"):
        read_json(tmp_path / "a.json", "--boxes ")


def test_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "a.json").write_text("[1, 2, 3]")
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(json_files, "_SLOW_BYTES", 8)
    assert read_json(tmp_path / "a.json", "") == [1, 2, 3] and "Reading" in caplog.text
    monkeypatch.setattr(json_files, "MAX_JSON_BYTES", 8)
    with pytest.raises(UserError, match="of JSON is too much; at most"):
        read_json(tmp_path / "a.json", "")


def test_plain() -> None:
    values = {1: np.float32(0.5), "path": Path("a") / "b", "deep": [(np.int64(3), None), {"x": np.bool_(True)}]}
    assert plain(values) == {"1": 0.5, "path": "a/b", "deep": [[3, None], {"x": True}]}
