from pathlib import Path

import pytest
from sqlalchemy import text
from test_store import add

from wildtrack.errors import UserError
from wildtrack.web import tables as module
from wildtrack.web.store import Store


def test_an_older_database_is_brought_up_to_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    add(store)
    store.close()
    monkeypatch.setattr(module, "SCHEMA_VERSION", 3)
    steps = {1: ["ALTER TABLE photos ADD COLUMN note TEXT"], 2: ["UPDATE photos SET note = 'seen'"]}
    monkeypatch.setattr(module, "UPGRADES", steps)
    for _ in range(2):  # the second time there is nothing to do
        again = Store(tmp_path)
        with again.engine.begin() as connection:
            assert connection.execute(text("SELECT note FROM photos")).scalar_one() == "seen"
        assert len(again.sightings()) == 1
        again.close()


def test_a_new_database_is_of_the_newest_kind_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SCHEMA_VERSION", 2)
    monkeypatch.setattr(module, "UPGRADES", {1: ["ALTER TABLE photos ADD COLUMN suffix TEXT"]})  # which it has
    store = Store(tmp_path)
    add(store)
    with store.engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA user_version").scalar_one() == 2


def test_a_failed_upgrade_leaves_the_old_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(tmp_path)
    add(store)
    store.close()
    with monkeypatch.context() as patch:
        patch.setattr(module, "SCHEMA_VERSION", 2)
        patch.setattr(module, "UPGRADES", {1: ["ALTER TABLE photos ADD COLUMN note TEXT", "nonsense"]})
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
