"""Write a pickle of plain values, and read one without giving it any chance to run code."""

import io
import pickle  # nosec B403  # this module refuses what makes unpickling dangerous
import pickletools  # nosec B403  # it lists the opcodes of a pickle and runs none
import re
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.errors import UserError

MAX_BYTES = 50_000_000
# opcodes that reach outside the data, or set memory aside before anything is read
REFUSED_OPCODES = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "INST", "OBJ", "NEXT_BUFFER", "BYTEARRAY8"}


class _NumberType:
    """Stands in for `numpy.dtype`, which can be talked into types of any size, objects among them."""

    def __init__(self, code: str, *_flags: bool) -> None:
        if not re.fullmatch(r"[biuf][1248]|U\d{1,4}", code):
            raise pickle.UnpicklingError(f"it asks for a NumPy type {code!r}")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="


def _scalar(kind: _NumberType, data: bytes) -> Any:
    """Stands in for NumPy's rebuilding of a scalar; gives the builtin value."""
    return np.frombuffer(data, np.dtype(kind.order + kind.code), count=1).item()


def _latin_bytes(text: str, encoding: str) -> bytes:
    """Stands in for `_codecs.encode`, with which protocols 0 to 2 write the bytes of a scalar."""
    if encoding != "latin1":
        raise pickle.UnpicklingError(f"it asks for the encoding {encoding!r}")
    return text.encode("latin1")


STAND_INS = {
    ("_codecs", "encode"): _latin_bytes,
    ("numpy", "dtype"): _NumberType,
    ("numpy.core.multiarray", "scalar"): _scalar,  # NumPy 1
    ("numpy._core.multiarray", "scalar"): _scalar,  # NumPy 2
}


class _PlainUnpickler(pickle._Unpickler):  # the Python one, where a huge memo index is no huge memo
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def save_plain_pickle(values: Any, path: Path) -> None:
    """Write builtin values as a pickle that any Python reads."""
    path.write_bytes(pickle.dumps(values, protocol=4))


def load_plain_pickle(path: Path) -> Any:
    """The builtin values in a pickle file, NumPy scalars as builtins.

    Raises:
        UserError: The file is missing, too large, damaged, or holds anything that is not plain data.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; put it beside the model, or train again")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB, which no label map needs; train again")
    data = path.read_bytes()
    try:
        found = {opcode.name for opcode, _, _ in pickletools.genops(data)} & REFUSED_OPCODES
        if found:
            raise pickle.UnpicklingError(f"it uses {', '.join(sorted(found))}")
        return _PlainUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(f"{path} is not a pickle of plain values and was not loaded ({reason}); train again") from error
