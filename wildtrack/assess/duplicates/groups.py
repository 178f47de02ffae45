"""Duplicates of a whole catalogue: which photos show the same picture, what that means, and which may leave.

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
    join,
    near_pairs,
    same_picture,
)
from wildtrack.assess.encounters import photo_keys
from wildtrack.console import track

KINDS = ("exact file", "exact pixels", "near")
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
        pixel_digests: From `pixel_digests`: digests of the pixels, "" for a photo that shows nothing.
        faults: How much is wrong with each photo, such as the number of its quality flags, int (N,).
        sizes: The pixels of each photo or box itself, (N,).
    """

    thumbnails: Pixels
    hashes: Hashes
    digests: list[str]
    pixel_digests: list[str]
    faults: npt.NDArray[np.integer]
    sizes: npt.NDArray[np.floating]

    def check(self, rows: int) -> None:
        """Raise a ValueError where there is not one of each for each of so many rows."""
        parts = (self.thumbnails, self.hashes, self.digests, self.pixel_digests, self.faults, self.sizes)
        counts = [len(part) for part in parts]
        if counts != [rows] * 6:
            given = "{} thumbnails, {} hashes, {} files, {} pixel digests, {} faults and {} sizes".format(*counts)
            raise ValueError(f"{given} for {rows} rows; there must be one of each a row.")


def check_for_duplicates(table: pd.DataFrame, pictures: Pictures) -> pd.DataFrame:
    """Find the photos that show the same picture as another photo of the catalogue.

    Two rows of different photos are duplicates when their files are equal byte by byte and their boxes do not tell two
    animals apart: they are equal, or only one row has one (exact file), or their pixels, as decoded, are equal (exact
    pixels), or their hashes differ in `NEAR_DUPLICATE_BITS` bits or fewer and their thumbnails confirm it (near:
    recompressed, resized, brightened, or the next frame if nothing moved). A group is whatever such pairs connect. Rows
    of one photo are never duplicates of each other, and a photo that shows nothing only is one by its file.

    A photo is removable when a duplicate of it, of the same identity, stays. In each group the photos of an identity
    are gone through the best first, and one that duplicates none of those that stay so far stays too. So the frames of
    a slow pan are not reduced to one. The best is the one with the fewest faults, then one with a box before one
    without, then the one with the most pixels, then one whose file name does not say that it is a copy, then the one
    with the shortest file name, then the first in the catalogue. Nothing of a group with two known identities is
    removable: one label is wrong, nobody but a person knows which, and the copies are what that person needs to see.

    Args:
        table: A catalogue with `image_id`, `identity` and `path`, perhaps `photo_id`, `bbox` and `split`, N rows.
        pictures: Of the N rows.

    Returns:
        One row a photo with a duplicate, group by group in the catalogue's order: `group` (int, from 0), `image_id`,
        `identity`, `path`, `split` (where the table has it), `kind` (one of KINDS) and `distance` (bits, 0 to 64) to
        `duplicate_of` (the image_id of the photo that stays instead, or of its closest duplicate), `removable`, and
        what the group tells about this photo: `within_identity` (another photo of it has the same identity),
        `across_identities` (another has another identity: one of the labels is wrong), `across_splits` (another is
        in another subset of `split`: leakage). "unknown" is no identity: it can be removable, but sets no flag but
        `across_splits`.

    Raises:
        ValueError: Not one thumbnail, hash, digest, pixel digest, count of faults and size a row.
    """
    pictures.check(len(table))
    thumbnails, hashes = pictures.thumbnails, pictures.hashes
    photos = pd.factorize(photo_keys(table))[0]
    files, pixels, box = _keys(pictures.digests), _keys(pictures.pixel_digests), _box_keys(table)
    names = [PurePosixPath(path).name for path in table["path"]]
    everyone = np.ones(len(table), dtype=np.bool_)
    of_file, of_pixels = _same_files(files, box, photos), _partners(pixels, photos, everyone)
    shows = np.flatnonzero(np.asarray(pictures.pixel_digests, dtype=object) != "")
    labels, of_hash, distances = _near(thumbnails, hashes, photos, shows)
    for partners in (of_file, of_pixels):
        rows = np.flatnonzero(partners != NOBODY)
        labels = join(labels, rows, partners[rows])
    exact = of_file != NOBODY, of_pixels != NOBODY
    parts = pd.DataFrame(
        {
            "group": labels,
            "row": np.arange(len(table)),
            "identity": table["identity"].to_numpy(dtype=object),
            "photo": photos,
            "file": files,
            "box": box,
            "pixels": pixels,
            "shows": np.isin(np.arange(len(table)), shows),
            "faults": pictures.faults,
            "whole": box == NOBODY,
            "size": pictures.sizes,
            "says_copy": [bool(COPY.search(name)) for name in names],
            "letters": [len(name) for name in names],
            "other": np.select(exact, (of_file, of_pixels), of_hash),
            "kind": np.select(exact, KINDS[:2], KINDS[2]),
            "distance": np.where(exact[0] | exact[1], 0, distances),
        }
    )
    parts = parts[parts["other"] != NOBODY].sort_values(["group", "row"])
    if "split" in table:
        parts["split"] = table["split"].to_numpy(dtype=object)[parts["row"]]
    return _report(_with_flags(_with_removable(parts, thumbnails, hashes)), table)


