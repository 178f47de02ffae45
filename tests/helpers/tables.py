"""Small catalogues."""

from collections.abc import Sequence
from typing import Any

import pandas as pd


def catalogue(identities: Sequence[str], **columns: Any) -> pd.DataFrame:
    """Rows r0, r1, ... of these identities, "?" for "unknown", each in a photo of its own."""
    names = [f"r{row}" for row in range(len(identities))]
    identity = ["unknown" if name == "?" else name for name in identities]
    table = pd.DataFrame({"image_id": names, "identity": identity, "path": [f"{name}.jpg" for name in names]})
    return table.assign(**columns)


def days(*numbers: int | None) -> Any:
    """Dates in May, at 10 o'clock."""
    return [None if number is None else f"2024-05-{number:02d}T10:00:00" for number in numbers]
