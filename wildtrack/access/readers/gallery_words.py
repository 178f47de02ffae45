"""Subsets called train, query and gallery: as person re-identification has them, gallery animals are others."""

from collections.abc import Sequence

from wildtrack.access.cells import SPLIT_WORDS, UNKNOWN
from wildtrack.console import counted

_GALLERY = ("gallery", "database")


def keep_gallery_unseen(identities: Sequence[str], words: Sequence[str]) -> tuple[list[str], str]:
    """The subsets with "test" for gallery photos of animals that `train` has none of, and what was changed in words.

    Without a subset `train`, the gallery is what a model can learn from, and stays as it is.
    """
    plain = [word.strip().casefold() for word in words]
    pairs = list(zip(identities, plain, strict=True))
    learnt = {name for name, word in pairs if word not in _GALLERY and SPLIT_WORDS.get(word) == "train"}
    unseen = {name for name, word in pairs if word in _GALLERY} - learnt - {UNKNOWN, ""}
    if not learnt or not unseen:
        return list(words), ""
    moved = [name in unseen and word in _GALLERY for name, word in pairs]
    changed = ["test" if move else word for move, word in zip(moved, words, strict=True)]
    animals = counted(len(unseen), "animal", "animals")
    return changed, f"the gallery has {animals} that train has not: tested against their query photos, never trained on"
