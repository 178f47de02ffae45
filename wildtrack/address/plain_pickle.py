"""Read a pickle of plain values without giving it any chance to run code."""

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any

from wildtrack.errors import UserError

MAX_BYTES = 50_000_000
NUMPY_SCALARS = {
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "scalar"),  # NumPy 1
    ("numpy._core.multiarray", "scalar"),  # NumPy 2
}
# opcodes that reach outside the data, or set memory aside before anything is read
REFUSED_OPCODES = {"EXT1", "EXT2", "EXT4", "PERSID", "BINPERSID", "INST", "OBJ", "NEXT_BUFFER", "BYTEARRAY8"}


class _PlainUnpickler(pickle._Unpickler):  # type: ignore[name-defined,misc]  # the Python one: a huge memo index stays cheap
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) in NUMPY_SCALARS:
            return super().find_class(module, name)
        raise pickle.UnpicklingError(f"it asks for {module}.{name}")


def load_plain_pickle(path: Path) -> Any:
    """The builtin values (and NumPy scalars) in a pickle file.

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
        raise UserError(f"{path} is not a pickle of plain values and was not loaded ({error}); train again") from error
