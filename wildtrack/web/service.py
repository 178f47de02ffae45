"""The search, and what people confirmed: it answers, learns, and forgets what was undone.

Photos in, answers out. The store holds the truth; what stands in it is put behind the photos of the gallery, in memory.
"""

import logging
from dataclasses import dataclass, replace
from functools import cached_property
from threading import Lock
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.access.cells import UNKNOWN
from wildtrack.access.photos.exif import read_exif
from wildtrack.access.photos.reader import PhotoError, photo_suffix
from wildtrack.access.photos.thumbnails import thumbnail
from wildtrack.address.features.features import Features, viewpoints_of
from wildtrack.address.features.keypoints import Keypoints, read_keypoints
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.gallery import COLUMNS
from wildtrack.address.gallery.searcher import Query, Searcher, answer_query, read_query
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.web.database import Sighting
from wildtrack.web.store import ConflictError, Said, Store

log = logging.getLogger(__name__)

MOST_CANDIDATES = 100  # identities among which the P(same animal) of the one that a person names is looked up
LONGEST_NAME = 100  # characters
MANY = 1000  # confirmed photos, from which on they belong into the gallery


@dataclass(frozen=True, eq=False)
class Confirmed:
    """A photo that somebody confirmed, as the gallery takes it."""

    row: dict[str, Any]  # COLUMNS
    embedding: npt.NDArray[np.float32]  # (D,)
    keypoints: Keypoints


