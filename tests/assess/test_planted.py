"""How many of the planted faults each detector finds; `pytest -s` prints the figures."""

import shutil
from collections.abc import Iterable
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from tests.helpers.features import unit
from tests.helpers.tables import catalogue
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.photos.pixel_cache import decode_catalogue
from wildtrack.access.readers.load import load_catalogue
from wildtrack.assess.checks import PIXELS
from wildtrack.assess.duplicates.groups import Pictures, check_for_duplicates
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.labels.audit import audit_labels
from wildtrack.storage.cache import CacheConfig

ANIMALS, ENCOUNTERS, PHOTOS = 60, 6, 2


def worst_rate(name: str, found: Iterable[Any], planted: Iterable[Any]) -> float:
    """Print precision and recall, and give the lower of the two."""
    found, planted = set(found), set(planted)
    both = len(found & planted)
    precision, recall = both / max(1, len(found)), both / max(1, len(planted))
    print(f"\n{name}: precision {precision:.2f}, recall {recall:.2f} ({len(found)} found, {len(planted)} planted)")
    return min(precision, recall)


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Drawn turtles with copies among them: the copies (`image_id`, `of`, `fault`), and the duplicates found."""
    root = tmp_path_factory.mktemp("planted") / "turtles"
    make_demo(root, root.parent / "new", identities=6, encounters=3)
    table = pd.read_csv(root / "metadata.csv", dtype=str).assign(split="train")
    rows, faults = [], []
    for number, original in enumerate(table.sample(24, random_state=0).to_dict("records")):
        fault = ("file", "recompressed", "resized", "lossless", "other name", "other side")[number % 6]
        name = f"{original['image_id']}_copy_{number}.{'png' if fault == 'lossless' else 'jpg'}"
        photo = Image.open(root / original["path"])
        if fault == "lossless":
            photo.save(root / name)
        elif fault == "recompressed":
            photo.save(root / name, quality=40)
        elif fault == "resized":
            photo.resize((photo.width // 2, photo.height // 2)).save(root / name, quality=85)
        else:
            shutil.copy(root / original["path"], root / name)
        others = table["identity"][table["identity"] != original["identity"]].unique()
        changes = {"other name": {"identity": others[number % 5]}, "other side": {"split": "test"}}
        rows.append(original | {"image_id": name, "path": name} | changes.get(fault, {}))
        faults.append({"image_id": name, "of": original["image_id"], "fault": fault})
    for number, shade in enumerate((0, 0, 255, 120)):
        Image.new("RGB", (200 + 40 * number, 160), (shade,) * 3).save(root / f"blank_{number}.jpg")
        rows.append(rows[0] | {"image_id": f"blank_{number}", "path": f"blank_{number}.jpg"})
    pd.concat([table, pd.DataFrame(rows)], ignore_index=True).to_csv(root / "metadata.csv", index=False)
    cache = CacheConfig(root=tmp_path_factory.mktemp("cache"))
    photos = decode_catalogue(load_catalogue(root).table, root, PIXELS, cache)
    assert photos.problems.empty
    sizes = (photos.table["height"] * photos.table["width"]).to_numpy(dtype=np.float64)
    no_faults = np.zeros(len(sizes), dtype=np.intp)
    pictures = Pictures(photos.small, perceptual_hashes(photos.small), photos.digests, no_faults, sizes)
    return pd.DataFrame(faults), check_for_duplicates(photos.table, pictures)


def test_every_copy_is_found_and_nothing_else(planted: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    faults, duplicates = planted
    assert worst_rate("duplicates", duplicates["image_id"], [*faults["image_id"], *faults["of"]]) >= 0.95
    groups = duplicates.set_index("image_id")["group"]
    assert groups[faults["image_id"]].tolist() == groups[faults["of"]].tolist()
    kinds = faults.merge(duplicates, on="image_id").groupby("fault")["kind"].agg(set)
    assert kinds["file"] == kinds["other name"] == kinds["other side"] == {"exact file"}
    assert kinds["lossless"] == kinds["recompressed"] == kinds["resized"] == {"near"}
    for flag, fault in (("across_identities", "other name"), ("across_splits", "other side")):
        expected = faults[faults["fault"] == fault]
        found = duplicates.loc[duplicates[flag], "image_id"]
        assert worst_rate(flag, found, [*expected["image_id"], *expected["of"]]) == 1.0


def embedded_animals(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Vectors about as well told apart as a good model's: an animal has a place, its encounters and photos scatter."""
    rng = np.random.default_rng(seed)
    shape = (ANIMALS, ENCOUNTERS, PHOTOS, 64)
    vectors = rng.normal(size=(ANIMALS, 1, 1, 64)) + 0.8 * rng.normal(size=(ANIMALS, ENCOUNTERS, 1, 64))
    vectors = np.reshape(vectors + 0.4 * rng.normal(size=shape), (-1, 64))
    animal, encounter, photo = (part.ravel() for part in np.indices(shape[:3]))
    dates = [f"2024-{month + 1:02d}-10T08:0{minute}:00" for month, minute in zip(encounter, photo, strict=True)]
    return catalogue([f"animal {number:02d}" for number in animal], date=dates), unit(vectors)


Faults = dict[str, list[Any]]


def mislabelled(seed: int) -> tuple[Faults, Faults]:
    """What an audit finds, and the faults: animals under two names, names of two animals, photos under another name."""
    table, vectors = embedded_animals(seed)
    rng = np.random.default_rng(seed)
    names = table["identity"].to_numpy(dtype=object)
    true = names.copy()
    late = (table["date"] > "2024-04").to_numpy()
    split, merged = ([f"animal {number:02d}" for number in numbers] for numbers in (range(6), range(6, 18)))
    for name in split:
        names[(true == name) & late] = f"{name} again"
    for one, other in zip(merged[::2], merged[1::2], strict=True):
        names[true == other] = one
    sound = np.flatnonzero(~np.isin(true, [*split, *merged]))
    swapped = rng.choice(sound, 24, replace=False)
    for row in swapped:
        names[row] = rng.choice(np.setdiff1d(true[sound], [true[row]]))
    audit = audit_labels(table.assign(identity=names), vectors, 12, None)
    found: Faults = {
        "swapped": [(seed, *pair) for pair in audit.photos[["image_id", "suggested_identity"]].to_numpy()],
        "split": [(seed, *pair) for pair in audit.pairs[["identity_a", "identity_b"]].to_numpy()],
        "merged": [(seed, name) for name in audit.identities["identity"]],
    }
    faults: Faults = {
        "swapped": [(seed, table["image_id"].iloc[row], true[row]) for row in swapped],
        "split": [(seed, name, f"{name} again") for name in split],
        "merged": [(seed, name) for name in merged[::2]],
    }
    return found, faults


def test_swapped_split_and_merged_labels_are_found() -> None:
    audits = [mislabelled(seed) for seed in range(4)]
    for name in ("swapped", "split", "merged"):
        found, faults = (chain.from_iterable(part[name] for part in parts) for parts in zip(*audits, strict=True))
        assert worst_rate(name, found, faults) >= 0.9


def test_sound_labels_give_few_false_alarms() -> None:
    table, vectors = embedded_animals(9)
    audit = audit_labels(table, vectors, 12, None)
    assert len(audit.photos) <= 0.01 * len(table) and len(audit.identities) <= 0.05 * ANIMALS
    assert audit.pairs.empty
