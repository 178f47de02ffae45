"""From a split catalogue to what `fit` needs: which rows, and which class numbers."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.encounters import photo_keys
from wildtrack.assess.subsets import identity_generator
from wildtrack.errors import UserError

ENOUGH_UNSEEN = 120  # photos of animals that training does not see, to learn when a photo shows an unknown animal
FEW_IDENTITIES = 10  # of whom a network learns themselves more than what tells animals apart
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
    """Raise a UserError for fewer than two identities, or none with two photos; "unknown" teaches nothing."""
    counts = table.loc[table["identity"] != UNKNOWN, "identity"].value_counts()
    if len(counts) < 2:
        named = f"only {counts.index[0]!r}" if len(counts) else "none"
        raise UserError(
            f"training needs at least two identities, and these photos show {named}; add photos of another animal"
        )
    if counts.max() < 2:
        raise UserError(
            f"none of the {len(counts)} identities has two photos, so nothing can be learnt; add a second photo of some"
        )


def hold_out(table: pd.DataFrame, subset: np.ndarray, share: float, seed: int) -> np.ndarray:
    """The subsets (N,), with "valid" for all training photos of some identities: the network will not know these.

    From these it is learnt when a photo shows an unknown animal; of animals that a network was trained on it knows too
    much. Their photos stay in the gallery, so they are found like all others. As many identities are drawn, by the
    seed and whatever the order of rows, as have `ENOUGH_UNSEEN` photos.

    Args:
        table: The catalogue, N rows.
        subset: "train", "valid" or "test" for each row, (N,).
        share: Of the training's identities that may be kept from it, 0 to 1; with fewer than `FEW_IDENTITIES` of them,
            or where "valid" has other animals than "train" already, none are.
        seed: Names the draw.
    """
    names = table["identity"].to_numpy(dtype=object)
    trained = set(names[subset == "train"])
    if len(trained) < FEW_IDENTITIES or set(names[subset == "valid"]) - trained:
        return subset
    owners = table.groupby(photo_keys(table))["identity"].transform("nunique").to_numpy()
    tied = set(names[owners > 1])  # to the identity in the same photo, and so to its subset
    drawn = sorted(trained - tied, key=lambda identity: identity_generator(seed, str(identity)).random())
    kept: list[str] = []
    for identity in drawn[: int(share * len(trained))]:
        if (np.isin(names, kept) & (subset != "test")).sum() >= ENOUGH_UNSEEN:
            break
        kept.append(identity)
    return np.where((subset == "train") & np.isin(names, kept), "valid", subset)


def training_set(table: pd.DataFrame, subset: np.ndarray) -> TrainingSet:
    """Number the identities of the subset "train"; `subset` (N,) is "train", "valid" or "test" for each row.

    Raises:
        UserError: It shows fewer than two identities.
    """
    train = np.flatnonzero(subset == "train")
    known = table["identity"].isin(table["identity"].iloc[train]).to_numpy()
    valid = np.flatnonzero((subset == "valid") & known)  # nobody could find the others
    identities, labels = np.unique(table["identity"].to_numpy(dtype=str)[train], return_inverse=True)
    if len(identities) < 2:
        raise UserError(
            "training needs at least two identities in the subset train; add photos, or choose another --split"
        )
    return TrainingSet(train, valid, labels, tuple(str(identity) for identity in identities))


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
            f"half of the identities have {typical} training photo{'s' * (typical != 1)} or fewer, which is too few to "
            "learn what stays the same about an animal; photos of the same animals on other days help most"
        )
    if photos.max() > UNEQUAL * typical:
        warnings.append(
            f"{rows.identities[int(photos.argmax())]!r} has {photos.max()} training photos, a typical identity "
            f"{typical}: the model will lean towards it; --batches balanced shows all equally often"
        )
    if valid_share and not len(rows.valid):
        warnings.append(
            "no photo could be set aside for validation, so the last epoch is kept, good or not; photos of the same "
            "animals on other days mend that"
        )
    validated = {str(name) for name in names[rows.valid]}
    if len(validated) == 1:
        warnings.append(
            f"all validation photos show {validated.pop()!r}: which epoch and which matcher is best is decided by this "
            "one animal; photos of the others on other days mend that"
        )
    return warnings
