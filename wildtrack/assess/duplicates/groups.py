"""Duplicates in a whole catalogue: which photos show the same picture, what that means, and which can go.

In: the catalogue's table and its `Pictures`. Out: a row for each photo with a duplicate.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates.hashes import (
    NEAR_DUPLICATE_BITS,
    SEARCHED_AT_ONCE,
    Hashes,
    Pixels,
    Rows,
    bits_apart,
    hash_words,
    is_flat,
    join,
    near_pairs,
    same_picture,
)
from wildtrack.assess.encounters import photo_keys
from wildtrack.console import track

# The least of each is best, but of size the greatest.
BEST_FIRST = ["faults", "whole", "size", "says_copy", "letters", "row"]
COPY = re.compile(r"cop(y|ie|ia)|kopie|\(\d+\)", re.IGNORECASE)  # what file managers add to a copy's name
NOBODY = -1  # no row


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Pictures:
    """What duplicates are found by, one of each for N photos.

    Attributes:
        thumbnails: The photos as `Decoded.small` has them, uint8 (N, 32, 32, 3); may be a memory map.
        hashes: From `perceptual_hashes` of them, bool, shape (N, 64).
        digests: From `photo_digests`: digests of the files, "" where a file cannot be read.
        faults: How much is wrong with each photo, such as the number of its quality flags, int (N,).
        sizes: The pixels of each photo or box itself, (N,).
    """

    thumbnails: Pixels
    hashes: Hashes
    digests: list[str]
    faults: npt.NDArray[np.integer]
    sizes: npt.NDArray[np.floating]


def check_for_duplicates(table: pd.DataFrame, pictures: Pictures) -> pd.DataFrame:
    """Find the photos that show the same picture as another photo of the catalogue.

    Two rows of different photos are duplicates when their files are equal byte by byte and their boxes do not tell two
    animals apart: they are equal, or only one row has one (exact file); or when their hashes differ in
    `NEAR_DUPLICATE_BITS` bits or fewer and their thumbnails confirm it (near: saved again, recompressed, resized,
    brightened, or the next frame if nothing moved). A group is whatever such pairs connect. Rows of one photo are never
    duplicates of each other, and a photo that shows nothing is only one by its file.

    A photo is removable when a duplicate of it, of the same identity, stays. In each group the photos of an identity
    are gone through the best first, and one that duplicates none of those that stay so far stays too. So the frames of
    a slow pan are not reduced to one. The best is the one with the fewest faults, then one with a box before one
    without, then the one with the most pixels, then one whose file name does not say that it is a copy, then the one
    with the shortest file name, then the first in the catalogue. Nothing of a group with two known identities is
    removable: one label is wrong, only a person can tell which, and needs to see the copies.

    Args:
        table: A catalogue with `image_id`, `identity` and `path`, perhaps `photo_id`, `bbox` and `split`, N rows.
        pictures: Of the N rows.

    Returns:
        One row a photo with a duplicate, group by group in the catalogue's order: `group` (int, from 0), `image_id`,
        `identity`, `path`, `split` (where the table has it), `kind` ("exact file" or "near") and `distance` (bits, 0 to
        64) to `duplicate_of` (the image_id of the photo that stays instead, or of its closest duplicate), `removable`,
        and what the group says about this photo: `within_identity` (another photo of it has the same identity),
        `across_identities` (another has another identity: one of the labels is wrong), `across_splits` (another is
        in another subset of `split`: leakage). "unknown" is no identity: it can be removable, but sets no flag but
        `across_splits`.

    Raises:
        ValueError: Not one of each picture's parts a row.
    """
    counts = {name: len(part) for name, part in vars(pictures).items()}
    if set(counts.values()) != {len(table)}:
        given = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise ValueError(f"{given} for {len(table)} rows; there must be one of each a row.")
    words, thumbnails = hash_words(pictures.hashes), pictures.thumbnails
    photos = pd.factorize(photo_keys(table))[0]
    files = pd.factorize(pd.Series([digest or row for row, digest in enumerate(pictures.digests)], dtype=object))[0]
    box = pd.factorize(pd.Series([box and str(box) for box in boxes(table)], dtype=object))[0]  # -1: none
    shows = np.array([not is_flat(photo) for photo in thumbnails], dtype=np.bool_)
    names = [PurePosixPath(path).name for path in table["path"]]
    of_file = _same_files(files, box, photos)
    labels, of_hash, distances = _near(pictures, photos, np.flatnonzero(shows))
    copies = np.flatnonzero(of_file != NOBODY)
    parts = pd.DataFrame(
        {
            "group": join(labels, copies, of_file[copies]),
            "row": np.arange(len(table)),
            "identity": table["identity"].to_numpy(dtype=object),
            "photo": photos,
            "file": files,
            "box": box,
            "word": words,
            "shows": shows,
            "faults": pictures.faults,
            "whole": box == NOBODY,
            "size": pictures.sizes,
            "says_copy": [bool(COPY.search(name)) for name in names],
            "letters": [len(name) for name in names],
            "other": np.where(of_file != NOBODY, of_file, of_hash),
            "kind": np.where(of_file != NOBODY, "exact file", "near"),
            "distance": np.where(of_file != NOBODY, 0, distances),
        }
    )
    parts = parts[parts["other"] != NOBODY].sort_values(["group", "row"], ignore_index=True)
    return _report(_with_removable(parts, thumbnails), table)


def _same_files(files: Rows, box: Rows, photos: Rows) -> Rows:
    """The first row of an equal file in another photo whose box may be this one's, shape (N,); NOBODY for none."""
    whole = box == NOBODY
    equal = _partners(pd.factorize(pd.MultiIndex.from_arrays([files, box]))[0], photos, ~whole)
    of_any, of_whole = _partners(files, photos, np.ones_like(whole)), _partners(files, photos, whole)
    return np.where(whole, of_any, np.where(equal != NOBODY, equal, of_whole))


