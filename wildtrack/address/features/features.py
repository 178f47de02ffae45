"""The features of photos, as matchers take them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.features.keypoints import Keypoints


@dataclass(frozen=True, eq=False)
class Features:
    """The features of N photos; an index array gives those of some."""

    embeddings: npt.NDArray[np.float32]  # (N, D), length one; may be mapped from disk
    viewpoints: npt.NDArray[np.object_]  # str (N,), which side of the animal shows, "" where not known
    keypoints: Sequence[Keypoints] | None = None  # None where no matcher in use needs them

    def __len__(self) -> int:
        return len(self.viewpoints)

    def __getitem__(self, rows: npt.NDArray[np.intp]) -> "Features":
        chosen = None if self.keypoints is None else [self.keypoints[row] for row in rows]
        return Features(self.embeddings[rows], self.viewpoints[rows], chosen)


def viewpoints_of(table: pd.DataFrame) -> npt.NDArray[np.object_]:
    """Which side of the animal each photo of a catalogue shows (`orientation`): str (N,), "" where not known."""
    if "orientation" not in table:
        return np.full(len(table), "", dtype=object)
    return table["orientation"].fillna("").astype(str).to_numpy(dtype=object)
