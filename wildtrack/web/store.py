"""What people said about photos, in SQLite: the truth that files and index are mended from.

In: a photo's bytes, who it was said to show, the embedding. Out: sightings, and the trail of who said what and when.
"""

import hashlib
import math
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout
from sqlalchemy import select
from sqlalchemy.orm import Session

from wildtrack.errors import UserError
from wildtrack.storage.files import fsync, sha256
from wildtrack.web.database import Embedding, Event, Photo, Sighting, open_database

Action = Literal["confirmed", "named", "undone"]


@dataclass(frozen=True)
class Said:
    """What a person says about a photo, and what the search had answered."""

    identity: str
    new_individual: bool
    viewpoint: str = ""
    decision: str | None = None
    probability: float | None = None


class ConflictError(Exception):
    """What was said contradicts what is known; the message is for the person."""


@contextmanager
def open_store(folder: Path) -> "Iterator[Store]":
    """The store of a folder, which no other process can open as long as this one has it.

    Raises:
        UserError: Another process has it, it is no folder, or see `Store`.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; --sightings names the folder that keeps what people confirm")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / ".lock", timeout=0):
            store = Store(folder)
            try:
                yield store
            finally:
                store.close()
    except Timeout as error:
        raise UserError(f"another page uses {folder}; stop it, or choose another --sightings") from error


class Store:
    """The database and the photos beside it."""

    def __init__(self, folder: Path) -> None:
        """Open the store, or make one; mend what a crash left behind.

        Raises:
            UserError: The database is damaged, or of another version.
        """
        self.photos = folder / "photos"
        self.photos.mkdir(parents=True, exist_ok=True)
        self.engine = open_database(folder / "sightings.sqlite")
        self.lost = self._mend()

    def add(
        self, photo: bytes, suffix: str, said: Said, model: str, vector: npt.NDArray[np.float32], known: set[str]
    ) -> Sighting:
        """Note who a photo shows.

        The file is on the disk before the row that names it: after a crash there may be a file too many, never one
        too few.

        Args:
            photo: The file's bytes.
            suffix: Of the file, by its content.
            said: Who it shows.
            model: Fingerprint of what made the vector.
            vector: float32 (D,), length one.
            known: The identities of the catalogue; those of earlier sightings are known besides.

        Raises:
            ConflictError: It has been confirmed before, a new animal's name is taken, or a known one's is not.
        """
        digest, now = hashlib.sha256(photo).hexdigest(), datetime.now(UTC)
        with self._writing() as session:
            before = session.scalar(select(Sighting).where(Sighting.photo == digest, Sighting.undone.is_(None)))
            if before is not None:
                raise ConflictError(f"this photo has been confirmed as {before.identity}; undo that first")
            names = known | set(session.scalars(select(Sighting.identity).where(Sighting.undone.is_(None))))
            taken = next((name for name in names if name.casefold() == said.identity.casefold()), None)
            if said.new_individual and taken is not None:
                raise ConflictError(f"there is an animal called {taken}; confirm it, or choose another name")
            if not said.new_individual and said.identity not in names:
                meant = "" if taken is None else f" (do you mean {taken}?)"
                raise ConflictError(f"no animal is called {said.identity}{meant}; to name a new one, say so")
            self._write(digest + suffix, photo)
            if session.get(Photo, digest) is None:
                session.add(Photo(sha256=digest, suffix=suffix, added=now))
                session.flush()
            session.merge(Embedding(photo=digest, model=model, vector=vector.astype("<f4").tobytes()))
            sighting = Sighting(
                photo=digest,
                identity=said.identity,
                new_individual=bool(said.new_individual),
                viewpoint=said.viewpoint,
                said=now,
                undone=None,
                decision=said.decision,
                probability=_finite(said.probability),
            )
            session.add(sighting)
            session.flush()
            session.add(_event("named" if said.new_individual else "confirmed", sighting, now))
            session.flush()
            session.refresh(sighting)
        return sighting

    def undo(self, number: int) -> Sighting:
        """Take a sighting back.

        Raises:
            ConflictError: It is not there, is undone already, or others were confirmed as the animal it named.
        """
        now = datetime.now(UTC)
        with self._writing() as session:
            sighting = session.get(Sighting, number)
            if sighting is None:
                raise ConflictError(f"there is no sighting {number}")
            if sighting.undone is not None:
                raise ConflictError(f"sighting {number} was undone before, at {sighting.undone:%Y-%m-%d %H:%M} UTC")
            if sighting.new_individual:
                others = select(Sighting).where(
                    Sighting.identity == sighting.identity, Sighting.undone.is_(None), Sighting.id != number
                )
                if session.scalar(others.limit(1)) is not None:
                    raise ConflictError(
                        f"other photos were confirmed as {sighting.identity}, which this one named; undo them first"
                    )
            sighting.undone = now
            session.add(_event("undone", sighting, now))
            session.flush()
            session.refresh(sighting)
        return sighting

    def sightings(self) -> list[Sighting]:
        """Those that stand, the oldest first."""
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(Sighting).where(Sighting.undone.is_(None)).order_by(Sighting.id)))

    def events(self, most: int) -> list[Event]:
        """The trail, the newest first."""
        with Session(self.engine, expire_on_commit=False) as session:
            return list(session.scalars(select(Event).order_by(Event.id.desc()).limit(most)))

    def vectors(self, model: str) -> dict[str, npt.NDArray[np.float32]]:
        """Photo (SHA-256) -> what a model made of it, float32 (D,)."""
        with Session(self.engine) as session:
            rows = session.execute(select(Embedding.photo, Embedding.vector).where(Embedding.model == model))
            return {photo: np.frombuffer(vector, "<f4").astype(np.float32) for photo, vector in rows}

    def keep_vector(self, photo: str, model: str, vector: npt.NDArray[np.float32]) -> None:
        """Note what another model made of a photo."""
        with self._writing() as session:
            session.merge(Embedding(photo=photo, model=model, vector=vector.astype("<f4").tobytes()))

    def find(self, digest: str) -> Path | None:
        """Where the photo of this content lies, also when what was said of it is undone; None for one never seen."""
        with Session(self.engine) as session:
            photo = session.get(Photo, digest)
            return None if photo is None else self.file_of(photo)

    def file_of(self, photo: Photo) -> Path:
        """Where a photo's bytes lie."""
        return self.photos / f"{photo.sha256}{photo.suffix}"

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def _write(self, name: str, data: bytes) -> None:
        """Put a photo on the disk, whole or not at all; its name is its content, so one that is there is kept."""
        target = self.photos / name
        if self.is_whole(target):
            return
        part = self.photos / f".part-{secrets.token_hex(8)}"
        try:
            part.write_bytes(data)
            fsync(part)
            part.replace(target)
            fsync(self.photos)
        finally:
            part.unlink(missing_ok=True)

    def _mend(self) -> list[str]:
        """Remove files that no row names; return the photos (SHA-256) of standing sightings whose files are gone."""
        with Session(self.engine) as session:
            named = {self.file_of(photo).name for photo in session.scalars(select(Photo))}
        for entry in os.scandir(self.photos):
            if entry.name not in named and entry.is_file(follow_symlinks=False):
                (self.photos / entry.name).unlink(missing_ok=True)
        return [seen.photo for seen in self.sightings() if not self.file_of(seen.stored).is_file()]

    def is_whole(self, photo: Path) -> bool:
        """Whether a photo is there, and has the content that its name tells."""
        return photo.is_file() and sha256(photo) == photo.stem


def _finite(number: float | None) -> float | None:
    """As the database gives it back, which keeps no NaN."""
    return None if number is None or not math.isfinite(number) else float(number)


def _event(action: Action, sighting: Sighting, at: datetime) -> Event:
    return Event(at=at, action=action, sighting=sighting.id, identity=sighting.identity, photo=sighting.photo)
