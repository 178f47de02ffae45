"""The database of sightings: its tables, and how it is made, or checked, when it is opened."""

import hashlib
import json
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sql
from sqlalchemy import Engine, ForeignKey, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

from wildtrack.errors import UserError

SCHEMA_VERSION = 2
BUSY_SECONDS = 10.0  # to wait for another process that writes


class Moment(sql.TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no zones, and a time without one would be read as local time."""

    impl = sql.DateTime
    cache_ok = True

    def process_result_value(self, value: datetime | None, dialect: sql.Dialect) -> datetime | None:  # noqa: ARG002
        """The time with its zone."""
        return None if value is None else value.replace(tzinfo=UTC)


class Base(DeclarativeBase):
    """A table. SQLite does not notice a flipped bit in a name: each row is sealed, and checked when it is read."""

    type_annotation_map = {datetime: Moment}  # noqa: RUF012  # SQLAlchemy's way

    seal: Mapped[str]  # SHA-256 of the other columns


def _seal(row: Base) -> str:
    """The seal that a row must have; without the id, which the database gives out too late."""
    values = {each.columns[0].name: getattr(row, each.key) for each in row.__mapper__.column_attrs}
    sealed = {column: value for column, value in values.items() if column not in ("id", "seal")}
    text = json.dumps(
        sealed, sort_keys=True, default=lambda each: each.hex() if isinstance(each, bytes) else str(each.isoformat())
    )
    return hashlib.sha256(text.encode()).hexdigest()


@event.listens_for(Base, "before_insert", propagate=True)
@event.listens_for(Base, "before_update", propagate=True)
def _seal_row(_mapper: object, _connection: object, row: Base) -> None:
    row.seal = _seal(row)


@event.listens_for(Base, "load", propagate=True)
def _check_row(row: Base, _context: object) -> None:
    if row.seal is not None and row.seal != _seal(row):  # None: a new row, which `merge` reports as loaded
        raise ValueError(f"a row of {row.__tablename__} is not as it was written")


class Photo(Base):
    """A confirmed photo; its bytes are in the store's folder `photos`."""

    __tablename__ = "photos"

    sha256: Mapped[str] = mapped_column(primary_key=True)  # of the file's bytes
    suffix: Mapped[str]  # by content: .jpg, .png, .webp, .heic
    added: Mapped[datetime]  # UTC


class Embedding(Base):
    """The embedding of a photo by a model."""

    __tablename__ = "embeddings"

    photo: Mapped[str] = mapped_column(ForeignKey("photos.sha256"), primary_key=True)
    model: Mapped[str] = mapped_column(primary_key=True)  # its fingerprint
    vector: Mapped[bytes]  # float32, little endian


ONE_NAME_A_PHOTO = sql.Index(
    "one_name_a_photo", "photo", "identity", unique=True, sqlite_where=sql.text("undone IS NULL")
)


class Sighting(Base):
    """A person confirmed an animal that a photo shows. Never deleted: a wrong one is undone."""

    __tablename__ = "sightings"
    __table_args__ = (ONE_NAME_A_PHOTO,)

    id: Mapped[int] = mapped_column(primary_key=True)
    photo: Mapped[str] = mapped_column(ForeignKey("photos.sha256"))
    identity: Mapped[str]
    new_individual: Mapped[bool]  # named in this sighting for the first time
    viewpoint: Mapped[str] = mapped_column("side")  # which side of the animal shows; "" where not given
    said: Mapped[datetime]  # UTC
    undone: Mapped[datetime | None]
    decision: Mapped[str | None]  # of the search at that time: match, review or new
    probability: Mapped[float | None]  # its P(same animal) for this identity
    stored: Mapped[Photo] = relationship(lazy="joined", viewonly=True)


class Event(Base):
    """A line of the history."""

    __tablename__ = "events"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]  # UTC
    action: Mapped[str]  # an Action
    sighting: Mapped[int] = mapped_column(ForeignKey("sightings.id"))
    identity: Mapped[str]
    photo: Mapped[str]


def open_database(path: Path) -> Engine:
    """Open the database, or make one; a UserError where it is damaged or of another version."""
    engine = _engine(path)
    try:
        with engine.begin() as connection:
            found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
            orphan = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if found != "ok":
            raise ValueError(" ".join(str(found).split())[:200])
        if orphan is not None:
            raise ValueError(f"a row of {orphan[0]} names one of {orphan[2]} that is not there")
        _make_tables(engine)
        with Session(engine) as session:  # every row is checked when it is read
            for table in (Photo, Embedding, Sighting, Event):
                deque(session.scalars(sql.select(table).execution_options(yield_per=1000)), maxlen=0)
    except DatabaseError as error:
        raise UserError(f"{path} cannot be used: {error.orig}; restore it from a backup") from error
    except (ValueError, TypeError) as error:  # TypeError: a time that is no text
        raise UserError(f"{path} is damaged: {error}; restore it from a backup") from error
    return engine


def _engine(path: Path) -> Engine:
    """SQLite that writes ahead, checks foreign keys, and syncs every commit to the disk."""
    engine = sql.create_engine(f"sqlite:///{path}", connect_args={"timeout": BUSY_SECONDS})

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # transactions begin below; the driver would wait for the first write
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "synchronous=FULL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # two readers that both want to write would lock each other

    return engine


def _make_tables(engine: Engine) -> None:
    """Make the tables of a new database; a UserError for a database of another version."""
    with engine.begin() as connection:
        version = int(connection.exec_driver_sql("PRAGMA user_version").scalar_one())
        if version > SCHEMA_VERSION:
            reason = f"were written by a newer WildTrack (version {version}, here {SCHEMA_VERSION}); update it"
            raise UserError(f"the sightings {reason}")
        if 0 < version < SCHEMA_VERSION:
            reason = f"{engine.url.database} was written before the first release (version {version})"
            advice = "name a new folder with --sightings, and confirm the photos in the old one again"
            raise UserError(f"{reason}; {advice}")
        if version == 0:
            Base.metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.exec_driver_sql("DROP INDEX IF EXISTS one_animal_a_photo")  # of 0.1.0: a photo may show several
        ONE_NAME_A_PHOTO.create(connection, checkfirst=True)
