"""Write a pickle of plain values, and read one without giving it any chance to run code."""

import io
import pickle  # nosec B403  # this module refuses what makes unpickling dangerous
import pickletools  # nosec B403  # it lists the opcodes of a pickle and runs none
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from wildtrack.errors import UserError, in_one_line

MAX_BYTES = 5_000_000
# opcodes that reach outside the data, or set memory aside before anything is read
REFUSED_OPCODES = {
    "EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "INST", "OBJ", "NEXT_BUFFER", "BYTEARRAY8", "FROZENSET",
}  # fmt: skip
MAX_SCALAR = 1 << 10  # characters, and
MAX_CALLS = 300_000  # numbers and names of NumPy in one file


class _NumberType:
    """Replaces `numpy.dtype`, which can make types of any size, objects among them."""

    def __init__(self, code: str, *_flags: bool) -> None:
        if not re.fullmatch(r"[biuf][1248]|U\d{1,3}", code):
            raise pickle.UnpicklingError(f"it asks for a NumPy type {code!r}")
        self.code = code
        self.order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1] if state[1] in ("<", ">") else "="


def _scalar(kind: _NumberType, data: bytes) -> Any:
    """Replaces NumPy's constructor of a scalar; gives the builtin value."""
    return np.frombuffer(data, np.dtype(kind.order + kind.code), count=1).item()


def _latin_bytes(text: str, encoding: str) -> bytes:
    """Replaces `_codecs.encode`, with which protocols 0 to 2 write the bytes of a scalar."""
    if encoding != "latin1" or len(text) > MAX_SCALAR:
        raise pickle.UnpicklingError(f"it asks for {len(text)} characters in the encoding {encoding!r}")
    return text.encode("latin1")


STAND_INS = {
    ("_codecs", "encode"): _latin_bytes,
    ("numpy", "dtype"): _NumberType,
    ("numpy.core.multiarray", "scalar"): _scalar,  # NumPy 1
    ("numpy._core.multiarray", "scalar"): _scalar,  # NumPy 2
}


def _check_state(target: Any) -> None:
    """Refuse a state for anything but our number types; a stand-in function would keep it."""
    if not isinstance(target, _NumberType):
        raise pickle.UnpicklingError("it sets the state of something that has none")


def _check_keys(keys: list[Any]) -> None:
    """Refuse keys that may take for ever to hash: tuples nested N deep (2^N hashes) and huge numbers."""
    for key in keys:
        if not isinstance(key, (str, bytes, float, int, NoneType)) or (isinstance(key, int) and key.bit_length() > 64):
            raise pickle.UnpicklingError("it has a key that is neither a text nor a number")


def _guarded(code: bytes, check: Callable[[list[Any]], None]) -> Callable[[Any], None]:
    """The unpickler's function for an opcode, after a check of the stack."""
    load = pickle._Unpickler.dispatch[code[0]]

    def guarded(unpickler: Any) -> None:
        check(unpickler.stack)
        load(unpickler)

    return guarded


GUARDS: dict[bytes, Callable[[list[Any]], None]] = {
    pickle.BUILD: lambda stack: _check_state(stack[-2]),
    pickle.SETITEM: lambda stack: _check_keys(stack[-2:-1]),
    pickle.SETITEMS: lambda stack: _check_keys(stack[::2]),
    pickle.DICT: lambda stack: _check_keys(stack[::2]),
    pickle.ADDITEMS: _check_keys,
}


class _PlainUnpickler(pickle._Unpickler):  # the Python one, where a huge memo index is no huge memo
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in STAND_INS:
            return STAND_INS[module, name]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")

    dispatch = pickle._Unpickler.dispatch | {code[0]: _guarded(code, check) for code, check in GUARDS.items()}


def save_plain_pickle(values: Any, path: Path) -> None:
    """Write builtin values as a pickle that any Python reads."""
    path.write_bytes(pickle.dumps(values, protocol=4))


def load_plain_pickle(path: Path) -> Any:
    """The builtin values in a pickle file, NumPy scalars as builtins.

    UserError where the file is missing, too large, damaged, or holds anything that is not plain data.
    """
    if not path.is_file():
        raise UserError(f"{path} is missing; put it next to the model, or train again")
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path} is larger than {MAX_BYTES // 1_000_000} MB, which no label map needs; train again")
    data = path.read_bytes()
    try:
        opcodes = Counter(opcode.name for opcode, _, _ in pickletools.genops(data))
        found = opcodes.keys() & REFUSED_OPCODES
        if found:
            raise pickle.UnpicklingError(f"it uses {', '.join(sorted(found))}")
        if opcodes["REDUCE"] > MAX_CALLS:
            raise pickle.UnpicklingError(f"it asks for {opcodes['REDUCE']} numbers of NumPy")
        return _PlainUnpickler(io.BytesIO(data)).load()
    except Exception as error:  # damaged bytes make the unpickler raise nearly anything
        reason = in_one_line(error) or type(error).__name__
        raise UserError(f"{path} is not a pickle of plain values and was not loaded ({reason}); train again") from error
