"""What people said about photos, in SQLite: the truth that files and index are mended from.

In: a photo's bytes, who it was said to show, the embedding. Out: sightings, and the trail of who said what and when.
"""

import hashlib
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from filelock import FileLock, Timeout
from sqlalchemy import (
    Connection,
    DateTime,
    Dialect,
    Engine,
    ForeignKey,
    Index,
    TypeDecorator,
    create_engine,
    event,
    select,
    text,
)
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from wildtrack.errors import UserError
from wildtrack.files import fsync

SCHEMA_VERSION = 1
UPGRADES: dict[int, Sequence[str]] = {}  # version -> the SQL that makes the next one of it
BUSY_SECONDS = 10.0  # to wait for another process that writes

Action = Literal["confirmed", "named", "undone"]


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no zones, and a time without one is taken for local time by whoever reads it."""

    impl = DateTime
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """What was kept, with its zone."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """The tables."""

    type_annotation_map = {datetime: Moment}  # noqa: RUF012  # SQLAlchemy's way


class Photo(Base):
    """A photo that somebody said something about; its bytes lie in the store's `photos` folder."""

    __tablename__ = "photos"

    sha256: Mapped[str] = mapped_column(primary_key=True)  # of the file's bytes
    suffix: Mapped[str]  # by content: .jpg, .png, .webp, .heic
    added: Mapped[datetime]  # UTC


class Embedding(Base):
    """What a model made of a photo."""

    __tablename__ = "embeddings"

    photo: Mapped[str] = mapped_column(ForeignKey("photos.sha256"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)  # its fingerprint
    vector: Mapped[bytes]  # float32, little endian


class Sighting(Base):
    """Somebody said that a photo shows an animal. Never deleted: what was wrong is undone."""

    __tablename__ = "sightings"
    __table_args__ = (Index("one_animal_a_photo", "photo", unique=True, sqlite_where=text("undone IS NULL")),)

    id: Mapped[int] = mapped_column(primary_key=True)
    photo: Mapped[str] = mapped_column(ForeignKey("photos.sha256"))
    identity: Mapped[str]
    new_individual: Mapped[bool]  # named in this sighting for the first time
    side: Mapped[str]  # which side of the animal shows; "" where not said
    said: Mapped[datetime]  # UTC
    undone: Mapped[datetime | None]
    decision: Mapped[str | None]  # what the search had answered: match, review or new
    probability: Mapped[float | None]  # and its P(same animal) for this identity
    stored: Mapped[Photo] = relationship(lazy="joined", viewonly=True)


class Event(Base):
    """A line of the trail."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]  # UTC
    action: Mapped[str]  # an Action
    sighting: Mapped[int] = mapped_column(ForeignKey("sightings.id"))
    identity: Mapped[str]
    photo: Mapped[str]


@dataclass(frozen=True)
class Said:
    """What a person says about a photo, and what the search had answered."""

    identity: str
    new_individual: bool
    side: str = ""
    decision: str | None = None
    probability: float | None = None


class ConflictError(Exception):
    """What was said contradicts what is known; the message is for the person."""


@contextmanager
def open_store(folder: Path) -> "Iterator[Store]":
    """The store of a folder, which no other process can open as long as this one has it.

    Raises:
        UserError: Another process has it, or see `Store`.
    """
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
            UserError: The database is damaged, or of a newer WildTrack.
        """
        self.photos = folder / "photos"
        self.photos.mkdir(parents=True, exist_ok=True)
        self.engine = _engine(folder / "sightings.sqlite")
        try:
            _bring_up_to_date(self.engine)
        except DatabaseError as error:
            raise UserError(
                f"{folder / 'sightings.sqlite'} cannot be used: {error.orig}; restore it from a backup"
            ) from error
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
                new_individual=said.new_individual,
                side=said.side,
                said=now,
                undone=None,
                decision=said.decision,
                probability=said.probability,
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
        if target.is_file() and target.stat().st_size == len(data):
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


def _event(action: Action, sighting: Sighting, at: datetime) -> Event:
    return Event(at=at, action=action, sighting=sighting.id, identity=sighting.identity, photo=sighting.photo)


def _engine(path: Path) -> Engine:
    """SQLite that writes ahead, checks foreign keys, and has written what it says it has."""
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy begins: the driver would only at the first write
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # two readers that both want to write would lock each other

    return engine


def _bring_up_to_date(engine: Engine) -> None:
    with engine.begin() as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if version > SCHEMA_VERSION:
            raise UserError(
                f"the sightings were written by a newer WildTrack (version {version}, here {SCHEMA_VERSION}); update it"
            )
        if version == 0:
            Base.metadata.create_all(connection)
        for step in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
            for statement in UPGRADES.get(step, ()):
                connection.exec_driver_sql(statement)
        connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
