"""One photo asked about the known ones: file in, `Answer` out."""

import logging
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.photos.reader import NOT_UNICODE, PhotoError, photo_size, printable, read_photo
from wildtrack.address.features.keypoints import Keypoints, read_keypoints
from wildtrack.address.features.similarities import Described, Known, Scores
from wildtrack.address.gallery.answers import Answer, Candidate
from wildtrack.address.gallery.explain import shared_points
from wildtrack.address.gallery.index import APPROXIMATE_FROM, Bools, Index, best_photos, nearest_photos
from wildtrack.address.gallery.nearest import Floats, Rows
from wildtrack.address.matching.calibration import OTHER_SIDE, RELATIONS, side_relation
from wildtrack.address.matching.decision import Decider, Decision
from wildtrack.address.matching.learning import EMBEDDING, LOCAL, MEMBERS, Matching
from wildtrack.address.matching.local.voting import LocalIndex, Matches
from wildtrack.address.models.engines import Engine
from wildtrack.storage.files import sha256

log = logging.getLogger(__name__)

SMALLEST, FEWEST = 100, 50  # pixels of the longer side, and keypoints, of a photo that may be called new


@dataclass(frozen=True, eq=False)
class Searcher:
    """What it takes to answer.

    Attributes:
        index: The known photos.
        engine: Runs the model that made the index.
        size: (height, width) that the model takes.
        matcher: One of MATCHERS but "auto"; the index has keypoints where it goes by them.
        matching: What validation taught; None ranks by the embedding and says no P(same animal).
        false_match_rate: The share of new animals' photos that may be called a match.
        side: Which side of the animal the photos show, in the catalogue's words; "" where that is not known.
        explains: Whether to look for the points that photos share where the matcher has no need of them.
    """

    index: Index
    engine: Engine
    size: tuple[int, int]
    matcher: str = EMBEDDING
    matching: Matching | None = None
    false_match_rate: float = 0.01
    side: str = ""
    explains: bool = False

    def __post_init__(self) -> None:
        """Say it where answers are approximate."""
        if self.index.approximate is not None and LOCAL not in MEMBERS[self.matcher]:
            log.info(
                "From %d known photos on answers are approximate (here they find %.1f %% of the most similar photos); "
                "--exact compares with every one of them.",
                APPROXIMATE_FROM,
                100 * self.index.approximate.sketches.found,
            )

    @cached_property
    def known(self) -> Known:
        """The known photos as the methods see them."""
        return Known(Described(self.index.all_embeddings, None), self.index.local)

    @cached_property
    def photo_sides(self) -> npt.NDArray[np.str_]:
        """The side that each known photo shows, "" where it does not say, (N,)."""
        return self.index.meta["orientation"].to_numpy(dtype=np.str_)

    @cached_property
    def sides(self) -> dict[str, list[str]]:
        """Identity -> the sides that its known photos show, sorted; "" among them where one does not say."""
        pairs = self.index.meta[["identity", "orientation"]].drop_duplicates().sort_values("orientation")
        sides: dict[str, list[str]] = {}
        for identity, side in zip(pairs["identity"], pairs["orientation"], strict=True):
            sides.setdefault(str(identity), []).append(str(side))
        return sides


@dataclass(frozen=True, eq=False)
class Query:
    """A photo that is asked about, as the methods see it."""

    name: str  # what the answer calls it
    content: str  # SHA-256 of the file
    size: tuple[int, int]  # height and width of the photo, upright
    embedding: Floats  # (D,), length one
    probabilities: Floats  # (identities that the model was trained on,)
    keypoints: Keypoints | None  # where they are needed


def read_query(name: str, photo: Path | BinaryIO, searcher: Searcher) -> Query:
    """Look at a photo. Thread-safe; it takes most of the time of an answer.

    Args:
        name: What the answer calls it.
        photo: A file, or a seekable binary stream.
        searcher: What will be asked.

    Raises:
        PhotoError: It cannot be read.
    """
    outputs = searcher.engine.run(read_photo(photo, searcher.size)[None])
    with_keypoints = LOCAL in MEMBERS[searcher.matcher] or searcher.explains
    return Query(
        name,
        sha256(photo),
        photo_size(photo),
        outputs["embedding"][0],
        outputs.get("probabilities", np.zeros((1, 0), np.float32))[0],
        read_keypoints(photo, None) if with_keypoints else None,
    )


def answer_photo(path: Path, searcher: Searcher, topk: int) -> Answer:
    """Ask who is on one photo.

    Args:
        path: The photo; one that cannot be read gets the status "unreadable".
        searcher: What to ask.
        topk: How many identities to name; fewer come back when fewer are known.

    Returns:
        The answer, without a panel.
    """
    name = path.as_posix()
    if printable(name) != name:
        return Answer(printable(name), "unreadable", reason=NOT_UNICODE)
    try:
        query = read_query(name, path, searcher)
    except PhotoError as error:
        return Answer(name, "unreadable", reason=str(error))
    return answer_query(query, searcher, topk)