def _partners(keys: Rows, photos: Rows, among: npt.NDArray[np.bool_]) -> Rows:
    """The first of the rows `among` of equal key in another photo, shape (N,); NOBODY where there is none."""
    rows = pd.Series(np.flatnonzero(among))
    firsts = rows.groupby(keys[rows]).transform("first").to_numpy(dtype=np.intp)
    others = rows[photos[rows] != photos[firsts]]
    first, second = (
        pd.Series(keys).map(found.groupby(keys[found]).first()).fillna(NOBODY).to_numpy(dtype=np.intp)
        for found in (rows, others)
    )
    return np.where(photos != photos[first], first, second)


def _near(pictures: Pictures, photos: Rows, shows: Rows) -> tuple[Rows, Rows, Rows]:
    """Search the rows in `shows`: groups (see `join`), the closest row in another photo or NOBODY, and its distance."""
    count = len(photos)
    labels = np.arange(count)
    nobody = np.iinfo(np.intp).max
    closest = np.full(count, nobody)  # distance * N + row, so that the least of it is the closest and first
    blocks = -(-len(shows) // SEARCHED_AT_ONCE)
    for places, earlier, bits in track(near_pairs(pictures.hashes[shows]), "Comparing photos", blocks):
        rows, others = shows[places], shows[earlier]
        kept = photos[rows] != photos[others]
        kept[kept] = same_picture(pictures.thumbnails, rows[kept], others[kept])
        rows, others, distances = rows[kept], others[kept], bits[kept]
        labels = join(labels, rows, others)
        np.minimum.at(closest, rows, distances * count + others)
        np.minimum.at(closest, others, distances * count + rows)
    found = closest != nobody
    distance, row = np.divmod(closest, max(1, count))
    return labels, np.where(found, row, NOBODY), np.where(found, distance, 0)


def _with_removable(parts: pd.DataFrame, thumbnails: Pixels) -> pd.DataFrame:
    """Choose what can go: `removable`, and for those rows `other`, `kind` and `distance` to the row that stays."""
    known = parts["identity"].where(parts["identity"] != UNKNOWN)
    settled = parts[known.groupby(parts["group"]).transform("nunique") < 2]
    row, photo, file, box, word, shows = (
        parts[name].to_numpy() for name in ("row", "photo", "file", "box", "word", "shows")
    )
    chosen = {name: parts[name].to_numpy(copy=True) for name in ("other", "kind", "distance")}
    removable = np.zeros(len(parts), dtype=np.bool_)
    best_first = settled.sort_values(BEST_FIRST, ascending=[by != "size" for by in BEST_FIRST])
    for places in best_first.groupby(["group", "identity"]).indices.values():
        left = best_first.index.to_numpy()[places]
        while len(left) > 1:
            stays, left = left[0], left[1:]
            bits = bits_apart(word[left], word[stays])
            one_box = (box[left] == box[stays]) | (box[left] == NOBODY) | (box[stays] == NOBODY)
            same = (file[left] == file[stays]) & one_box
            near = (bits <= NEAR_DUPLICATE_BITS) & shows[left] & shows[stays]
            near[near] = same_picture(thumbnails, row[left[near]], np.full(near.sum(), row[stays]))
            leaves = (same | near) & (photo[left] != photo[stays])
            gone = left[leaves]
            removable[gone] = True
            chosen["other"][gone] = row[stays]
            chosen["kind"][gone] = np.where(same, "exact file", "near")[leaves]
            chosen["distance"][gone] = np.where(same, 0, bits)[leaves]
            left = left[~leaves]
    return parts.assign(removable=removable, **chosen)


def _report(parts: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The table for people: groups numbered from 0, rows by their names, and what the group means for each."""
    groups, rows = parts["group"], parts["row"].to_numpy(dtype=np.intp)
    known = parts["identity"].where(parts["identity"] != UNKNOWN)
    photos = parts.groupby(["group", "identity"])["photo"].transform("nunique")
    identities = known.groupby(groups).transform("nunique")
    names = [name for name in ("image_id", "identity", "path", "split") if name in table]
    report = table[names].iloc[rows].reset_index(drop=True)
    report.insert(0, "group", pd.factorize(groups)[0])
    return report.assign(
        kind=parts["kind"],
        distance=parts["distance"],
        duplicate_of=table["image_id"].to_numpy()[parts["other"].to_numpy(dtype=np.intp)],
        removable=parts["removable"],
        within_identity=known.notna() & (photos > 1),
        across_identities=known.notna() & (identities > 1),
        across_splits=report["split"].groupby(groups).transform("nunique") > 1 if "split" in table else False,
    )
