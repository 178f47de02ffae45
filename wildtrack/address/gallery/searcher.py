"""A query against the gallery: one photo in, `Answer` out."""

from dataclasses import dataclass, field
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
from wildtrack.address.gallery.ranking import rank_identities
from wildtrack.address.matching.decision import Decision
from wildtrack.address.matching.fused import needs_keypoints
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.address.matching.matcher import Bools, Matcher
from wildtrack.address.matching.matching import Matching, choose_matcher, open_matcher
from wildtrack.address.models.engines import Engine
from wildtrack.storage.files import sha256

SMALLEST, FEWEST = 100, 50  # pixels of the longer side, and keypoints, of a photo that may be called new


@dataclass(frozen=True)
class SearchConfig:
    """How to search a gallery."""

    matcher: str = "auto"  # auto: whichever did best on validation photos
    false_match_rate: float = 0.01  # share of unknown animals' photos that may be called a match
    viewpoint: str = ""  # which side of the animal the photos show, in the catalogue's words; "": not known
    explains: bool = False  # look for shared points even if the matcher does not need them
    exact: bool = False  # compare with every photo, even if the index would be approximate


@dataclass(frozen=True, eq=False)
class Searcher:
    """A gallery that is ready to be searched.

    Attributes:
        gallery: The known photos, with keypoints where the matcher compares them.
        engine: Runs the model that made the gallery's embeddings.
        size: (height, width) that the model takes.
        matching: What was learnt on validation photos; None: embeddings are compared, without P(same animal).
        config: How to search.
    """

    gallery: Gallery
    engine: Engine
    size: tuple[int, int]
    matching: Matching | None = None
    config: SearchConfig = field(default_factory=SearchConfig)

    @cached_property
    def matcher(self) -> str:
        """The name of the matcher, never "auto"."""
        return choose_matcher(self.matching, self.config.matcher)

    @cached_property
    def scorer(self) -> Matcher:
        """The matcher itself."""
        return open_matcher(self.matching, self.matcher)


@dataclass(frozen=True, eq=False)
class Query:
    """A photo and its features."""

    name: str
    digest: str  # SHA-256 of the file
    size: tuple[int, int]  # height and width of the photo, upright
    embedding: npt.NDArray[np.float32]  # (D,), length one
    probabilities: npt.NDArray[np.float32]  # (identities that the model was trained on,)
    keypoints: Keypoints | None  # where they are needed

    def features(self, viewpoint: str) -> Features:
        """Features of one photo with the given viewpoint."""
        keypoints = None if self.keypoints is None else [self.keypoints]
        return Features(self.embedding[None], np.array([viewpoint], dtype=object), keypoints)


def read_query(name: str, photo: Path | BinaryIO, searcher: Searcher) -> Query:
    """The features of a photo. Thread-safe; it takes most of the time of an answer.

    Args:
        name: What the answer calls the photo.
        photo: A file, or a seekable binary stream.
        searcher: The gallery that will be searched.

    Raises:
        PhotoError: The photo cannot be read.
    """
    outputs = searcher.engine.run(read_photo(photo, searcher.size)[None])
    with_keypoints = needs_keypoints(searcher.matcher) or searcher.config.explains
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
        searcher: The gallery.
        topk: How many identities to name, at most.

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
    """Search for the animal on a photo whose features are known; without points, keypoints are not located."""
    gallery, config = searcher.gallery, searcher.config
    is_itself = gallery.with_content(query.digest)
    best = _ranked(query, searcher, topk, is_itself, config.viewpoint)
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
            other_viewpoint=_other_viewpoint(gallery, row["row"], config.viewpoint),
        )
        for rank, (row, shared) in enumerate(zip(best.to_dict("records"), points, strict=True), start=1)
    ]
    itself, decision = gallery.table["identity"][is_itself], _decide(searcher, query, best, is_itself)
    return Answer(
        query.name,
        "ok",
        candidates=candidates,
        already_known_as=" and ".join(itself.unique()) or None,
        model=None if gallery.source is None else gallery.source.fingerprint,
        matcher=searcher.matcher,
        decision=decision,
        viewpoint=config.viewpoint or None,
        false_match_rate=None if decision is None else config.false_match_rate,
    )


def _ranked(query: Query, searcher: Searcher, topk: int, is_itself: Bools, viewpoint: str) -> pd.DataFrame:
    """The best animals with `probability`, P(same animal) or None."""
    matching = searcher.matching
    wanted = topk if matching is None else max(topk, 2)  # P depends on the lead over the next identity
    found = rank_identities(query.features(viewpoint), searcher.gallery, searcher.scorer, wanted, is_itself)
    if matching is None:
        return found.assign(probability=None)
    probability = matching.decider(searcher.matcher).probability(found["score"].to_numpy()[None])[0]
    return found.assign(probability=probability).head(topk)


def _points(searcher: Searcher, keypoints: Keypoints | None, best: pd.DataFrame, is_itself: Bools) -> list[Any]:
    """The points that the query shares with each of the best photos; None where keypoints are not compared."""
    if keypoints is None:
        return [None] * len(best)
    gallery = searcher.gallery
    if gallery.keypoints is not None:
        return list(shared_points(gallery.keypoints, keypoints, best["row"].tolist(), is_itself))
    root, shown = Path() if gallery.source is None else gallery.source.root, []
    for path, bbox in zip(best["path"], best["bbox"], strict=True):
        try:
            shown.append(read_keypoints(root / path, bbox))
        except PhotoError:  # it was there when the gallery was built; its picture will be a blank
            shown.append(Keypoints.none())
    return list(shared_points(KeypointIndex(shown, once=True), keypoints, range(len(shown))))


def _other_viewpoint(gallery: Gallery, row: int, viewpoint: str) -> str | None:
    """The viewpoints that the identity of a gallery row is known from, if the query's is certainly not among them."""
    codes = gallery.identities.codes
    known = set(gallery.viewpoints[codes == codes[row]]) if viewpoint else {""}
    return None if known & {"", viewpoint} else ", ".join(sorted(known))


def _decide(searcher: Searcher, query: Query, best: pd.DataFrame, is_itself: Bools) -> Decision | None:
    """The decision on P of the first candidate; None without any P.

    "new" is for photos that show enough, and that would be new if the viewpoint were ignored: a wrong viewpoint must
    not make a new animal of a known one.
    """
    if searcher.matching is None or best.empty:
        return None
    decider, rate = searcher.matching.decider(searcher.matcher), searcher.config.false_match_rate
    decision = decider.decide(float(best["probability"].iloc[0]), rate)
    if decision != "new":
        return decision
    few = query.keypoints is not None and len(query.keypoints.places) < FEWEST
    seen = _ranked(query, searcher, len(best), is_itself, "") if searcher.config.viewpoint else best
    anywhere = seen["probability"].max()
    return "review" if max(query.size) < SMALLEST or few or decider.decide(anywhere, rate) != "new" else "new"
