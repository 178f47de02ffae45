"""From a split catalogue to what `fit` needs: which rows, and which class numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.encounters import photo_keys
from wildtrack.assess.subsets import identity_generator
from wildtrack.console import counted
from wildtrack.errors import UserError

ENOUGH_UNSEEN = 120  # photos of animals that training does not see, to learn when a photo shows an unknown animal
FEW_IDENTITIES = 10  # of fewer, a network learns these animals rather than what tells animals apart
FEW_PHOTOS = 3  # of an animal: with fewer it is mostly the photo that is learnt
UNEQUAL = 10  # times as many photos of one animal as of a typical one


@dataclass(frozen=True)
class TrainingSet:
    """The subsets of a catalogue as row numbers."""

    train: np.ndarray  # int (T,)
    valid: np.ndarray  # int (V,), of the same identities; may be empty
    labels: np.ndarray  # int (T,), class numbers of the train rows
    identities: tuple[str, ...]  # class number -> identity


def check_trainable(table: pd.DataFrame) -> None:
    """Raise a UserError for fewer than two identities, or none with two photos; unknown animals do not count."""
    counts = table.loc[table["identity"] != UNKNOWN, "identity"].value_counts()
    if len(counts) < 2:
        shown = f"only {counts.index[0]!r}" if len(counts) else "none"
        raise UserError(
            f"training needs at least two identities, and these photos show {shown}; add photos of another animal"
        )
    if counts.max() < 2:
        raise UserError(
            f"none of the {len(counts)} identities has two photos, so nothing can be learnt; add a second photo of some"
        )


def hold_out(table: pd.DataFrame, subset: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The subsets (N,), with "valid" for all training photos of some identities, which the network will not know.

    They teach when a photo shows an unknown animal. At most a `share` (0 to 1) of the identities is drawn, and no more
    than have `ENOUGH_UNSEEN` photos; none of fewer than `FEW_IDENTITIES`, or where "valid" has others than "train".
    """
    names = table["identity"].to_numpy(dtype=object)
    trained = set(names[subset == "train"])
    if len(trained) < FEW_IDENTITIES or set(names[subset == "valid"]) - trained:
        return subset
    owners = table.groupby(photo_keys(table))["identity"].transform("nunique").to_numpy()
    tied = set(names[owners > 1])  # to the identity in the same photo, and so to its subset
    drawn = sorted(trained - tied, key=lambda identity: identity_generator(seed, str(identity)).random())
    drawn = drawn[: int(share * len(trained))]
    photos = pd.Series(names[subset != "test"]).value_counts()[drawn]
    kept = photos.index[photos.cumsum().shift(fill_value=0) < ENOUGH_UNSEEN]
    return np.where((subset == "train") & np.isin(names, kept), "valid", subset)


def training_set(table: pd.DataFrame, subset: np.ndarray) -> TrainingSet:
    """The rows to learn from and to validate with, of the same identities; a UserError for fewer than two of these."""
    names = table["identity"].to_numpy(dtype=str)
    train = np.flatnonzero(subset == "train")
    identities, labels = np.unique(names[train], return_inverse=True)
    if len(identities) < 2:
        raise UserError("training needs two identities in the subset train; add photos, or choose another --split")
    valid = np.flatnonzero((subset == "valid") & np.isin(names, identities))
    return TrainingSet(train, valid, labels, tuple(identities.tolist()))


def training_warnings(rows: TrainingSet, names: np.ndarray, valid_share: float) -> list[str]:
    """What will keep a training from being good, one sentence each; `names` (N,): the identity of each row."""
    photos = np.bincount(rows.labels)  # (identities,)
    typical = int(np.median(photos))
    warnings = []
    if len(photos) < FEW_IDENTITIES:
        warnings.append(
            f"only {len(photos)} identities to train on: the model will know these, and little about what tells other "
            "animals apart; photos of more animals help most"
        )
    if typical < FEW_PHOTOS:
        warnings.append(
            f"half of the identities have {counted(typical, 'training photo', 'training photos')} or fewer, too few to "
            "learn what stays the same about an animal; photos of the same animals on other days help most"
        )
    if photos.max() > UNEQUAL * typical:
        warnings.append(
            f"{rows.identities[photos.argmax()]!r} has {photos.max()} training photos, a typical identity {typical}: "
            "the model will lean towards it; --batches balanced shows all equally often"
        )
    if valid_share and not len(rows.valid):
        warnings.append(
            "no photo could be set aside for validation, so the last epoch is kept, good or not; add photos of the "
            "same animals on other days"
        )
    validated = set(names[rows.valid].tolist())
    if len(validated) == 1:
        warnings.append(
            f"all validation photos show {validated.pop()!r}: this one animal decides which epoch and which matcher is "
            "best; add photos of the others on other days"
        )
    return warnings
