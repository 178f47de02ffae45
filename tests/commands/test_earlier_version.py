"""What the version before wrote is opened by this one: artifacts and index, made by that version's own code.

Its `--sightings` are in tests/web/test_database.py.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.blobs import ROOT, TINY, draw_animals, run_script

pytestmark = pytest.mark.slow

BEFORE = "0310881b5d"  # the last commit before the house was re-laid; figures of both versions are in docs/results.md
MATCHERS = ("embedding", "local", "fused")


def run_earlier(earlier: Path, script: str, *options: object, cwd: Path) -> str:
    """What a script of the earlier version prints; its cache is its own."""
    environment = {**os.environ, "WILDTRACK_CACHE": str(cwd / "earlier cache"), "PYTHONUTF8": "1"}
    command = [sys.executable, str(earlier / script), *map(str, options)]
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, encoding="utf-8", timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the earlier version, out of the history."""
    tree = tmp_path_factory.mktemp("earlier")
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, capture_output=True, check=False)
    if packed.returncode:
        pytest.skip(f"the history of this checkout does not reach back to {BEFORE}")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(tree, filter="data")
    return tree


@pytest.fixture(scope="module")
def field(earlier: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A working folder with a model and an index that the earlier version made."""
    field = tmp_path_factory.mktemp("field")
    draw_animals(field / "photos", animals=6)
    run_earlier(earlier, "train_classifier_reid.py", "--data", "photos", "--epochs", 2, *TINY, cwd=field)
    run_earlier(earlier, "search.py", "photos/Žofie 1", "--no-panels", cwd=field)
    return field


def answers(printed: str) -> list[list[tuple[Any, ...]]]:
    """Of each photo, its candidates with what is said of them."""
    return [
        [(each["identity"], each["path"], each["similarity"], each["probability"]) for each in answer["candidates"]]
        for answer in json.loads(printed)
    ]


@pytest.mark.parametrize("matcher", MATCHERS)
def test_search_answers_as_before(earlier: Path, field: Path, matcher: str, tmp_path: Path) -> None:
    query = ("photos", "--json", "--no-panels")
    before = answers(run_earlier(earlier, "search.py", *query, "--ranker", matcher, cwd=field))
    shutil.copytree(field / "artifacts", tmp_path / "artifacts")  # it is brought up to date there
    artifacts = ("--artifacts", tmp_path / "artifacts")
    now = run_script("search.py", *query, "--matcher", matcher, *artifacts, cwd=field)
    for old, new in zip(before, answers(now.stdout), strict=True):
        assert [each[:2] for each in new] == [each[:2] for each in old]
        assert [each[2:] for each in new] == [pytest.approx(each[2:], abs=1e-3) for each in old]


def test_evaluation_measures_the_model_as_before(earlier: Path, field: Path) -> None:
    run_earlier(earlier, "evaluate_reid_and_visualize.py", "--examples", 1, "--results", "before", cwd=field)
    run_script("evaluate_reid_and_visualize.py", "--examples", 1, "--results", "now", cwd=field)
    before, now = (json.loads((field / name / "metrics.json").read_text("utf-8")) for name in ("before", "now"))
    for name in ("R@1", "R@5", "mAP", "num_queries", "num_gallery"):
        assert now[name] == pytest.approx(before[name], abs=1e-3)


def test_the_index_is_brought_up_to_date_once(field: Path, tmp_path: Path) -> None:
    """The earlier version read some photos otherwise, and did not record the state of the photos."""
    shutil.copytree(field / "artifacts", tmp_path / "artifacts")
    search = ("search.py", field / "photos" / "Žofie 1", "--no-panels")
    first = run_script(*search, cwd=tmp_path)
    assert "An earlier version built the index" in first.stderr
    manifest = (tmp_path / "artifacts" / "index_manifest.json").read_bytes()
    assert "built the index" not in run_script(*search, cwd=tmp_path).stderr
    assert (tmp_path / "artifacts" / "index_manifest.json").read_bytes() == manifest