def _box_keys(table: pd.DataFrame) -> Rows:
    """Equal numbers for equal boxes, NOBODY for no box; shape (N,)."""
    return pd.factorize(pd.Series([None if box is None else str(box) for box in boxes(table)], dtype=object))[0]


def _keys(texts: list[str]) -> Rows:
    """Equal numbers for equal texts, shape (N,); "" equals none."""
    return pd.factorize(pd.Series([text or row for row, text in enumerate(texts)], dtype=object))[0]


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


def _near(thumbnails: Pixels, hashes: Hashes, photos: Rows, shows: Rows) -> tuple[Rows, Rows, Rows]:
    """Search the rows in `shows`: groups (see `join`), the closest row in another photo or NOBODY, and its distance."""
    labels = np.arange(len(hashes))
    nobody = np.iinfo(np.intp).max
    closest = np.full(len(hashes), nobody)  # distance * N + row, so that the least of it is the closest and first
    blocks = -(-len(shows) // SEARCHED_AT_ONCE)
    for places, earlier, bits in track(near_pairs(hashes[shows]), "Comparing photos", blocks):
        kept = photos[shows[places]] != photos[shows[earlier]]
        kept[kept] = same_picture(thumbnails, shows[places[kept]], shows[earlier[kept]])
        rows, others, distances = shows[places[kept]], shows[earlier[kept]], bits[kept]
        labels = join(labels, rows, others)
        np.minimum.at(closest, rows, distances * len(hashes) + others)
        np.minimum.at(closest, others, distances * len(hashes) + rows)
    found = closest != nobody
    distance, row = np.divmod(closest, max(1, len(hashes)))
    return labels, np.where(found, row, NOBODY), np.where(found, distance, 0)


def _with_removable(parts: pd.DataFrame, thumbnails: Pixels, hashes: Hashes) -> pd.DataFrame:
    """Choose what may leave: `removable`, and for those rows `other`, `kind` and `distance` to the row that stays."""
    parts = parts.reset_index(drop=True)
    known = parts["identity"].where(parts["identity"] != UNKNOWN)
    settled = parts[known.groupby(parts["group"]).transform("nunique") < 2]
    row, photo, file, box = (parts[name].to_numpy() for name in ("row", "photo", "file", "box"))
    pixels, shows = parts["pixels"].to_numpy(), parts["shows"].to_numpy()
    removable = np.zeros(len(parts), dtype=np.bool_)
    other, kind, distance = (parts[name].to_numpy(copy=True) for name in ("other", "kind", "distance"))
    best_first = settled.sort_values(BEST_FIRST, ascending=[by != "size" for by in BEST_FIRST])
    for places in best_first.groupby(["group", "identity"]).indices.values():
        left = best_first.index.to_numpy()[places]
        while len(left) > 1:
            stays, left = left[0], left[1:]
            bits = (hashes[row[left]] != hashes[row[stays]]).sum(axis=1)
            one_box = (box[left] == box[stays]) | (box[left] == NOBODY) | (box[stays] == NOBODY)
            same = (file[left] == file[stays]) & one_box, pixels[left] == pixels[stays]
            near = (bits <= NEAR_DUPLICATE_BITS) & shows[left] & shows[stays]
            near[near] = same_picture(thumbnails, row[left[near]], np.full(near.sum(), row[stays]))
            leaves = (same[0] | same[1] | near) & (photo[left] != photo[stays])
            gone = left[leaves]
            removable[gone] = True
            other[gone] = row[stays]
            kind[gone] = np.select(same, KINDS[:2], KINDS[2])[leaves]
            distance[gone] = np.where(same[0] | same[1], 0, bits)[leaves]
            left = left[~leaves]
    return parts.assign(removable=removable, other=other, kind=kind, distance=distance)


def _with_flags(parts: pd.DataFrame) -> pd.DataFrame:
    """Say what the group means for each of its rows."""
    groups = parts["group"]
    known = parts["identity"].where(parts["identity"] != UNKNOWN)
    photos = parts.groupby(["group", "identity"])["photo"].transform("nunique")
    identities = known.groupby(groups).transform("nunique")
    subsets = parts.groupby("group")["split"].transform("nunique") if "split" in parts else 0
    return parts.assign(
        within_identity=known.notna() & (photos > 1),
        across_identities=known.notna() & (identities > 1),
        across_splits=subsets > 1 if "split" in parts else False,
    )


def _report(parts: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The table for people: groups numbered from 0, rows by their names."""
    rows, others = parts["row"].to_numpy(dtype=np.intp), parts["other"].to_numpy(dtype=np.intp)
    columns = {"group": pd.factorize(parts["group"])[0]}
    columns |= {
        name: table[name].to_numpy()[rows] for name in ("image_id", "identity", "path", "split") if name in table
    }
    columns |= {name: parts[name].to_numpy() for name in ("kind", "distance")}
    columns["duplicate_of"] = table["image_id"].to_numpy()[others]
    flags = ("removable", "within_identity", "across_identities", "across_splits")
    return pd.DataFrame(columns | {name: parts[name].to_numpy(dtype=np.bool_) for name in flags})
