import os
import pickle
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from wildtrack.address.models.loading import plain_pickle
from wildtrack.address.models.loading.plain_pickle import load_plain_pickle
from wildtrack.errors import UserError

FIVE_KEYS = {
    "image_size": np.int64(224),
    "embed_dim": np.int32(256),
    "use_l2norm": np.bool_(True),
    "label2id": {"Ana": np.int64(0), np.str_("Blå"): np.int64(1)},
    "id2label": {np.int64(0): "Ana", 1: np.str_("Blå")},
    "threshold": np.float32(0.5),
    "mean": [np.float64(0.1), np.uint8(255), np.float16(-2)],
}


def refused(path: Path) -> str:
    with pytest.raises(UserError) as error:
        load_plain_pickle(path)
    assert "\n" not in str(error.value) and len(str(error.value)) < 600
    return str(error.value)


@pytest.mark.parametrize("protocol", range(2, 6))
def test_numpy_scalars_come_back_as_builtins(tmp_path: Path, protocol: int) -> None:
    path = tmp_path / "five.pkl"
    path.write_bytes(pickle.dumps(FIVE_KEYS, protocol=protocol))
    loaded = load_plain_pickle(path)
    assert loaded == FIVE_KEYS
    assert [type(loaded[key]) for key in ("image_size", "threshold", "use_l2norm")] == [int, float, bool]
    assert [type(key) for key in loaded["label2id"]] == [str, str]


def test_big_endian_scalars(tmp_path: Path) -> None:
    path = tmp_path / "scalar.pkl"
    kind = b"cnumpy\ndtype\n(S'i4'\nI0\nI1\ntR(I3\nS'>'\nNNNI-1\nI-1\nI0\ntb"
    path.write_bytes(b"cnumpy.core.multiarray\nscalar\n(" + kind + b"C\x04\x00\x00\x01\x02tR.")
    assert load_plain_pickle(path) == 258


@pytest.mark.parametrize("value", [None, 1, 10**100, "a", b"a", [], {}, (), {1, 2}, [[[]]], {"a": {"b": (1.5, None)}}])
@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_round_trip(tmp_path: Path, value: Any, protocol: int) -> None:
    if protocol < 4 and isinstance(value, set):
        pytest.skip("older protocols call a builtin for these")
    path = tmp_path / "plain.pkl"
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    assert load_plain_pickle(path) == value


class Call:
    """Pickles to a call of any function."""

    def __init__(self, function: Any, *args: Any) -> None:
        self.call = (function, args)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize("wrap", [lambda call: call, lambda call: {"id2label": {0: [call]}}], ids=["top", "nested"])
@pytest.mark.parametrize("name", ["os.system", "eval", "exec", "getattr", "subprocess", "numpy.load", "import"])
def test_nothing_is_called(tmp_path: Path, protocol: int, wrap: Any, name: str) -> None:
    canary = tmp_path / "canary"
    code = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    calls = {
        "os.system": Call(os.system, f"touch {canary}"),
        "eval": Call(eval, code),
        "exec": Call(exec, code),
        "getattr": Call(getattr, Call(__import__, "os"), "system"),
        "subprocess": Call(subprocess.run, ["touch", str(canary)]),
        "numpy.load": Call(np.load, str(canary)),
        "import": Call(__import__, "antigravity"),
    }
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(wrap(calls[name]), protocol=protocol))
    assert "it asks for" in refused(path) and not canary.exists()


UGLY = {
    "empty": b"",
    "not a pickle": b"hello",
    "truncated": pickle.dumps(FIVE_KEYS)[:-20],
    "future protocol": b"\x80\x63N.",
    "extension 1": b"\x80\x02\x82\x01.",
    "extension 2": b"\x80\x02\x83\x01\x00.",
    "extension 4": b"\x80\x02\x84\x01\x00\x00\x00.",
    "persistent id": b"Pcanary\n.",
    "binary persistent id": b"\x80\x02Nq\x00Q.",
    "inst": b"(S'touch x'\nios\nsystem\n.",
    "obj": b"\x80\x02(cos\nsystem\nX\x01\x00\x00\x00xo.",
    "out-of-band buffer": b"\x80\x05\x97.",
    "bytearray bomb": b"\x80\x05\x96" + struct.pack("<Q", 1 << 60) + b".",
    "bytes bomb": b"\x80\x04\x8e" + struct.pack("<Q", 1 << 40) + b".",
    "text bomb": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 40) + b".",
    "odd codec": b"c_codecs\nencode\n(X\x01\x00\x00\x00xX\x04\x00\x00\x00zliptR.",
    "bad memo": b"\x80\x02h\x07.",
    "bad number": b"\x80\x02Inope\n.",
    "call a number": b"\x80\x02K\x01)R.",
    "newline in a name": b"\x80\x04\x8c\x04os\nx\x8c\x06system\x93.",
    "any module": b"cwildtrack.files\nwrite_text\n.",
    "numpy by another name": b"cnumpy\nload\n.",
    "dotted name": b"\x80\x04\x8c\x05numpy\x8c\x0cdtype.__new__\x93.",
    "huge type": b"cnumpy\ndtype\n(S'V2000000000'\ntR.",
    "object type": b"cnumpy\ndtype\n(S'O8'\ntR.",
    "scalar without data": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'i8'\ntRtR.",
    "scalar cut short": b"cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'i8'\ntRC\x02abtR.",
}


@pytest.mark.parametrize("name", UGLY)
def test_ugly_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "ugly.pkl"
    path.write_bytes(UGLY[name])
    assert "ugly.pkl is not a pickle of plain values" in refused(path) and list(tmp_path.iterdir()) == [path]


def test_a_file_that_is_too_large_or_missing(tmp_path: Path) -> None:
    path = tmp_path / "large.pkl"
    with path.open("wb") as file:
        file.truncate(plain_pickle.MAX_BYTES + 1)
    assert "larger than 5 MB" in refused(path)
    for missing in (tmp_path / "missing.pkl", tmp_path):
        assert "is missing" in refused(missing)
