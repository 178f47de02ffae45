"""Studies with faults planted at random: what is read is what a plain model says, in every way to hand them over."""

import itertools
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from tests.helpers.planted.folders import Tree, trees
from tests.helpers.planted.photos import lay
from tests.helpers.planted.study import Study
from tests.helpers.planted.written import as_json, csv_files, studies

EXAMPLES = 1000 if os.environ.get("WILDTRACK_SOAK") else 100
COUNT = itertools.count()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of studies, each removed once it is read, and of the photos that they link to."""
    found = tmp_path_factory.mktemp("planted")
    (found / "pool").mkdir()
    return found


@settings(max_examples=EXAMPLES)
@given(tree=trees())
def test_folders(folder: Path, tree: Tree) -> None:
    root = folder / f"study {next(COUNT)}"
    note(f"{sorted(tree.files.items())} {tree.links} {tree.config}")
    lay(root / "seals", tree.files, folder / "pool")
    for name, target in tree.links.items():
        (root / "seals" / name).symlink_to(target)
    tree.outcome.check(root / "seals", tree.reading)
    shutil.rmtree(root)


def check(study: Study, folder: Path, name: str, content: bytes) -> None:
    """Lay the study out, read it, compare, and remove it."""
    for row in study.rows:
        note(f"{row.written} {row.photo} {row.lost}{row.box_lost}")
    note(f"{study.config}")
    root = folder / f"study {next(COUNT)}"
    photos = {row.path: row.photo for row in study.rows}
    lay(root, {**photos, **study.files, name: content}, folder / "pool")
    outcome = study.outcome()
    outcome.check(root / name, study.reading)
    shutil.rmtree(root)


@settings(max_examples=EXAMPLES)
@given(data=st.data(), study=studies("csv"))
def test_a_table(folder: Path, data: st.DataObject, study: Study) -> None:
    check(study, folder, "seals.csv", data.draw(csv_files(study)))


@settings(max_examples=EXAMPLES)
@given(study=studies("coco") | studies("wildbook"))
def test_a_coco_file(folder: Path, study: Study) -> None:
    check(study, folder, "annotations.json", as_json(study))
