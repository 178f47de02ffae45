"""Faults planted where we know them, and how many of them each detector finds. `pytest -s` prints the figures."""

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from wildtrack.access.catalogue import Catalogue
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.photos.pixel_cache import decode_catalogue
from wildtrack.access.readers.load import load_catalogue
from wildtrack.assess.checks import PIXELS
from wildtrack.assess.derived import remove_duplicates, write_cleaned
from wildtrack.assess.duplicates.groups import Pictures, check_for_duplicates
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.labels.audit import Audit, audit_labels
from wildtrack.assess.leakage import leaking_photos
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
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Catalogue, pd.DataFrame]:
    """Drawn turtles with copies among them: the catalogue, and the copies (`image_id`, `of`, `fault`)."""
    root = tmp_path_factory.mktemp("planted") / "turtles"
    make_demo(root, root.parent / "new", identities=6, encounters=3)
    table = pd.read_csv(root / "metadata.csv", dtype=str)
    originals = table.sample(frac=1, random_state=0).to_dict("records")
    rows, faults = [], []
    for number, original in enumerate(originals[:24]):
        fault = ("file", "recompressed", "resized", "lossless", "other name", "other side")[number % 6]
        source, name = root / original["path"], f"{original['image_id']}_copy_{number}"
        path = Path(original["path"]).with_name(f"{name}.png" if fault == "lossless" else f"{name}.jpg")
        photo = Image.open(source)
        if fault == "lossless":
            photo.save(root / path)
        elif fault == "recompressed":
            photo.save(root / path, quality=40)
        elif fault == "resized":
            photo.resize((photo.width // 2, photo.height // 2)).save(root / path, quality=85)
        else:
            shutil.copy(source, root / path)
        others = [name for name in table["identity"].unique() if name != original["identity"]]
        identity = others[number % 5] if fault == "other name" else original["identity"]
        size = {"width": photo.width, "height": photo.height}
        side = "test" if fault == "other side" else "train"
        told = {"image_id": name, "identity": identity, "path": path.as_posix(), "split": side}
        rows.append(original | size | told)
        faults.append({"image_id": name, "of": original["image_id"], "fault": fault})
    for number, shade in enumerate((0, 0, 255, 120)):
        Image.new("RGB", (200 + 40 * number, 160), (shade,) * 3).save(root / f"blank_{number}.jpg")
        rows.append({**originals[0], "image_id": f"blank_{number}", "path": f"blank_{number}.jpg", "split": "train"})
    everything = pd.concat([table.assign(split="train"), pd.DataFrame(rows)], ignore_index=True)
    everything.to_csv(root / "metadata.csv", index=False)
    return load_catalogue(root), pd.DataFrame(faults)


@pytest.fixture(scope="module")
def duplicates(planted: tuple[Catalogue, pd.DataFrame], tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    catalogue, _ = planted
    photos = decode_catalogue(
        catalogue.table, catalogue.root, PIXELS, CacheConfig(root=tmp_path_factory.mktemp("cache"))
    )
    assert photos.problems.empty
    no_faults = np.zeros(len(photos.digests), dtype=np.intp)
    sizes = (photos.table["height"] * photos.table["width"]).fillna(0).to_numpy(dtype=np.float64)
    pictures = Pictures(photos.small, perceptual_hashes(photos.small), photos.digests, no_faults, sizes)
    return check_for_duplicates(photos.table, pictures)


def test_every_copy_is_found_and_nothing_else(
    planted: tuple[Catalogue, pd.DataFrame], duplicates: pd.DataFrame
) -> None:
    _, faults = planted
    assert worst_rate("duplicates", duplicates["image_id"], [*faults["image_id"], *faults["of"]]) >= 0.95
    groups = duplicates.set_index("image_id")["group"]
    assert all(groups[copy] == groups[of] for copy, of in zip(faults["image_id"], faults["of"], strict=True))
    kinds = faults.merge(duplicates, on="image_id").groupby("fault")["kind"].agg(set)
    assert kinds["file"] == kinds["other name"] == kinds["other side"] == {"exact file"}
    assert kinds["lossless"] == kinds["recompressed"] == kinds["resized"] == {"near"}


def test_the_flags_tell_label_errors_and_leaks_from_plain_copies(
    planted: tuple[Catalogue, pd.DataFrame], duplicates: pd.DataFrame
) -> None:
    _, faults = planted
    for flag, fault in (("across_identities", "other name"), ("across_splits", "other side")):
        expected = faults[faults["fault"] == fault]
        found = duplicates.loc[duplicates[flag], "image_id"]
        assert worst_rate(flag, found, [*expected["image_id"], *expected["of"]]) == 1.0


def test_copies_leave_unless_their_label_is_in_doubt(
    planted: tuple[Catalogue, pd.DataFrame], duplicates: pd.DataFrame
) -> None:
    catalogue, faults = planted
    cleaned, removed = remove_duplicates(catalogue.table, duplicates)
    expected = faults.loc[faults["fault"] != "other name", "image_id"]
    assert worst_rate("removed", removed["image_id"], expected) >= 0.95
    files = sorted(catalogue.root.rglob("*.*"))
    write_cleaned(cleaned, catalogue.root, catalogue.root / "cleaned.csv")
    back = load_catalogue(catalogue.root / "cleaned.csv")
    assert back.table["image_id"].tolist() == cleaned["image_id"].tolist()
    assert sorted(catalogue.root.rglob("*.*")) == sorted([*files, catalogue.root / "cleaned.csv"])


def test_leaks_of_the_split_are_found(planted: tuple[Catalogue, pd.DataFrame]) -> None:
    catalogue, faults = planted
    leaks = leaking_photos(catalogue.table, "split", 12, None)
    expected = faults.loc[faults["fault"] == "other side", "image_id"]
    assert worst_rate("leaks", leaks.loc[leaks["any"], "image_id"], expected) == 1.0


def embedded_animals(seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Vectors about as well told apart as a good model's: an animal has a place, its encounters and photos scatter."""
    rng = np.random.default_rng(seed)
    shape = (ANIMALS, ENCOUNTERS, PHOTOS, 64)
    vectors = rng.normal(size=(ANIMALS, 1, 1, 64)) + 0.8 * rng.normal(size=(ANIMALS, ENCOUNTERS, 1, 64))
    vectors = np.reshape(vectors + 0.4 * rng.normal(size=shape), (-1, 64))
    animal, encounter, photo = (part.ravel() for part in np.indices(shape[:3]))
    dates = [f"2024-{month + 1:02d}-10T08:0{minute}:00" for month, minute in zip(encounter, photo, strict=True)]
    table = pd.DataFrame(
        {
            "image_id": [f"r{row}" for row in range(len(vectors))],
            "identity": [f"animal {number:02d}" for number in animal],
            "path": [f"{row}.jpg" for row in range(len(vectors))],
            "date": dates,
        }
    )
    return table, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def mislabelled(seed: int) -> tuple[Audit, dict[str, list[Any]]]:
    """Audit labels with faults: animals under two names, names of two animals, and photos under another's name."""
    table, vectors = embedded_animals(seed)
    rng = np.random.default_rng(seed)
    names = table["identity"].to_numpy(dtype=object)
    true = names.copy()
    late = (table["date"] > "2024-04").to_numpy()
    split, merged = [f"animal {number:02d}" for number in range(6)], [f"animal {number:02d}" for number in range(6, 18)]
    for name in split:
        names[(true == name) & late] = f"{name} again"
    for one, other in zip(merged[::2], merged[1::2], strict=True):
        names[true == other] = one
    sound = np.flatnonzero(~np.isin(true, [*split, *merged]))
    swapped = rng.choice(sound, 24, replace=False)
    for row in swapped:
        names[row] = rng.choice(np.setdiff1d(true[sound], [true[row]]))
    faults: dict[str, list[Any]] = {
        "swapped": [(seed, table["image_id"].iloc[row], true[row]) for row in swapped],
        "split": [(seed, name, f"{name} again") for name in split],
        "merged": [(seed, name) for name in merged[::2]],
    }
    return audit_labels(table.assign(identity=names), vectors, 12, None), faults


def test_swapped_split_and_merged_labels_are_found() -> None:
    found: dict[str, list[Any]] = {"swapped": [], "split": [], "merged": []}
    planted: dict[str, list[Any]] = {"swapped": [], "split": [], "merged": []}
    for seed in range(4):
        audit, faults = mislabelled(seed)
        for name, rows in faults.items():
            planted[name] += rows
        found["swapped"] += [(seed, *pair) for pair in audit.photos[["image_id", "suggested_identity"]].to_numpy()]
        found["split"] += [(seed, *pair) for pair in audit.pairs[["identity_a", "identity_b"]].to_numpy()]
        found["merged"] += [(seed, name) for name in audit.identities["identity"]]
    for name in found:
        assert worst_rate(name, found[name], planted[name]) >= 0.9


def test_sound_labels_give_few_false_alarms() -> None:
    table, vectors = embedded_animals(9)
    audit = audit_labels(table, vectors, 12, None)
    assert len(audit.photos) <= 0.01 * len(table)
    assert len(audit.pairs) == 0
    assert len(audit.identities) <= 0.05 * ANIMALS
