from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.sightings import MODEL, add
from wildtrack.web.store import ConflictError, Store


def test_a_sighting_is_there_after_a_restart(tmp_path: Path) -> None:
    store = Store(tmp_path)
    number = add(store)
    store.close()
    again = Store(tmp_path)
    (found,) = again.sightings()
    assert (found.id, found.identity, found.viewpoint) == (number, "Ana", "left")
    assert (found.decision, found.probability, again.lost) == ("match", 0.9, [])
    assert again.file_of(found.stored).read_bytes() == b"one"
    assert {photo: vector.tolist() for photo, vector in again.vectors(MODEL).items()} == {found.photo: [3.0] * 4}
    assert again.vectors("0" * 64) == {} and [event.action for event in again.events(10)] == ["confirmed"]


def test_an_undone_sighting_stays_in_the_history(tmp_path: Path) -> None:
    before, store = datetime.now(UTC), Store(tmp_path)
    undone = store.undo(add(store))
    assert before <= undone.said <= (undone.undone or before) <= datetime.now(UTC) and store.sightings() == []
    assert all(event.at.tzinfo is UTC for event in store.events(9))
    assert [event.action for event in store.events(10)] == ["undone", "confirmed"]
    add(store, identity="Blå")  # the same photo, confirmed again
    assert [seen.identity for seen in store.sightings()] == ["Blå"]


Said = tuple[bytes, str, bool]


@pytest.mark.parametrize(
    ("before", "claim", "reason"),
    [
        ([(b"one", "Ana", False)], (b"one", "Blå", False), "has been confirmed as Ana; undo that first, or say"),
        ([(b"one", "Ana", False)], (b"one", "Ana", False, True), "has been confirmed as Ana; undo that first$"),
        ([], (b"one", "Eva", False), "no animal is called Eva"),
        *(([], (b"one", name, True), "there is an animal called Ana") for name in ("Ana", "ANA")),
        ([], (b"one", "ana", False), "do you mean Ana"),
        ([(b"one", "Eva", True)], (b"two", "Eva", True), "there is an animal called Eva"),
    ],
)
def test_a_contradiction_is_refused(tmp_path: Path, before: list[Said], claim: tuple[Any, ...], reason: str) -> None:
    store = Store(tmp_path)
    for earlier in before:
        add(store, *earlier)
    with pytest.raises(ConflictError, match=reason):
        add(store, *claim)
    assert len(store.sightings()) == len(before)
    assert len(list((tmp_path / "photos").iterdir())) == len(before)  # a refused photo is not kept


def test_a_photo_may_show_two_animals_and_each_is_undone_alone(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second = add(store), add(store, identity="Blå", another=True)
    assert [seen.identity for seen in store.sightings()] == ["Ana", "Blå"]
    assert len(list((tmp_path / "photos").iterdir())) == 1
    store.undo(first)
    assert [seen.id for seen in store.sightings()] == [second]


def test_a_new_animal_can_be_met_again_and_is_undone_last(tmp_path: Path) -> None:
    store = Store(tmp_path)
    first, second = add(store, b"one", "Eva", True), add(store, b"two", "Eva")
    with pytest.raises(ConflictError, match="undo them first"):
        store.undo(first)
    store.undo(second)
    store.undo(first)
    for number, reason in ((first, "was undone before"), (99, "no sighting 99")):
        with pytest.raises(ConflictError, match=reason):
            store.undo(number)
    with pytest.raises(ConflictError, match="no animal is called Eva"):
        add(store, b"two", "Eva")


def test_files_left_by_a_crash_are_removed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    add(store)
    (kept,) = store.sightings()
    store.close()
    (tmp_path / "photos" / ".part-0123").write_bytes(b"half")
    (tmp_path / "photos" / ("0" * 64 + ".jpg")).write_bytes(b"a file without a row")
    again = Store(tmp_path)
    assert [path.name for path in (tmp_path / "photos").iterdir()] == [again.file_of(kept.stored).name]
    again.file_of(kept.stored).unlink()
    again.close()
    assert Store(tmp_path).lost == [kept.photo]
