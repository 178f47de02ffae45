import sqlite3
from pathlib import Path

import pytest

from tests.helpers.sightings import add
from wildtrack.errors import UserError
from wildtrack.web import database as module
from wildtrack.web.store import Store


def test_a_database_of_the_version_before_opens(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "sightings.sqlite") as database:
        database.executescript(Path(__file__).with_name("sightings_before.sql").read_text("utf-8"))
    store = Store(tmp_path)
    (found,) = store.sightings()
    assert (found.identity, found.viewpoint, found.decision, found.probability) == ("Ana", "left", "match", 0.9)
    assert store.undo(found.id).undone is not None
    store.close()
    assert [event.action for event in Store(tmp_path).events(9)] == ["undone", "confirmed"]


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE sightings SET identity = 'Bob'",
        "UPDATE events SET identity = 'Bob'",
        "UPDATE photos SET suffix = '.png'",
        "UPDATE embeddings SET vector = zeroblob(32)",
    ],
)
def test_a_row_that_is_not_as_it_was_written_is_refused(tmp_path: Path, change: str) -> None:
    store = Store(tmp_path)
    add(store)
    with store.engine.begin() as connection:
        connection.exec_driver_sql(change)
    store.close()
    with pytest.raises(UserError, match=f"a row of {change.split()[1]} is not as it was written; restore it from"):
        Store(tmp_path)


def test_a_newer_older_or_damaged_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for folder in ("newer", "older", "damaged"):
        (tmp_path / folder).mkdir()
    with sqlite3.connect(tmp_path / "older" / "sightings.sqlite") as database:
        database.execute("PRAGMA user_version = 1")
    with pytest.raises(UserError, match=r"before the first release \(version 1\); name a new folder with --sightings"):
        Store(tmp_path / "older")
    (tmp_path / "damaged" / "sightings.sqlite").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(UserError, match="restore it from a backup"):
        Store(tmp_path / "damaged")
    Store(tmp_path / "newer").close()
    monkeypatch.setattr(module, "SCHEMA_VERSION", 0)
    with pytest.raises(UserError, match="newer WildTrack"):
        Store(tmp_path / "newer")
