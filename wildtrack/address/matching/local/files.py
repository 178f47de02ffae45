"""An index of keypoints on disk: plain arrays, opened without executing anything in them."""

from pathlib import Path

import numpy as np

from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.matching.local.voting import LENGTH, KeypointIndex, Parts, stacked_descriptors
from wildtrack.storage.files import open_array

ARRAYS = {"photos": np.int32, "places": np.float32, "descriptors": np.uint8, "centres": np.float32, "members": np.int32}


def write_keypoints(index: KeypointIndex, folder: Path) -> None:
    """Write `keypoint_*.npy`.

    `photos` (G, 3) is how many keypoints each photo has, and its height and width; `places` (K, 2) and `descriptors`
    (K, 128) follow in that order; `centres` (P, 128) and `members` (K,) are the index's parts, empty where it has none.
    """
    parts = index.parts or Parts(np.zeros((0, LENGTH), np.float32), np.zeros(0, np.int32))
    arrays = {
        "photos": np.array([[len(photo.places), *photo.size] for photo in index.gallery], np.int32).reshape(-1, 3),
        "places": np.concatenate([np.zeros((0, 2), np.float32), *(photo.places for photo in index.gallery)]),
        "descriptors": stacked_descriptors(index.gallery),
        "centres": parts.centres,
        "members": parts.members,
    }
    for name, values in arrays.items():
        np.save(folder / f"keypoint_{name}.npy", values.astype(ARRAYS[name], copy=False), allow_pickle=False)


def open_keypoints(folder: Path) -> KeypointIndex:
    """Open the index, mapped from disk; OSError, ValueError or EOFError where files are missing or do not fit."""
    photos, places, descriptors, centres, members = (open_array(folder / f"keypoint_{name}.npy") for name in ARRAYS)
    total = places.size // 2
    fits = (
        [values.dtype for values in (photos, places, descriptors, centres, members)] == list(ARRAYS.values())
        and photos.shape[1:] == (3,)
        and (photos >= 0).all()
        and int(photos[:, 0].sum()) == total
        and places.shape == (total, 2)
        and descriptors.shape == (total, LENGTH)
        and centres.shape[1:] == (LENGTH,)
        and members.shape == (total if len(centres) else 0,)
        and (not len(members) or (members.min() >= 0 and members.max() < len(centres)))
    )
    if not fits:
        raise ValueError(f"the keypoints in {folder} do not fit together")
    ends = np.cumsum(photos[:, 0])
    gallery = [
        Keypoints(places[end - count : end], descriptors[end - count : end], (int(height), int(width)))
        for end, (count, height, width) in zip(ends, photos, strict=True)
    ]
    return KeypointIndex(gallery, Parts(np.asarray(centres), np.asarray(members)) if len(centres) else None)
