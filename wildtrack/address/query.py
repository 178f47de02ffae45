"""One photo asked about the known ones: file in, `Answer` out."""

from pathlib import Path

from wildtrack.access.photos import NOT_UNICODE, PhotoError, printable, read_photo
from wildtrack.address.answers import Answer, Candidate
from wildtrack.address.embed import Engine
from wildtrack.address.index import Index, nearest_photos
from wildtrack.files import sha256


def answer_photo(path: Path, index: Index, engine: Engine, size: tuple[int, int], topk: int) -> Answer:
    """Ask who is on one photo.

    Args:
        path: The photo; one that cannot be read gets the status "unreadable".
        index: The known photos.
        engine: Runs the model that made the index.
        size: (height, width) that the model takes.
        topk: How many identities to name; fewer come back when fewer are known.

    Returns:
        The answer, without a panel.
    """
    name = path.as_posix()
    if printable(name) != name:
        return Answer(printable(name), "unreadable", reason=NOT_UNICODE)
    try:
        photo = read_photo(path, size)
    except PhotoError as error:
        return Answer(name, "unreadable", reason=str(error))
    embedding = engine.run(photo[None])["embedding"][0]  # (D,)
    is_itself = (index.meta["sha256"] == sha256(path)).to_numpy()
    best = nearest_photos(index, embedding, topk, excluded=is_itself)
    counts = index.meta["identity"].value_counts()
    candidates = [
        Candidate(
            rank=rank,
            identity=row["identity"],
            similarity=round(float(row["similarity"]), 4),
            path=row["path"],
            image_id=row["image_id"],
            bbox=row["bbox"],
            orientation=row["orientation"] or None,
            date=row["date"] or None,
            known_photos=int(counts[row["identity"]]),
        )
        for rank, row in enumerate(best.to_dict("records"), start=1)
    ]
    itself = index.meta["identity"][is_itself]
    return Answer(
        name,
        "ok",
        candidates=candidates,
        already_known_as=None if itself.empty else str(itself.iloc[0]),
        model=index.fingerprint,
    )
