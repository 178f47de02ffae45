"""Keys that are unique in one place only, such as the numbers of two seasons' tables: made unique, or refused."""

from typing import Any

Values = dict[str, list[Any]]  # column -> one value for each row
Reasons = dict[int, str]  # row -> what was wrong with it


def own_image_ids(values: Values, bad_rows: Reasons) -> tuple[list[Any], Reasons, Reasons]:
    """An image_id for each row, the rows without a path or image_id or that are given twice, and those named anew.

    A row whose image_id stands above for another photo or animal gets its path as well: no row is lost for its number.
    """
    ids, refused, renamed = list(values["image_id"]), dict[int, str](), dict[int, str]()
    seen: set[str] = set()
    rows = list(zip(*(values.get(name, [None] * len(ids)) for name in ("path", "identity", "bbox")), strict=True))
    facts = set()
    taken = {image_id for row, image_id in enumerate(ids) if row not in bad_rows}
    for row, (image_id, fact) in enumerate(zip(values["image_id"], rows, strict=True)):
        if row in bad_rows:
            continue
        if image_id is None or fact[0] is None:
            refused[row] = "image_id is empty" if image_id is None else "path is empty"
        elif (image_id, fact) in facts:
            refused[row] = f"image_id {image_id!r} is taken by a row above, which is the same"
        elif image_id in seen:
            number, ids[row] = 1, f"{image_id} ({fact[0]})"
            while ids[row] in taken:
                number += 1
                ids[row] = f"{image_id} ({fact[0]}) {number}"
            taken.add(ids[row])
            renamed[row] = f"image_id {image_id!r} is taken by a row above; this row is called {ids[row]!r}"
        seen.add(image_id)
        facts.add((image_id, fact))
    return ids, refused, renamed


def own_photo_ids(values: Values, bad_rows: Reasons) -> tuple[list[Any], Reasons]:
    """A photo_id for each row, and the rows where it was replaced by the path: others with it show another photo.

    Crops of one photo have one photo_id and several paths. Two photos have two dates, or boxes in two files.
    """
    ids, replaced = list(values["photo_id"]), dict[int, str]()
    photos: dict[Any, tuple[set[Any], set[Any], bool]] = {}  # photo_id -> paths, dates, whether a row has a box
    columns = (values.get(name, [None] * len(ids)) for name in ("path", "date", "bbox"))
    for row, (photo_id, path, date, box) in enumerate(zip(ids, *columns, strict=True)):
        if photo_id is not None and row not in bad_rows:
            paths, dates, boxed = photos.get(photo_id, (set(), set(), False))
            photos[photo_id] = paths | {path}, dates | ({date} - {None}), boxed or box is not None
    for row, photo_id in enumerate(values["photo_id"]):
        paths, dates, boxed = photos.get(photo_id, (set(), set(), False))
        if row not in bad_rows and len(paths) > 1 and (boxed or len(dates) > 1):
            ids[row] = values["path"][row]
            replaced[row] = f"photo_id {photo_id!r} is that of {len(paths)} photos; the path is used"
    return ids, replaced
