"""What the tests of faults share: a trained model with its photos, and a disk of any size."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.blobs import BAD, ODD, draw_animal, run_script


@pytest.fixture(scope="session")
def trained(field: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `data`, `artifacts` (a model and an index) and `new.jpg`; do not change it."""
    home = tmp_path_factory.mktemp("trained")
    shutil.copytree(field / "photos", home / "data", ignore=shutil.ignore_patterns(*ODD, *BAD))
    shutil.copytree(field / "artifacts", home / "artifacts")
    draw_animal(1, 99).save(home / "new.jpg")
    run_script("search.py", "new.jpg", "--no-panels", "--data", "data", cwd=home)
    return home


@pytest.fixture
def home(trained: Path, tmp_path: Path) -> Path:
    """A copy of `trained` that a test may change. Its model remembers where the photos were; name them."""
    return Path(shutil.copytree(trained, tmp_path / "home"))


class SmallDisk:
    """A file system of its own, in memory; what it holds is gone when the test ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self, spare: int) -> None:
        """Leave so many bytes free."""
        free = shutil.disk_usage(self.folder).free
        with (self.folder / "ballast").open("wb") as ballast:
            ballast.write(bytes(free - spare))

    def make_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", self.folder], check=True)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[SmallDisk]:
    folder = tmp_path / "small disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "none", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root on Linux may mount a small disk")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "-l", folder], check=True)
