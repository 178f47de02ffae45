"""Flipped bits and files that are cut short: each is noticed when the artifacts or the sightings are opened.

By default 90 damages, with WILDTRACK_SOAK=1 the 1,000 of docs/reliability.md.
"""

import os
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.features.keypoints import Keypoints
from wildtrack.address.gallery import files
from wildtrack.address.gallery.files import read_gallery, save_gallery
from wildtrack.address.gallery.gallery import COLUMNS, Gallery, Source
from wildtrack.address.gallery.index import build_index, is_exact
from wildtrack.address.matching.local.voting import KeypointIndex
from wildtrack.errors import UserError
from wildtrack.web.store import Claim, Store

DAMAGES = 1000 if os.environ.get("WILDTRACK_SOAK") else 90
DIMENSIONS = 16


@pytest.fixture
def folder(artifacts: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that can lie in an artifacts folder: the model, and a gallery with keypoints and an approximate index."""
    monkeypatch.setattr(files, "build_index", partial(build_index, exact_up_to=0))
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(40, DIMENSIONS)), 10, axis=0) + 0.5 * rng.normal(size=(400, DIMENSIONS))
    embeddings = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    table = pd.DataFrame("", index=range(400), columns=list(COLUMNS), dtype=object)
    names = [f"Žofie {row // 10}" for row in range(400)]
    table = table.assign(image_id=[str(row) for row in range(400)], identity=names, bbox=None)
    keypoints = [
        Keypoints(rng.uniform(0, 90, (5, 2)).astype(np.float32), rng.integers(0, 60, (5, 128), np.uint8), (90, 120))
        for _ in range(400)
    ]
    source = Source(artifacts, artifacts / "p.csv", "f")
    save_gallery(Gallery(table, embeddings, KeypointIndex(keypoints), source=source), artifacts)
    return artifacts


def open_all(folder: Path) -> None:
    assert open_artifacts(folder).config is not None
    gallery = read_gallery(folder, "f", DIMENSIONS, with_keypoints=True)
    assert gallery is not None and not is_exact(gallery.index)


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Other content: a bit flipped, the end cut off, a page of zeros, or a tail of rubbish."""
    kind = rng.choice(["flip", "flip", "flip", "cut", "zeros", "tail"])
    if kind == "flip":
        return flipped(content, rng.randrange(8 * len(content)))
    if kind == "cut":
        return content[: rng.randrange(len(content))]
    if kind == "tail":
        return content + rng.randbytes(rng.randrange(1, 5000))
    start = rng.randrange(len(content))
    zeroed = content[:start] + bytes(len(content[start : start + 4096])) + content[start + 4096 :]
    return zeroed if zeroed != content else flipped(content, start)


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_every_damage_to_artifacts_is_noticed(folder: Path, record_property: Callable[[str, object], None]) -> None:
    open_all(folder)
    names = sorted(path.name for path in folder.iterdir())
    assert len(names) == 9 + 4 + 5  # the model's, the gallery's and its keypoints' files
    rng = random.Random(0)
    hit: Counter[str] = Counter()
    for number in range(DAMAGES):
        name = names[number % len(names)]
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(damaged(whole, rng))
        with pytest.raises(UserError, match=r"damaged|altered") as caught:
            open_all(folder)
        assert name in str(caught.value), number
        (folder / name).write_bytes(whole)
        hit[name] += 1
    open_all(folder)
    record_property("figure", f"{DAMAGES} damages to {len(hit)} files: all noticed when the folder was opened")


def test_a_damaged_photo_of_the_sightings_is_known_by_its_content(tmp_path: Path) -> None:
    vector, said = np.zeros(8, np.float32), Claim("Ana", new_individual=True)
    store = Store(tmp_path)
    sighting = store.add(b"a photo", ".jpg", said, "f" * 64, vector, set())
    photo = store.file_of(sighting.stored)
    photo.write_bytes(b"b photo")
    assert not store.is_whole(photo)
    store.undo(sighting.id)
    store.add(b"a photo", ".jpg", said, "f" * 64, vector, set())  # the same photo once more: it is whole again
    assert photo.read_bytes() == b"a photo"
    store.close()


def test_a_damaged_page_of_the_sightings_is_refused(tmp_path: Path) -> None:
    """SQLite keeps no checksums, but its own check finds a page that is none."""
    store = Store(tmp_path / "sightings")
    store.add(b"a photo", ".jpg", Claim("Ana", new_individual=True), "f" * 64, np.zeros(8, np.float32), set())
    store.close()
    database = tmp_path / "sightings" / "sightings.sqlite"
    whole, rng, refused = database.read_bytes(), random.Random(0), 0
    pages = len(whole) // 4096
    for page in range(pages):
        changed = bytearray(whole)
        changed[page * 4096 : page * 4096 + 8] = rng.randbytes(8)  # where a page says what it is
        database.write_bytes(changed)
        for left in ("-wal", "-shm"):
            database.with_name(database.name + left).unlink(missing_ok=True)
        with suppress(UserError):
            Store(tmp_path / "sightings").close()
            continue
        refused += 1
    assert refused == pages


def test_a_flipped_bit_in_the_sightings(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """The sightings are read as they were, or refused; a bit in an unused part of a page changes nothing."""

    def said() -> list[tuple[object, ...]]:
        """All that is stored of the sightings, or an error."""
        store = Store(tmp_path)
        try:
            seen = [(each.id, each.identity, each.photo, each.viewpoint, each.said) for each in store.sightings()]
            trail = [(each.id, each.at, each.action, each.sighting, each.identity) for each in store.events(100)]
            return [*seen, *trail, *((key, *vector) for key, vector in store.vectors("f" * 64).items())]
        finally:
            store.close()

    store = Store(tmp_path)
    for number in range(30):
        vector = np.random.default_rng(number).normal(size=64).astype(np.float32)
        name = Claim(f"Žofie {number}", new_individual=True, viewpoint="left", decision="new", probability=0.125)
        store.add(b"photo %d" % number, ".jpg", name, "f" * 64, vector, set())
    store.close()
    database, truth = tmp_path / "sightings.sqlite", said()
    whole, rng, refused = database.read_bytes(), random.Random(0), 0
    for _ in range(DAMAGES):
        database.write_bytes(flipped(whole, rng.randrange(8 * len(whole))))
        for left in ("-wal", "-shm"):
            database.with_name(database.name + left).unlink(missing_ok=True)
        try:
            assert said() == truth
        except UserError:
            refused += 1
    record_property(
        "figure", f"{DAMAGES} flipped bits in the sightings: {refused} refused, the others changed nothing that is read"
    )
    assert refused > DAMAGES / 3