def answer_query(query: Query, searcher: Searcher, topk: int, *, with_points: bool = True) -> Answer:
    """Ask who is on a photo that has been looked at; see `answer_photo`.

    Without points nobody looks for those that two photos share, unless the matcher goes by them.
    """
    index, by_keypoints = searcher.index, LOCAL in MEMBERS[searcher.matcher]
    is_itself = index.with_content(query.content)
    matches = None  # both for the ranking and for the points that are shown
    if index.local is not None and query.keypoints is not None and (by_keypoints or with_points):
        matches = index.local.matches(query.keypoints, is_itself)
    if searcher.matching is None:
        best, surest = nearest_photos(index, query.embedding, topk, excluded=is_itself).assign(probability=None), 0.0
    else:
        similarities = None
        if by_keypoints:
            asked = Described(query.embedding[None], None if query.keypoints is None else [query.keypoints])
            similarities = searcher.known.similarities(asked, is_itself[None], matches)
        ask = partial(_ranked, searcher, searcher.matching, query.embedding, similarities, is_itself, topk)
        best = ask(searcher.side)
        whatever_side = ask("") if searcher.side else best
        surest = float(whatever_side["probability"].max()) if len(whatever_side) else 0.0
    points = _points(searcher, query.keypoints if with_points else None, best, matches)
    candidates = [
        Candidate(
            rank=rank,
            identity=row["identity"],
            similarity=round(float(row["similarity"]), 4),
            photo_id=row["sha256"],
            path=row["path"],
            image_id=row["image_id"],
            bbox=row["bbox"],
            orientation=row["orientation"] or None,
            date=row["date"] or None,
            known_photos=row["known_photos"],
            probability=None if row["probability"] is None else round(float(row["probability"]), 4),
            shared_points=None if shared is None else len(shared),
            points=None if shared is None else np.round(shared.astype(np.float64), 4).tolist(),
            other_side=_other_side(searcher, row["identity"]),
        )
        for rank, (row, shared) in enumerate(zip(best.to_dict("records"), points, strict=True), start=1)
    ]
    itself = index.meta["identity"][is_itself]
    decider = None if searcher.matching is None or best.empty else searcher.matching.decider(searcher.matcher)
    rate = searcher.false_match_rate
    return Answer(
        query.name,
        "ok",
        candidates=candidates,
        already_known_as=None if itself.empty else str(itself.iloc[0]),
        model=index.fingerprint,
        matcher=searcher.matcher,
        decision=_decide(decider, rate, query, float(best["probability"].iloc[0]), surest) if decider else None,
        side=searcher.side or None,
        false_match_rate=rate if decider else None,
    )


def _ranked(
    searcher: Searcher,
    matching: Matching,
    embedding: Floats,
    similarities: Scores | None,
    excluded: Bools,
    topk: int,
    side: str,
) -> pd.DataFrame:
    """Each identity's best photo by the matcher, like `nearest_photos`, with the column `probability` as well.

    `similarities` are those of all photos, by method; None where the embedding is all that the matcher goes by.
    """
    index, wanted = searcher.index, max(topk, 2)  # P depends on the lead over the next identity
    if similarities is None:
        best = nearest_photos(index, embedding, wanted, excluded, partial(_evidence, searcher, matching, side))
    else:
        relation = side_relation([side], searcher.photo_sides)
        scores = matching.scores(searcher.matcher, similarities, relation)[0]
        everyone = np.arange(len(index.meta))
        best = best_photos(index, everyone, similarities[EMBEDDING][0], scores, wanted, excluded)
    probability = matching.decider(searcher.matcher).probability(best["score"].to_numpy()[None])[0]
    return best.assign(probability=probability).head(topk)


def _evidence(
    searcher: Searcher, matching: Matching, side: str, similarity: Floats, rows: Rows | None
) -> npt.NDArray[np.float64]:
    """The `Score` of photos by the embedding alone."""
    if rows is None:
        relation = np.arange(len(RELATIONS) if side else 1, dtype=np.int8)[:, None]  # without a side: only "any"
    else:
        relation = side_relation([side], searcher.photo_sides[rows])
    pairs = np.broadcast_arrays(similarity[None], relation)
    scores: npt.NDArray[np.float64] = matching.scores(searcher.matcher, {EMBEDDING: pairs[0]}, pairs[1]).max(axis=0)
    return scores


def _points(searcher: Searcher, keypoints: Keypoints | None, best: pd.DataFrame, matches: Matches | None) -> list[Any]:
    """Where the points lie that the query shares with each of the best photos; None where they are not looked for."""
    if keypoints is None:
        return [None] * len(best)
    if searcher.index.local is not None:
        return list(shared_points(searcher.index.local, keypoints, best["row"].tolist(), matches))
    shown = []
    for row in best.to_dict("records"):
        try:
            shown.append(read_keypoints(searcher.index.root / row["path"], row["bbox"]))
        except PhotoError:  # it was there when the index was built; its picture will be a blank
            shown.append(Keypoints(np.zeros((0, 2), np.float32), np.zeros((0, 128), np.uint8), (1, 1)))
    return list(shared_points(LocalIndex(shown, once=True), keypoints, range(len(shown))))


def _other_side(searcher: Searcher, identity: str) -> str | None:
    """The sides that are known of an identity, where the one that is asked about is not among them."""
    known = searcher.sides.get(identity, [])
    relation = side_relation([searcher.side], known)
    return ", ".join(known) if known and (relation == OTHER_SIDE).all() else None


def _decide(decider: Decider, rate: float, query: Query, probability: float, whatever_side: float) -> Decision:
    """The decision on P of the first candidate.

    "new" is for photos that show enough to say so, and that would be new whatever side they show: a side that is given
    wrongly must not make a new animal of a known one.
    """
    decision = decider.decide(probability, rate)
    few = query.keypoints is not None and len(query.keypoints.places) < FEWEST
    shows_little = max(query.size) < SMALLEST or few
    if decision == "new" and (shows_little or decider.decide(whatever_side, rate) != "new"):
        return "review"
    return decision
