"""A query against the gallery: one photo in, `Answer` out."""

import logging
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.photos.reader import NOT_UNICODE, PhotoError, photo_size, printable, read_photo
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import Keypoints, read_keypoints
from wildtrack.address.gallery.answers import Answer, Candidate
from wildtrack.address.gallery.explain import shared_points
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.index import EXACT_UP_TO, FOUND, is_exact
from wildtrack.address.gallery.ranking import rank_identities
from wildtrack.address.matching.decision import Decider, Decision
from wildtrack.address.matching.fused import EMBEDDING, needs_keypoints
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.address.matching.matcher import Matcher
from wildtrack.address.matching.matching import Matching, open_matcher
from wildtrack.address.matching.viewpoints import OTHER, viewpoint_relation
from wildtrack.address.models.engines import Engine
from wildtrack.storage.files import sha256

log = logging.getLogger(__name__)

SMALLEST, FEWEST = 100, 50  # pixels of the longer side, and keypoints, of a photo that may be called new

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Searcher:
    """What it takes to answer.

    Attributes:
        gallery: The known photos.
        engine: Runs the model that made the gallery's embeddings.
        size: (height, width) that the model takes.
        matcher: Its name; the gallery has keypoints where it compares them.
        matching: What validation taught; None compares embeddings and gives no P(same animal).
        false_match_rate: The share of unknown animals' photos that may be called a match.
        viewpoint: Which side of the animal the photos show, in the catalogue's words; "" where that is not known.
        explains: Whether to look for the points that photos share where the matcher has no need of them.
    """

    gallery: Gallery
    engine: Engine
    size: tuple[int, int]
    matcher: str = EMBEDDING
    matching: Matching | None = None
    false_match_rate: float = 0.01
    viewpoint: str = ""
    explains: bool = False

    def __post_init__(self) -> None:
        """Say where answers are approximate."""
        index = self.gallery.index
        if index is not None and not is_exact(index) and not needs_keypoints(self.matcher):
            log.info(
                "Above %d gallery photos answers are approximate (at least %.0f %% of the most similar photos are "
                "found); --exact compares with every one of them.",
                EXACT_UP_TO,
                100 * FOUND,
            )

    @cached_property
    def scorer(self) -> Matcher:
        """The matcher itself."""
        return open_matcher(self.matching, self.matcher)

    @cached_property
    def viewpoints(self) -> dict[str, list[str]]:
        """Identity -> the viewpoints of its photos, sorted; "" among them where one does not say."""
        pairs = pd.DataFrame({"identity": self.gallery.table["identity"], "viewpoint": self.gallery.viewpoints})
        found: dict[str, list[str]] = {}
        for identity, viewpoint in pairs.drop_duplicates().sort_values("viewpoint").itertuples(index=False):
            found.setdefault(str(identity), []).append(str(viewpoint))
        return found


@dataclass(frozen=True, eq=False)
class Query:
    """A photo that is asked about, and its features."""

    name: str  # what the answer calls it
    digest: str  # SHA-256 of the file
    size: tuple[int, int]  # height and width of the photo, upright
    embedding: npt.NDArray[np.float32]  # (D,), length one
    probabilities: npt.NDArray[np.float32]  # (identities that the model was trained on,)
    keypoints: Keypoints | None  # where they are needed

    def features(self, viewpoint: str) -> Features:
        """Those of one photo, of the viewpoint that it is said to show."""
        keypoints = None if self.keypoints is None else [self.keypoints]
        return Features(self.embedding[None], np.array([viewpoint], dtype=object), keypoints)


def read_query(name: str, photo: Path | BinaryIO, searcher: Searcher) -> Query:
    """Compute the features of a photo. Thread-safe; it takes most of the time of an answer.

    Args:
        name: What the answer calls it.
        photo: A file, or a seekable binary stream.
        searcher: What will be asked.

    Raises:
        PhotoError: It cannot be read.
    """
    outputs = searcher.engine.run(read_photo(photo, searcher.size)[None])
    with_keypoints = needs_keypoints(searcher.matcher) or searcher.explains
    return Query(
        name,
        sha256(photo),
        photo_size(photo),
        outputs["embedding"][0],
        outputs.get("probabilities", np.zeros((1, 0), np.float32))[0],
        read_keypoints(photo, None) if with_keypoints else None,
    )