class Service:
    """Answers about photos, and learns from what people say about them. Thread-safe."""

    def __init__(self, searcher: Searcher, identities: tuple[str, ...], store: Store) -> None:
        """Put what stands in the store behind the photos of the gallery.

        Args:
            searcher: What to ask, without what was confirmed.
            identities: Those that the model was trained on, in the order of its probabilities.
            store: What was confirmed.
        """
        self.trained, self.store = identities, store
        self._gallery, self._turn = searcher.gallery, Lock()
        self._fingerprint = "" if searcher.gallery.source is None else searcher.gallery.source.fingerprint
        self._confirmed: dict[int, Confirmed] = {}
        self.searcher = searcher
        vectors, standing = store.vectors(self._fingerprint), store.sightings()
        new = [sighting for sighting in standing if not self._in_catalogue(sighting.photo)]
        for sighting in track(new, "Opening confirmed photos", len(new)) if new else ():
            self._confirmed[sighting.id] = self._opened(sighting, vectors.get(sighting.photo))
        if store.lost:
            log.warning(
                "Confirmed photos that are gone or damaged: %d, in %s; they are searched, but not shown as they were.",
                len(store.lost),
                store.photos,
            )
        if len(new) >= MANY:
            log.warning(
                "%d photos were confirmed; searches are faster once they lie in the catalogue: export them from the "
                "page, train or --rebuild, and start with another --sightings.",
                len(new),
            )
        self._refresh()

    @cached_property
    def known(self) -> frozenset[str]:
        """The identities of the gallery, without those that were named on the page."""
        return frozenset(self._gallery.table["identity"])

    def read(self, name: str, photo: BinaryIO) -> Query:
        """Look at a photo; raises PhotoError."""
        return read_query(name, photo, self.searcher)

    def answer(self, name: str, photo: BinaryIO, topk: int, viewpoint: str) -> Answer:
        """Who is on a photo; see `answer_photo`."""
        try:
            query = self.read(name, photo)
        except PhotoError as error:
            return Answer(name, "unreadable", reason=str(error))
        return answer_query(query, self._asking(viewpoint), topk)

    def confirm(self, photo: BinaryIO, identity: str, new_individual: bool, viewpoint: str) -> Sighting:
        """Note who a photo shows, and search it from now on.

        Args:
            photo: A seekable stream of the file.
            identity: Who it shows.
            new_individual: Whether this is a name that is not known yet.
            viewpoint: Which side of the animal shows, "" where not said.

        Raises:
            PhotoError: It cannot be read.
            ConflictError: It contradicts what is known.
            UserError: The name cannot be used.
        """
        identity = identity if identity in self.known else usable_name(identity)
        query = self.read("", photo)
        searcher = self._asking(viewpoint)
        answer = answer_query(query, searcher, MOST_CANDIDATES, with_points=False)
        itself = self._gallery.with_content(query.digest)
        if itself.any():
            name = self._gallery.table["identity"][itself].iloc[0]
            raise ConflictError(f"this very photo is in the catalogue as {name}")
        probability = next((each.probability for each in answer.candidates if each.identity == identity), None)
        said = Said(identity, new_individual, viewpoint, answer.decision, probability)
        suffix = photo_suffix(photo)
        photo.seek(0)
        data, keypoints = photo.read(), query.keypoints or Keypoints.none()
        with self._turn:  # or somebody might undo it before it is searched
            sighting = self.store.add(data, suffix, said, self._fingerprint, query.embedding, set(self.known))
            self._confirmed[sighting.id] = Confirmed(self._row(sighting), query.embedding, keypoints)
            self._refresh()
        return sighting

    def undo(self, number: int) -> Sighting:
        """Take back what was said; raises ConflictError, also for a photo that has since got into the catalogue."""
        for sighting in self.store.sightings():
            if sighting.id == number and self._in_catalogue(sighting.photo):
                raise ConflictError("this photo is part of the catalogue by now; take it out there, and train again")
        with self._turn:
            sighting = self.store.undo(number)
            self._confirmed.pop(number, None)
            self._refresh()
        return sighting

    def confirmed(self) -> list[Sighting]:
        """What stands and is not in the catalogue, the oldest first."""
        return [sighting for sighting in self.store.sightings() if sighting.id in self._confirmed]

    def probabilities(self, query: Query, topk: int) -> list[tuple[str, float]]:
        """The identities that the model was trained on and their probabilities, the most likely first."""
        order = np.argsort(-query.probabilities, kind="stable")[:topk]
        return [(self.trained[place], round(float(query.probabilities[place]), 4)) for place in order]

    def identities(self) -> pd.DataFrame:
        """Who is known: `identity`, `photos`, `photo_id` and `bbox` of the latest one, `last_seen`, by name."""
        meta = self.searcher.gallery.table
        by_date = meta.sort_values("date", kind="stable")  # those without a date come first
        latest = by_date.drop_duplicates("identity", keep="last").set_index("identity").sort_index()
        return pd.DataFrame(
            {
                "identity": latest.index,
                "photos": meta["identity"].value_counts().reindex(latest.index).to_numpy(),
                "photo_id": latest["sha256"].to_numpy(),
                "bbox": latest["bbox"].to_numpy(),
                "last_seen": latest["date"].to_numpy(),
            }
        )

    def viewpoints(self) -> list[str]:
        """The words of the catalogue for the viewpoints of photos."""
        return sorted(set(self.searcher.gallery.viewpoints) - {""})

    def picture(self, photo_id: str, bbox: tuple[float, ...] | None, longest: int) -> npt.NDArray[np.uint8] | None:
        """A photo for people, uint8 (H, W, 3), its longer side at most so long; None where there is no such photo."""
        gallery = self.searcher.gallery
        rows = np.flatnonzero(gallery.with_content(photo_id))
        if len(rows) and gallery.source is not None:
            return thumbnail(gallery.source.root / gallery.table["path"].iloc[rows[0]], bbox, longest)
        undone = self.store.find(photo_id)
        return None if undone is None else thumbnail(undone, bbox, longest)

    def _in_catalogue(self, photo_id: str) -> bool:
        """Whether the gallery was built from this photo: somebody has added to the catalogue what was confirmed."""
        return bool(self._gallery.with_content(photo_id).any())

    def _asking(self, viewpoint: str) -> Searcher:
        if viewpoint and viewpoint not in self.viewpoints():
            words = ", ".join(self.viewpoints()) or "none"
            raise UserError(f"no known photo shows the viewpoint {viewpoint!r}; viewpoints are: {words}")
        searchers = self._searchers
        if viewpoint not in searchers:
            searchers[viewpoint] = replace(self.searcher, config=replace(self.searcher.config, viewpoint=viewpoint))
        return searchers[viewpoint]

    def _opened(self, sighting: Sighting, vector: npt.NDArray[np.float32] | None) -> Confirmed:
        """What stands in the store; a photo that another model saw is looked at again."""
        path, dimensions = self.store.file_of(sighting.stored), self._gallery.embeddings.shape[1]
        try:
            fits = vector is not None and vector.shape == (dimensions,)
            is_read = not fits or self._gallery.keypoints is not None
            if is_read and path.is_file() and not self.store.is_whole(path):
                self.store.lost.append(sighting.photo)
                raise PhotoError("it is not as it was confirmed")
            if vector is None or not fits:
                vector = read_query("", path, self.searcher).embedding
                self.store.keep_vector(sighting.photo, self._fingerprint, vector)
            keypoints = Keypoints.none() if self._gallery.keypoints is None else read_keypoints(path, None)
        except PhotoError:  # it is gone or damaged, and is told of
            keypoints = Keypoints.none()
            vector = np.zeros(dimensions, np.float32) if vector is None else vector
        return Confirmed(self._row(sighting), vector, keypoints)

    def _refresh(self) -> None:
        """Search what stands."""
        standing = [self._confirmed[number] for number in sorted(self._confirmed)]
        embeddings = np.stack([each.embedding for each in standing]) if standing else self._gallery.embeddings[:0]
        table = pd.DataFrame([each.row for each in standing], columns=list(COLUMNS), dtype=object)
        features = Features(embeddings, viewpoints_of(table), [each.keypoints for each in standing])
        gallery = self._gallery.extended(features, table)
        self.searcher = replace(self.searcher, gallery=gallery)
        self._searchers: dict[str, Searcher] = {"": self.searcher}  # by viewpoint: each works out what it needs once

    def _row(self, sighting: Sighting) -> dict[str, Any]:
        path = self.store.file_of(sighting.stored)
        return {
            "image_id": f"sighting {sighting.id}",
            "identity": sighting.identity,
            "path": path.resolve().as_posix(),
            "bbox": None,
            "orientation": sighting.viewpoint,
            "date": str(read_exif(path).get("date", "")),
            "sha256": sighting.photo,
        }


def usable_name(identity: str) -> str:
    """The name of an animal without the spaces around it.

    Raises:
        UserError: It is empty, too long, "unknown", or holds what cannot be seen.
    """
    name = identity.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UserError(f"the name of an animal has 1 to {LONGEST_NAME} characters that can be seen, in one line")
    if name.casefold() == UNKNOWN:
        raise UserError(f'"{UNKNOWN}" names no animal; give it a name of its own')
    return name
