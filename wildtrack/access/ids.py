"""The image_id and photo_id of a catalogue's rows: some are unique in one place only, such as one season's table."""

from itertools import chain, count

import pandas as pd

from wildtrack.access.cells import UNKNOWN

Reasons = dict[int, str]  # row -> what was wrong with it


def given_twice(table: pd.DataFrame) -> Reasons:
    """The rows that say nothing but what a row above says."""
    facts = [name for name in ("image_id", "path", "identity", "bbox") if name in table]
    twice = table.index[table.duplicated(facts)].tolist()
    return {row: f"image_id {table['image_id'][row]!r} is taken by a row above, which is the same" for row in twice}


def listed_again(table: pd.DataFrame) -> str:
    """A remark on rows whose photo and animal are those of a row above, where no box tells two animals; "" for none."""
    facts = [name for name in ("path", "identity", "bbox") if name in table]
    again = table.duplicated(facts) & (table["identity"] != UNKNOWN)
    paths = table["path"][again].tolist()
    return f"rows that list a photo again under the same name: {len(paths)}, such as {paths[0]}" if paths else ""


def own_image_ids(table: pd.DataFrame) -> tuple["pd.Series[str]", Reasons]:
    """An image_id for each row, and the rows whose own stands above for another photo or animal: the path is added."""
    ids, taken = table["image_id"].copy(), set(table["image_id"])
    renamed: Reasons = {}
    for row in table.index[ids.duplicated()].tolist():
        image_id, name = ids[row], f"{ids[row]} ({table['path'][row]})"
        numbered = (f"{name} {number}" for number in count(2))
        ids[row] = next(each for each in chain([name], numbered) if each not in taken)
        taken.add(ids[row])
        renamed[row] = f"image_id {image_id!r} is taken by a row above; this row is called {ids[row]!r}"
    return ids, renamed


def own_photo_ids(table: pd.DataFrame) -> tuple["pd.Series[str]", Reasons]:
    """A photo_id for each row, and the rows where it was replaced by the path: others with it show another photo.

    Crops of one photo have one photo_id and several paths. Two photos have two dates, or boxes in two files.
    """
    photos = table.reindex(columns=["photo_id", "path", "date", "bbox"]).groupby("photo_id")
    paths = photos["path"].transform("nunique")
    are_several = (paths > 1) & ((photos["date"].transform("nunique") > 1) | (photos["bbox"].transform("count") > 0))
    replaced = {
        row: f"photo_id {table['photo_id'][row]!r} is that of {paths[row]:.0f} photos; the path is used"
        for row in table.index[are_several]
    }
    return table["photo_id"].mask(are_several, table["path"]), replaced
