"""Duplicates in a whole catalogue: which photos show the same picture, what that means, and which can go."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.boxes import boxes
from wildtrack.access.cells import UNKNOWN
from wildtrack.assess.duplicates import hashes
from wildtrack.assess.duplicates.hashes import NEAR_DUPLICATE_BITS, Flags, Hashes, Pixels, Rows, join, same_picture
from wildtrack.assess.encounters import photo_keys
from wildtrack.console import track

# The least of each is best, but of size the greatest.
BEST_FIRST = ["faults", "whole", "size", "says_copy", "letters", "row"]
COPY = re.compile(r"cop(y|ie|ia)|kopie|\(\d+\)", re.IGNORECASE)  # what file managers add to a copy's name
NOBODY = -1  # no row


@dataclass(frozen=True, eq=False)  # arrays have no single truth value to compare by
class Pictures:
    """What duplicates are found by, one of each for N photos."""

    thumbnails: Pixels  # the photos as `Decoded.small` has them, uint8 (N, 32, 32, 3); may be a memory map
    hashes: Hashes  # from `perceptual_hashes` of them, bool (N, 64)
    digests: list[str]  # from `photo_digests`: digests of the files, "" where a file cannot be read
    faults: npt.NDArray[np.integer]  # (N,) how much is wrong with each, such as the number of its quality flags
    sizes: npt.NDArray[np.floating]  # (N,) the pixels of each photo or box itself


def check_for_duplicates(table: pd.DataFrame, pictures: Pictures) -> pd.DataFrame:
    """A row for each photo of a catalogue that shows the same picture as another photo of it, group by group.

    `kind` is "exact file", equal byte by byte with boxes that do not tell two animals apart, or "near", with hashes
    that differ in at most `NEAR_DUPLICATE_BITS` and thumbnails that confirm it. A group is whatever such pairs connect.
    `distance` (bits) is that to `duplicate_of`, the photo that stays instead, or the closest duplicate. A photo is
    `removable` when a duplicate of the same identity stays; nothing is where a group has two known identities. The
    other flags: another photo of the group has the same identity (`within_identity`), other known identities
    (`across_identities`), or is in another subset (`across_splits`).
    """
    counts = {name: len(part) for name, part in vars(pictures).items()}
    if set(counts.values()) != {len(table)}:
        given = ", ".join(f"{count} {name}" for name, count in counts.items())
        raise ValueError(f"{given} for {len(table)} rows; there must be one of each a row.")
    photos = pd.factorize(photo_keys(table))[0]
    files = pd.factorize(pd.Series([digest or row for row, digest in enumerate(pictures.digests)], dtype=object))[0]
    box = pd.factorize(pd.Series([box and str(box) for box in boxes(table)], dtype=object))[0]  # -1: none
    shows = np.array([not hashes.is_flat(photo) for photo in pictures.thumbnails], dtype=np.bool_)
    names = [PurePosixPath(path).name for path in table["path"]]
    of_file = _same_files(files, box, photos)
    labels, of_hash, distances = _near(pictures, photos, np.flatnonzero(shows))
    copies = of_file != NOBODY
    parts = pd.DataFrame(
        {
            "group": join(labels, np.flatnonzero(copies), of_file[copies]),
            "row": np.arange(len(table)),
            "identity": table["identity"].to_numpy(dtype=object),
            "photo": photos,
            "file": files,
            "box": box,
            "word": hashes.hash_words(pictures.hashes),
            "shows": shows,
            "faults": pictures.faults,
            "whole": box == NOBODY,
            "size": pictures.sizes,
            "says_copy": [bool(COPY.search(name)) for name in names],
            "letters": [len(name) for name in names],
            "other": np.where(copies, of_file, of_hash),
            "kind": np.where(copies, "exact file", "near"),
            "distance": np.where(copies, 0, distances),
        }
    )
    parts = parts[parts["other"] != NOBODY].sort_values(["group", "row"], ignore_index=True)
    return _report(_with_removable(parts, pictures.thumbnails), table)


def _same_files(files: Rows, box: Rows, photos: Rows) -> Rows:
    """The first row of an equal file in another photo whose box may be this one's, shape (N,); NOBODY for none."""
    whole = box == NOBODY
    equal = _partners(pd.factorize(pd.MultiIndex.from_arrays([files, box]))[0], photos, ~whole)
    of_any, of_whole = _partners(files, photos, np.ones_like(whole)), _partners(files, photos, whole)
    return np.where(whole, of_any, np.where(equal != NOBODY, equal, of_whole))


def _partners(keys: Rows, photos: Rows, among: Flags) -> Rows:
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
    count, nobody = len(photos), np.iinfo(np.intp).max
    labels = np.arange(count)
    closest = np.full(count, nobody)  # distance * N + row, so that the least of it is the closest and first
    blocks = -(-len(shows) // hashes.SEARCHED_AT_ONCE)
    for places, earlier, bits in track(hashes.near_pairs(pictures.hashes[shows]), "Comparing photos", blocks):
        rows, others = shows[places], shows[earlier]
        kept = photos[rows] != photos[others]
        kept[kept] = same_picture(pictures.thumbnails, rows[kept], others[kept])
        rows, others, distances = rows[kept], others[kept], bits[kept]
        labels = join(labels, rows, others)
        np.minimum.at(closest, rows, distances * count + others)
        np.minimum.at(closest, others, distances * count + rows)
    distance, row = np.divmod(closest, max(1, count))
    return labels, np.where(closest == nobody, NOBODY, row), np.where(closest == nobody, 0, distance)


def _with_removable(parts: pd.DataFrame, thumbnails: Pixels) -> pd.DataFrame:
    """Choose what can go: `removable`, and for those rows `other`, `kind` and `distance` to the row that stays.

    The best photo of an identity stays, and each that duplicates none of those that stay, as in the frames of a pan.
    """
    known = parts["identity"].where(parts["identity"] != UNKNOWN)
    settled = parts[known.groupby(parts["group"]).transform("nunique") < 2]
    columns = ("row", "photo", "file", "box", "word", "shows")
    row, photo, file, box, word, shows = (parts[name].to_numpy() for name in columns)
    chosen = {name: parts[name].to_numpy(copy=True) for name in ("other", "kind", "distance")}
    removable = np.zeros(len(parts), dtype=np.bool_)
    best_first = settled.sort_values(BEST_FIRST, ascending=[by != "size" for by in BEST_FIRST])
    for places in best_first.groupby(["group", "identity"]).indices.values():
        left = best_first.index.to_numpy()[places]
        while len(left) > 1:
            stays, left = left[0], left[1:]
            bits = hashes.bits_apart(word[left], word[stays])
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
    named = parts[known.notna()].groupby(["group", "photo"])["identity"].agg(frozenset)  # a photo may show two
    ways = named.groupby("group").nunique()
    names = [name for name in ("image_id", "identity", "path", "split") if name in table]
    report = table[names].iloc[rows].reset_index(drop=True)
    report.insert(0, "group", pd.factorize(groups)[0])
    return report.assign(
        kind=parts["kind"],
        distance=parts["distance"],
        duplicate_of=table["image_id"].to_numpy()[parts["other"].to_numpy(dtype=np.intp)],
        removable=parts["removable"],
        within_identity=known.notna() & (photos > 1),
        across_identities=known.notna() & (groups.map(ways) > 1),
        across_splits=report["split"].groupby(groups).transform("nunique") > 1 if "split" in table else False,
    )
