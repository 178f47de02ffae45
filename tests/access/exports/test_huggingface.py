"""Hugging Face: the dataset against the real package where it is there, the upload against a stand-in."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from tests.helpers.marked import GPS_MARK, save_marked
from wildtrack.access.catalogue import Catalogue, problem_table
from wildtrack.access.exports.huggingface import allows_copies, check_copies_allowed, dataset_card, push, write
from wildtrack.access.sources import load
from wildtrack.errors import UserError


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """Two animals on one turned, GPS-tagged photo, and a photo that is gone."""
    save_marked(tmp_path / "photos ü/a b/1.jpg", orientation=6)
    table = pd.DataFrame(
        {
            "image_id": ["1", "2", "3"],
            "identity": ["Ana", "007", "Ana"],
            "path": ["a b/1.jpg", "a b/1.jpg", "gone.jpg"],
            "bbox": [(0.0, 0.0, 20.0, 30.0), None, None],
            "date": ["2024-05-31", None, None],
            "width": [60.0, float("nan"), float("nan")],
        }
    )
    return Catalogue(tmp_path / "photos ü", table, problem_table([]), "")


def test_round_trip(catalogue: Catalogue, tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    folder = tmp_path / "out" / "huggingface"
    gone = Catalogue(catalogue.root, catalogue.table.iloc[2:], catalogue.problems, "")
    with pytest.raises(UserError, match=r"none of the 1 photos can be read; the first: gone\.jpg"):
        write(gone, folder, None)
    assert not folder.exists()
    said, problems = write(catalogue, folder, None)
    assert str(folder) in said
    assert problems.to_numpy().tolist() == [["gone.jpg", "cannot be opened: No such file or directory"]]
    dataset = datasets.load_from_disk(str(folder))
    assert dataset.column_names == ["image", *catalogue.table.columns]
    assert dataset["identity"][:] == ["Ana", "007"] and dataset["bbox"][:] == [[0, 0, 20, 30], None]
    assert dataset["date"][:] == ["2024-05-31", None] and dataset["width"][:] == [60, None]
    first = np.asarray(dataset[0]["image"])
    assert first.shape == (80, 60, 3)  # upright, so that the box fits
    assert first[2:28, 2:18, 0].mean() > 200 > 60 > first[2:28, 2:18, 1].mean()
    assert dataset.class_encode_column("identity").features["identity"].names == ["007", "Ana"]
    assert (folder / "README.md").read_text(encoding="utf-8") == dataset_card(None)
    assert [path.name for path in folder.parent.iterdir()] == ["huggingface"]
    assert GPS_MARK in (catalogue.root / "a b/1.jpg").read_bytes()
    for path in folder.rglob("*"):
        assert path.is_dir() or (GPS_MARK not in path.read_bytes() and b"Exif" not in path.read_bytes())
    raw = dataset.cast_column("image", datasets.Image(decode=False))[0]["image"]
    assert raw["path"] is None and raw["bytes"].startswith(b"\xff\xd8")


def test_no_datasets(catalogue: Catalogue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match="pip install datasets"):
        write(catalogue, tmp_path / "out", None)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("slug", "licence"), [(None, "other"), ("gzgc", "cdla-permissive-1.0"), ("seaturtleid2022", "other")]
)
def test_the_card_of_the_dataset(slug: str | None, licence: str) -> None:
    card = load(slug).card if slug is not None else None
    _, head, text = dataset_card(card).split("---\n", 2)
    said = yaml.safe_load(head)
    assert said["license"] == licence and "wildlife" in said["tags"]
    assert ("license_link" in said) == (card is not None and licence == "other")
    assert said["pretty_name"] == (card.title if card is not None else "Animal re-identification")
    assert "without metadata" in text


ALLOWED = [
    *("CDLA-Permissive-1.0", "CDLA Sharing 1.0", "CC0", "CC0 1.0 Universal", "Public Domain"),
    *("CC BY 4.0", "cc-by-sa-3.0", "CC BY-NC 4.0 International", "CC-BY-NC-SA-3.0-DE"),
    "http://creativecommons.org/licenses/by/2.0/",
    "https://creativecommons.org/licenses/by-nc-sa/4.0/legalcode",
    "https://creativecommons.org/licenses/by/4.0/deed.de",
    "https://creativecommons.org/publicdomain/zero/1.0/",
]
REFUSED = [
    *("", "unknown", "none stated", "custom (see Kaggle)", "no public domain", "All rights reserved; not CC BY"),
    *("CC BY 4.0, except the turtles", "CC BY-ND 4.0", "CC BY-NC-ND", "CC BY NoDerivatives"),
    *("http://creativecommons.org/licenses/by-nc-nd/2.0/", "https://creativecommons.org/licenses/"),
    "https://example.org/licenses/by/4.0/",
]


@pytest.mark.parametrize("licence", [*ALLOWED, *REFUSED])
def test_only_licences_that_clearly_allow_copies_do(licence: str) -> None:
    assert allows_copies(licence) == (licence in ALLOWED)


@pytest.mark.parametrize("licences", [["CC BY 4.0", "all rights reserved"], ["all rights reserved", None]])
def test_the_licence_of_each_photo_counts(licences: list[str | None]) -> None:
    with pytest.raises(UserError, match=r"the licence 'all rights reserved' does not clearly .* add --force"):
        check_copies_allowed(pd.DataFrame({"license": licences}), load("gzgc").card, "me/zebras")
    check_copies_allowed(pd.DataFrame({"license": ["CC BY 4.0", None]}), load("gzgc").card, "me/zebras")
    with pytest.raises(UserError, match="the licence 'unknown'"):
        check_copies_allowed(pd.DataFrame({"path": ["1.jpg"]}), None, "me/zebras")


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Stand-ins for both packages: `repositories` says which are private, `uploaded` what was sent."""
    hub: Any = ModuleType("huggingface_hub")
    hub.repositories, hub.uploaded = {}, []
    hub.errors = ModuleType("huggingface_hub.errors")
    hub.errors.HTTPError = type("HTTPError", (Exception,), {})

    def create_repo(name: str, repo_type: str, private: bool, exist_ok: bool) -> None:
        assert repo_type == "dataset" and exist_ok
        hub.repositories.setdefault(name, private)

    hub.create_repo = create_repo
    hub.repo_info = lambda name, repo_type: SimpleNamespace(private=hub.repositories[name])
    hub.DatasetCard = lambda text: SimpleNamespace(push_to_hub=lambda name: hub.uploaded.append((name, text)))
    datasets: Any = ModuleType("datasets")
    datasets.load_from_disk = lambda folder: SimpleNamespace(
        push_to_hub=lambda name: hub.uploaded.append((name, folder))
    )
    for module in (hub, hub.errors, datasets):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return hub


