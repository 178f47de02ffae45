from pathlib import Path

import pytest
from sqlalchemy import text

from tests.web.test_store import add
from wildtrack.errors import UserError
from wildtrack.web import database as module
from wildtrack.web.store import Store


def test_an_older_database_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    add(store)
    store.close()
    now = module.SCHEMA_VERSION
    monkeypatch.setattr(module, "SCHEMA_VERSION", now + 2)
    steps = {now: ["ALTER TABLE photos ADD COLUMN note TEXT"], now + 1: ["UPDATE photos SET note = 'seen'"]}
    monkeypatch.setattr(module, "UPGRADES", steps)
    for _ in range(2):  # the second time there is nothing to do
        again = Store(tmp_path)
        with again.engine.begin() as connection:
            assert connection.execute(text("SELECT note FROM photos")).scalar_one() == "seen"
        assert len(again.sightings()) == 1
        again.close()


def test_a_new_database_is_of_the_newest_kind_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {number: ["ALTER TABLE photos ADD COLUMN suffix TEXT"] for number in range(module.SCHEMA_VERSION)}
    monkeypatch.setattr(module, "UPGRADES", before)  # which it has
    store = Store(tmp_path)
    add(store)
    with store.engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == module.SCHEMA_VERSION


def test_rows_of_the_first_version_are_read_and_sealed_when_they_change(tmp_path: Path) -> None:
    store = Store(tmp_path)
    number = add(store)
    with store.engine.begin() as connection:
        for table in module.SEALED:
            connection.exec_driver_sql(f"ALTER TABLE {table} DROP COLUMN seal")
        connection.exec_driver_sql("PRAGMA user_version = 1")
    store.close()
    again = Store(tmp_path)
    assert [each.seal for each in again.sightings()] == [""]
    assert len(again.undo(number).seal) == 64
    again.close()


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


def test_a_failed_upgrade_leaves_the_old_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    add(store)
    store.close()
    with monkeypatch.context() as patch:
        patch.setattr(
            module, "UPGRADES", {module.SCHEMA_VERSION: ["ALTER TABLE photos ADD COLUMN note TEXT", "nonsense"]}
        )
        patch.setattr(module, "SCHEMA_VERSION", module.SCHEMA_VERSION + 1)
        with pytest.raises(UserError, match="cannot be used"):
            Store(tmp_path)
    assert len(Store(tmp_path).sightings()) == 1


def test_a_newer_or_damaged_database_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path / "newer")
    store.close()
    monkeypatch.setattr(module, "SCHEMA_VERSION", 0)
    with pytest.raises(UserError, match="newer WildTrack"):
        Store(tmp_path / "newer")
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "sightings.sqlite").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(UserError, match="restore it from a backup"):
        Store(tmp_path / "damaged")