def answer_photo(path: Path, searcher: Searcher, topk: int) -> Answer:
    """Search for the animal on one photo.

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
    """Search for the animal on a photo whose features are known.

    Args:
        query: The photo.
        searcher: What to ask.
        topk: How many identities to name.
        with_points: Whether to look for the points that the query shares with each candidate.
    """
    gallery = searcher.gallery
    is_itself = gallery.with_content(query.digest)
    best, surest = _ranked(query, searcher, topk, is_itself)
    points = _points(searcher, query.keypoints if with_points else None, best, is_itself)
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
            gallery_photos=row["gallery_photos"],
            probability=None if row["probability"] is None else round(float(row["probability"]), 4),
            shared_points=None if shared is None else len(shared),
            points=None if shared is None else np.round(shared.astype(np.float64), 4).tolist(),
            other_viewpoint=_other_viewpoint(searcher, row["identity"]),
        )
        for rank, (row, shared) in enumerate(zip(best.to_dict("records"), points, strict=True), start=1)
    ]
    itself = gallery.table["identity"][is_itself]
    decider = None if searcher.matching is None or best.empty else searcher.matching.decider(searcher.matcher)
    rate = searcher.false_match_rate
    return Answer(
        query.name,
        "ok",
        candidates=candidates,
        already_known_as=None if itself.empty else str(itself.iloc[0]),
        model=None if gallery.source is None else gallery.source.fingerprint,
        matcher=searcher.matcher,
        decision=_decide(decider, rate, query, float(best["probability"].iloc[0]), surest) if decider else None,
        viewpoint=searcher.viewpoint or None,
        false_match_rate=rate if decider else None,
    )


def _ranked(query: Query, searcher: Searcher, topk: int, is_itself: Bools) -> tuple[pd.DataFrame, float]:
    """The best animals with P(same animal), and the highest P when the viewpoint is not regarded."""
    matching = searcher.matching
    if matching is None:
        features = query.features(searcher.viewpoint)
        best = rank_identities(features, searcher.gallery, searcher.scorer, topk, is_itself)
        return best.assign(probability=None), 0.0

    def rank(viewpoint: str) -> pd.DataFrame:
        wanted = max(topk, 2)  # P depends on the lead over the next identity
        found = rank_identities(query.features(viewpoint), searcher.gallery, searcher.scorer, wanted, is_itself)
        probability = matching.decider(searcher.matcher).probability(found["score"].to_numpy()[None])[0]
        return found.assign(probability=probability).head(topk)

    best = rank(searcher.viewpoint)
    regardless = rank("") if searcher.viewpoint else best
    return best, float(regardless["probability"].max()) if len(regardless) else 0.0


def _points(searcher: Searcher, keypoints: Keypoints | None, best: pd.DataFrame, is_itself: Bools) -> list[Any]:
    """Where the points lie that the query shares with each of the best photos; None where they are not looked for."""
    if keypoints is None:
        return [None] * len(best)
    gallery = searcher.gallery
    if gallery.keypoints is not None:
        return list(shared_points(gallery.keypoints, keypoints, best["row"].tolist(), is_itself))
    shown = []
    for row in best.to_dict("records"):
        try:
            root = Path() if gallery.source is None else gallery.source.root
            shown.append(read_keypoints(root / row["path"], row["bbox"]))
        except PhotoError:  # it was there when the gallery was built; its picture will be a blank
            shown.append(Keypoints.none())
    return list(shared_points(KeypointIndex(shown, once=True), keypoints, range(len(shown))))


def _other_viewpoint(searcher: Searcher, identity: str) -> str | None:
    """The viewpoints that are known of an identity, where the one that is asked about is not among them."""
    known = searcher.viewpoints.get(identity, [])
    relation = viewpoint_relation([searcher.viewpoint], known)
    return ", ".join(known) if known and (relation == OTHER).all() else None


def _decide(decider: Decider, rate: float, query: Query, probability: float, regardless: float) -> Decision:
    """The decision on P of the first candidate.

    "new" is for photos that show enough to say so, and that would be new whatever their viewpoint: one that is given
    wrongly must not make a new animal of a known one.
    """
    decision = decider.decide(probability, rate)
    few = query.keypoints is not None and len(query.keypoints.places) < FEWEST
    shows_little = max(query.size) < SMALLEST or few
    if decision == "new" and (shows_little or decider.decide(regardless, rate) != "new"):
        return "review"
    return decision