@pytest.mark.parametrize("there", [True, False])
def test_an_upload_is_private(hub: Any, tmp_path: Path, there: bool) -> None:
    hub.repositories = {"me/zebras": True} if there else {}
    said = push(tmp_path, "me/zebras", None)
    assert hub.repositories == {"me/zebras": True} and "me/zebras, private" in said
    assert hub.uploaded == [("me/zebras", dataset_card(None)), ("me/zebras", str(tmp_path))]


def test_a_public_repository_is_refused(hub: Any, tmp_path: Path) -> None:
    hub.repositories = {"me/zebras": False}
    with pytest.raises(UserError, match=r"--push-to me/zebras: this repository is public; .* --force"):
        push(tmp_path, "me/zebras", None)
    assert hub.uploaded == []
    said = push(tmp_path, "me/zebras", None, force=True)
    assert said.endswith("me/zebras, public") and len(hub.uploaded) == 2


@pytest.mark.parametrize("error", [OSError, ValueError, "HTTPError"])
def test_the_hub_refuses(hub: Any, tmp_path: Path, error: Any) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise (hub.errors.HTTPError if error == "HTTPError" else error)("401 Unauthorized")

    hub.create_repo = refuse
    with pytest.raises(UserError, match=r"--push-to me/zebras: 401 Unauthorized; log in with: hf auth login"):
        push(tmp_path, "me/zebras", None)
