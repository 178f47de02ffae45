"""The sightings and photos that people confirmed, kept in SQLite and files.

The database is the truth; files and index are restored from it.
"""

import hashlib
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from wildtrack.access.names import spelling
from wildtrack.storage.files import fsync, sha256, write_bytes
from wildtrack.storage.lock import locked
from wildtrack.web.database import Embedding, Event, Photo, Sighting, open_database

Action = Literal["confirmed", "named", "undone"]
Vector = npt.NDArray[np.float32]
STANDING = select(Sighting).where(Sighting.undone.is_(None))


@dataclass(frozen=True)
class Claim:
    """Which animal a photo shows, according to a person, and the search's answer at that time."""

    identity: str
    new_individual: bool
    viewpoint: str = ""
    decision: str | None = None
    probability: float | None = None
    another: bool = False  # besides an animal that has been confirmed on the photo; not kept


class ConflictError(Exception):
    """A claim contradicts what is known; the message is for the person."""


@contextmanager
def open_store(folder: Path) -> "Iterator[Store]":
    """The store of a folder, locked; a UserError where another process has it, or see `Store`."""
    with locked(folder, "page"):
        store = Store(folder)
        try:
            yield store
        finally:
            store.close()


class Store:
    """The database and the photos of a folder, made where there are none; UserError for a damaged or newer database."""

    def __init__(self, folder: Path) -> None:
        self.photos = folder / "photos"
        self.photos.mkdir(parents=True, exist_ok=True)
        self.engine = open_database(folder / "sightings.sqlite")
        self._session = sessionmaker(self.engine, expire_on_commit=False)
        self._remove_unnamed()
        # photos (SHA-256) of sightings whose files are gone
        self.lost = [seen.photo for seen in self.sightings() if not self.file_of(seen.stored).is_file()]

    def add(self, photo: bytes, suffix: str, claim: Claim, model: str, vector: Vector, known: set[str]) -> Sighting:
        """Record which animal a photo shows; a ConflictError where it contradicts what is known.

        `vector`: by the `model` of this fingerprint; `known`: the catalogue's identities, those of sightings aside.
        The file is on the disk before the row that names it: a crash may leave a file too many, never one too few.
        """
        digest, now = hashlib.sha256(photo).hexdigest(), datetime.now(UTC)
        with self._session.begin() as session:
            named = select(Sighting.identity).where(Sighting.undone.is_(None))
            before = session.scalars(named.where(Sighting.photo == digest)).all()
            if claim.identity in before or (before and not claim.another):
                both = "" if claim.identity in before else ", or say that it shows another animal, too"
                raise ConflictError(f"this photo has been confirmed as {' and '.join(before)}; undo that first{both}")
            _check_name(claim, known | set(session.scalars(named)))
            file = self.photos / (digest + suffix)
            if not self.is_whole(file):
                write_bytes(file, photo)
                fsync(self.photos)
            if session.get(Photo, digest) is None:
                session.add(Photo(sha256=digest, suffix=suffix, added=now))
                session.flush()
            session.merge(Embedding(photo=digest, model=model, vector=vector.astype("<f4").tobytes()))
            if claim.probability is not None and not math.isfinite(claim.probability):
                claim = replace(claim, probability=None)  # SQLite keeps no NaN
            kept = asdict(claim)
            kept.pop("another")
            sighting = Sighting(photo=digest, said=now, undone=None, **kept)
            session.add(sighting)
            session.flush()
            _note(session, "named" if claim.new_individual else "confirmed", sighting, now)
        return sighting

    def undo(self, number: int) -> Sighting:
        """Undo a sighting; a ConflictError for one that is not there, is undone, or named an animal met since."""
        now = datetime.now(UTC)
        with self._session.begin() as session:
            sighting = session.get(Sighting, number)
            if sighting is None:
                raise ConflictError(f"there is no sighting {number}")
            if sighting.undone is not None:
                raise ConflictError(f"sighting {number} was undone before, at {sighting.undone:%Y-%m-%d %H:%M} UTC")
            name = sighting.identity
            others = STANDING.where(Sighting.identity == name, Sighting.id != number).limit(1)
            if sighting.new_individual and session.scalar(others) is not None:
                raise ConflictError(f"other photos were confirmed as {name}, which this one named; undo them first")
            sighting.undone = now
            _note(session, "undone", sighting, now)
        return sighting

    def sightings(self) -> list[Sighting]:
        """The sightings that were not undone, the oldest first."""
        with self._session() as session:
            return list(session.scalars(STANDING.order_by(Sighting.id)))

    def events(self, most: int) -> list[Event]:
        """The history, the newest first."""
        with self._session() as session:
            return list(session.scalars(select(Event).order_by(Event.id.desc()).limit(most)))

    def vectors(self, model: str) -> dict[str, Vector]:
        """Photo (SHA-256) -> its embedding by a model, float32 (D,)."""
        with self._session() as session:
            rows = session.execute(select(Embedding.photo, Embedding.vector).where(Embedding.model == model))
            return {photo: np.frombuffer(vector, "<f4").astype(np.float32) for photo, vector in rows}

    def keep_vector(self, photo: str, model: str, vector: Vector) -> None:
        """Keep a photo's embedding by another model."""
        with self._session.begin() as session:
            session.merge(Embedding(photo=photo, model=model, vector=vector.astype("<f4").tobytes()))

    def find(self, digest: str) -> Path | None:
        """The file of the photo with this content, also of an undone sighting; None where there is none."""
        with self._session() as session:
            photo = session.get(Photo, digest)
            return None if photo is None else self.file_of(photo)

    def file_of(self, photo: Photo) -> Path:
        """The file with a photo's bytes."""
        return self.photos / f"{photo.sha256}{photo.suffix}"

    def is_whole(self, photo: Path) -> bool:
        """Whether a photo is there and has the content that its name says."""
        return photo.is_file() and sha256(photo) == photo.stem

    def close(self) -> None:
        """Close the database."""
        self.engine.dispose()

    def _remove_unnamed(self) -> None:
        """Remove files that no row names, which a crash left."""
        with self._session() as session:
            named = {self.file_of(photo).name for photo in session.scalars(select(Photo))}
        for entry in os.scandir(self.photos):
            if entry.name not in named and entry.is_file(follow_symlinks=False):
                (self.photos / entry.name).unlink(missing_ok=True)


def _check_name(claim: Claim, known: set[str]) -> None:
    taken = next((name for name in sorted(known) if spelling(name) == spelling(claim.identity)), None)
    if claim.new_individual and taken is not None:
        raise ConflictError(f"there is an animal called {taken}; confirm it, or choose another name")
    if not claim.new_individual and claim.identity not in known:
        meant = "" if taken is None else f" (do you mean {taken}?)"
        raise ConflictError(f"no animal is called {claim.identity}{meant}; to name a new one, say so")


def _note(session: Session, action: Action, sighting: Sighting, at: datetime) -> None:
    """Add a line to the history, and read the sighting back."""
    session.add(Event(at=at, action=action, sighting=sighting.id, identity=sighting.identity, photo=sighting.photo))
    session.flush()
    session.refresh(sighting)
