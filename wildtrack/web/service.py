"""The search with the confirmed photos of a store, which are appended to the gallery in memory."""

import logging
from dataclasses import replace
from functools import cached_property
from threading import Lock
from typing import Any, BinaryIO, NamedTuple

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
from wildtrack.address.gallery.searcher import Searcher, answer_query, read_query
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.web.database import Sighting
from wildtrack.web.responses import KnownAnimal, Prediction, Probability
from wildtrack.web.store import Claim, ConflictError, Store, Vector

log = logging.getLogger(__name__)

MOST_CANDIDATES = 100  # identities among which the P(same animal) of a confirmed one is looked up
LONGEST_NAME = 100  # characters
MANY = 1000  # confirmed photos that should be added to the catalogue
LOST = "Confirmed photos that are gone or damaged: %d, in %s; they are searched, but cannot be shown."
SLOW = (
    "%d photos were confirmed; searches are faster with these photos in the catalogue: export them from the page, "
    "train or --rebuild, and start with another --sightings."
)


class Confirmed(NamedTuple):
    """A confirmed photo, as the gallery takes it."""

    row: dict[str, Any]  # COLUMNS
    embedding: Vector  # (D,)
    keypoints: Keypoints


class Service:
    """Answers about photos, and keeps what people confirm. Thread-safe."""

    def __init__(self, searcher: Searcher, trained: tuple[str, ...], store: Store) -> None:
        """Append the photos of the store to the gallery; `trained`: identities in the order of the probabilities."""
        self.searcher, self.trained, self.store = searcher, trained, store
        self._gallery, self._turn = searcher.gallery, Lock()
        self._fingerprint = "" if searcher.gallery.source is None else searcher.gallery.source.fingerprint
        self._confirmed: dict[int, Confirmed] = {}
        vectors = store.vectors(self._fingerprint)
        new = [sighting for sighting in store.sightings() if not self._in_catalogue(sighting.photo)]
        for sighting in track(new, "Opening confirmed photos", len(new)) if new else ():
            self._confirmed[sighting.id] = self._opened(sighting, vectors.get(sighting.photo))
        if store.lost:
            log.warning(LOST, len(store.lost), store.photos)
        if len(new) >= MANY:
            log.warning(SLOW, len(new))
        self._refresh()

    @cached_property
    def known(self) -> frozenset[str]:
        """The identities of the gallery, without those that were named on the page."""
        return frozenset(self._gallery.table["identity"])

    def answer(self, name: str, photo: BinaryIO, topk: int, viewpoint: str) -> Answer:
        """Search for the animal on a photo; see `answer_photo`."""
        try:
            query = read_query(name, photo, self.searcher)
        except PhotoError as error:
            return Answer(name, "unreadable", reason=str(error))
        return answer_query(query, self._asking(viewpoint), topk)

    def predict(self, name: str, photo: BinaryIO, topk: int) -> Prediction:
        """The most likely of the identities that the model was trained on."""
        try:
            likely = read_query(name, photo, self.searcher).probabilities
        except PhotoError as error:
            return Prediction(name, "unreadable", str(error), [])
        order = np.argsort(-likely, kind="stable")[:topk]
        found = [Probability(self.trained[place], round(float(likely[place]), 4)) for place in order]
        return Prediction(name, "ok", None, found)

    def confirm(
        self, photo: BinaryIO, identity: str, new_individual: bool, viewpoint: str, another: bool = False
    ) -> Sighting:
        """Record which animal (or, besides those confirmed on it, `another`) a photo shows, and search it from now on.

        Raises PhotoError, ConflictError (it contradicts what is known) or UserError (the name cannot be used).
        """
        identity = identity if identity in self.known else usable_name(identity)
        query = read_query("", photo, self.searcher)
        answer = answer_query(query, self._asking(viewpoint), MOST_CANDIDATES, with_points=False)
        itself = self._gallery.with_content(query.digest)
        if itself.any():
            name = " and ".join(self._gallery.table["identity"][itself].unique())
            raise ConflictError(f"this very photo is in the catalogue as {name}; add other animals on it there")
        probability = next((each.probability for each in answer.candidates if each.identity == identity), None)
        claim = Claim(identity, new_individual, viewpoint, answer.decision, probability, another)
        suffix = photo_suffix(photo)
        photo.seek(0)
        data, keypoints = photo.read(), query.keypoints or Keypoints.none()
        with self._turn:  # or it might be undone before it is searched
            sighting = self.store.add(data, suffix, claim, self._fingerprint, query.embedding, set(self.known))
            self._confirmed[sighting.id] = Confirmed(self._row(sighting), query.embedding, keypoints)
            self._refresh()
        return sighting

    def undo(self, number: int) -> Sighting:
        """Undo a sighting; a ConflictError where it cannot be, as for a photo that is in the catalogue by now."""
        for sighting in self.store.sightings():
            if sighting.id == number and self._in_catalogue(sighting.photo):
                raise ConflictError("this photo is part of the catalogue by now; take it out there, and train again")
        with self._turn:
            sighting = self.store.undo(number)
            self._confirmed.pop(number, None)
            self._refresh()
        return sighting

    def confirmed(self) -> list[Sighting]:
        """The sightings that were not undone and are not in the catalogue, the oldest first."""
        return [sighting for sighting in self.store.sightings() if sighting.id in self._confirmed]

    def identities(self) -> list[KnownAnimal]:
        """The known animals by name, each with its latest photo."""
        table = self.searcher.gallery.table.sort_values("date", kind="stable")  # without a date: first
        latest, photos = table.drop_duplicates("identity", keep="last"), table["identity"].value_counts().to_dict()
        return [
            KnownAnimal(row["identity"], photos[row["identity"]], row["sha256"], row["bbox"], row["date"] or None)
            for row in latest.sort_values("identity").to_dict("records")
        ]

    def viewpoints(self) -> list[str]:
        """The catalogue's words for the viewpoints of photos."""
        return sorted(set(self.searcher.gallery.viewpoints) - {""})

    def picture(self, photo_id: str, bbox: tuple[float, ...] | None, longest: int) -> npt.NDArray[np.uint8] | None:
        """A known photo, uint8 (H, W, 3), its longer side at most `longest` pixels; None where there is none."""
        gallery = self.searcher.gallery
        rows = np.flatnonzero(gallery.with_content(photo_id))
        if len(rows) and gallery.source is not None:
            return thumbnail(gallery.source.root / gallery.table["path"].iloc[rows[0]], bbox, longest)
        undone = self.store.find(photo_id)
        return None if undone is None else thumbnail(undone, bbox, longest)

    def _in_catalogue(self, photo_id: str) -> bool:
        """Whether the gallery was built with this photo: a confirmed photo was added to the catalogue."""
        return bool(self._gallery.with_content(photo_id).any())

    def _asking(self, viewpoint: str) -> Searcher:
        if viewpoint and viewpoint not in self.viewpoints():
            words = ", ".join(self.viewpoints()) or "none"
            raise UserError(f"no known photo shows the viewpoint {viewpoint!r}; viewpoints are: {words}")
        searchers, searcher = self._searchers, self.searcher
        if viewpoint not in searchers:
            searchers[viewpoint] = replace(searcher, config=replace(searcher.config, viewpoint=viewpoint))
        return searchers[viewpoint]

    def _opened(self, sighting: Sighting, vector: Vector | None) -> Confirmed:
        """A confirmed photo of the store; it is embedded again where another model did it."""
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
        except PhotoError:  # gone or damaged, and counted in `lost`
            keypoints = Keypoints.none()
            vector = np.zeros(dimensions, np.float32) if vector is None else vector
        return Confirmed(self._row(sighting), vector, keypoints)

    def _refresh(self) -> None:
        """Search the gallery with the confirmed photos of now."""
        standing = [self._confirmed[number] for number in sorted(self._confirmed)]
        vectors = np.stack([photo.embedding for photo in standing]) if standing else self._gallery.embeddings[:0]
        table = pd.DataFrame([photo.row for photo in standing], columns=list(COLUMNS), dtype=object)
        features = Features(vectors, viewpoints_of(table), [photo.keypoints for photo in standing])
        self.searcher = replace(self.searcher, gallery=self._gallery.extended(features, table))
        self._searchers: dict[str, Searcher] = {"": self.searcher}  # by viewpoint, as each caches what it computes

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
    """The name of an animal without spaces around it; a UserError for an unusable one."""
    name = identity.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise UserError(f"the name of an animal has 1 to {LONGEST_NAME} visible characters in one line")
    if name.casefold() == UNKNOWN:
        raise UserError(f'"{UNKNOWN}" names no animal; give it a name of its own')
    return name
