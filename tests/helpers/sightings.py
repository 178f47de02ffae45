"""Sightings to add to a store."""

import numpy as np

from wildtrack.web.store import Claim, Store

KNOWN = {"Ana", "Blå"}
MODEL = "f" * 64


def add(store: Store, photo: bytes = b"one", identity: str = "Ana", new: bool = False, another: bool = False) -> int:
    vector = np.full(4, len(photo), np.float32)
    return store.add(photo, ".jpg", Claim(identity, new, "left", "match", 0.9, another), MODEL, vector, KNOWN).id
