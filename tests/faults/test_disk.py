"""Disks that are full or read-only, and files that vanish: the old state stays whole, and one line says why."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.conftest import SmallDisk
from tests.helpers.asking import ask
from tests.helpers.blobs import ROOT, TINY, contents, error_lines, start_script
from wildtrack.address.gallery.files import REBUILD
from wildtrack.commands import search
from wildtrack.errors import UserError

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("WILDTRACK_SOAK"))  # all cases; otherwise some, since each trains or starts scripts
TRAIN = ("train_classifier_reid.py", "--data", "data", "--epochs", "1", *TINY)
REBUILD_INDEX = ("search.py", "new.jpg", "--no-panels", "--rebuild", "--data", "data")


# script and options -> the folder that lies on a full disk, and how many bytes are free there
FULL = {
    "training, the model": (TRAIN, "artifacts", 1_000_000),
    "training, its first file": (TRAIN, "artifacts", 0),
    "training, the decoded photos": (TRAIN, "cache", 20_000),
    "the index": (REBUILD_INDEX, "artifacts", 4096),
    "the index's embeddings, kept": (REBUILD_INDEX, "cache", 0),
    "an evaluation": (("evaluate_reid_and_visualize.py", "--data", "data"), "results", 50_000),
    "a report": (("assess_dataset.py", "--data", "data"), "results", 50_000),
    "a picture of an answer": (("search.py", "new.jpg"), "results", 4096),
    "a comparison": (("compare_methods.py", "--data", "data", "--methods", "pixels", "wildtrack"), "results", 4096),
    "crops": (("access_dataset.py", "--root", "data", "--export", "csv", "--to", "results/out"), "results", 4096),
}  # fmt: skip


def move(folder: Path, disk: SmallDisk) -> None:
    """Put a folder, or an empty one, on another disk."""
    folder.mkdir(exist_ok=True)
    shutil.copytree(folder, disk.folder, dirs_exist_ok=True)
    shutil.rmtree(folder)
    folder.symlink_to(disk.folder)


@pytest.mark.parametrize("case", FULL if SOAK else list(FULL)[::3])
def test_a_full_disk(home: Path, small_disk: SmallDisk, case: str) -> None:
    (script, *options), name, spare = FULL[case]
    if name == "cache":
        shutil.rmtree(home / name)  # nothing is known yet
    move(home / name, small_disk)
    small_disk.fill(spare)
    before = contents(home)
    done = ask(script, *options, cwd=home, ends=2)
    assert ["No space left on device" in line for line in error_lines(done.err)] == [True]
    after = contents(home)
    assert {path: after.get(path) for path in before} == before
    (small_disk.folder / "ballast").unlink()
    ask("search.py", "new.jpg", "--no-panels", cwd=home)  # as if nothing had been


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit of this kind")
@pytest.mark.parametrize(("script", "limit"), [(TRAIN, 200_000), (REBUILD_INDEX, 500)], ids=["training", "the index"])
def test_files_that_may_not_grow(home: Path, script: tuple[str, ...], limit: int) -> None:
    """The same without a disk of its own: every writer, in Python or not, is stopped by the system."""
    import resource

    before = contents(home / "artifacts")
    shutil.rmtree(home / "cache")
    process = start_script(
        *script, cwd=home, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    stderr = process.communicate(timeout=280)[1]
    assert process.returncode == 2, stderr
    assert ["File too large" in line for line in error_lines(stderr)] == [True]
    after = contents(home / "artifacts")
    assert {path: after.get(path) for path in before} == before


READ_ONLY = {
    "training": (TRAIN, "artifacts", False),
    "the index, anew": (REBUILD_INDEX, "artifacts", False),
    "a search": (("search.py", "new.jpg", "--no-panels"), "artifacts", True),
    "an evaluation's results": (("evaluate_reid_and_visualize.py", "--data", "data"), "results", False),
    "a picture": (("search.py", "new.jpg"), "results", False),
    "photos": (("assess_dataset.py", "--data", "data"), "data", True),
    "photos to train on": (TRAIN, "data", True),
    "the cache": (REBUILD_INDEX, "cache", False),
}


@pytest.mark.parametrize("case", READ_ONLY if SOAK else list(READ_ONLY)[::2])
def test_a_read_only_folder(home: Path, small_disk: SmallDisk, case: str) -> None:
    (script, *options), name, works = READ_ONLY[case]
    move(home / name, small_disk)
    small_disk.make_read_only()
    before = contents(small_disk.folder)
    done = ask(script, *options, cwd=home, ends=0 if works else 2)
    assert contents(small_disk.folder) == before
    if not works:
        assert ["Read-only file system" in line for line in error_lines(done.err)] == [True]


MADE_ANEW = {"model.onnx", "index_manifest.json"}
NOT_NEEDED = {"model.keras", "model.h5", "history.csv"}
THIRD_PARTY = "does not say which photos it knows"  # what a model without a manifest is taken for


def test_files_that_vanish(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever file of the artifacts is gone: the search answers, or names it and says what to do."""
    monkeypatch.chdir(home)
    monkeypatch.setenv("WILDTRACK_CACHE", str(home / "cache"))
    kept = home.parent / "kept"
    shutil.copytree("artifacts", kept)
    names = sorted(path.name for path in kept.iterdir() if path.is_file() and path.name != "problems.csv")
    refused = set()
    for name in names:
        Path("artifacts", name).unlink()
        try:
            search.search(search.Config(photos=("new.jpg",), panels=False))
        except UserError as error:
            expected = THIRD_PARTY if name == "manifest.json" else name
            assert expected in str(error), (name, error)
            assert any(advice in str(error) for advice in (REBUILD, "restore", "train again", "--data"))
            refused.add(name)
        shutil.rmtree("artifacts")
        shutil.copytree(kept, "artifacts")
    assert refused == set(names) - MADE_ANEW - NOT_NEEDED


def test_photos_that_vanish(home: Path) -> None:
    shutil.rmtree(home / "data" / "Žofie 0")
    for script, *options in (("search.py", "new.jpg"), REBUILD_INDEX, ("assess_dataset.py", "--data", "data")):
        assert not error_lines(ask(script, *options, cwd=home).err)
    shutil.rmtree(home / "data")
    assert "no longer at" in ask("search.py", "new.jpg", cwd=home).err
    assert ["data" in line for line in error_lines(ask(*REBUILD_INDEX, cwd=home, ends=2).err)] == [True]


def test_a_folder_that_vanishes_while_it_is_used(home: Path) -> None:
    """The process stands in a folder that somebody has deleted."""
    place = home.parent / "gone"
    place.mkdir()
    code = f"import os, sys; os.rmdir({str(place)!r}); sys.argv = ['search.py']; import runpy; "
    code += f"sys.path.insert(0, {str(ROOT)!r}); runpy.run_path({str(ROOT / 'search.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
