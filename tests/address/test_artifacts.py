import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import artifact_files, open_artifacts
from wildtrack.address.matching.matching import Matching, write_matching
from wildtrack.address.models.engines import OnnxEngine
from wildtrack.address.models.network import network_fingerprint, open_network
from wildtrack.errors import UserError

FILES = (
    "model.keras", "model.h5", "model.onnx", "preprocessor.pkl", "model_config.yaml", "split.csv", "history.csv",
    "matching.json", "manifest.json",
)  # fmt: skip


def test_save_and_open(saved_artifacts: Path, tiny_model: Any) -> None:
    assert sorted(path.name for path in saved_artifacts.iterdir()) == sorted(FILES)
    opened = open_artifacts(saved_artifacts)
    assert opened.preprocessor.identities == ("Ana", "Blå", "C $1")
    assert opened.config is not None and opened.split is not None and opened.config.alpha == 0.25
    with pytest.raises(UserError, match="no longer at photos; say where they are now: --data"):
        opened.catalogue_path(None)
    assert opened.catalogue_path(Path("chosen")) == Path("chosen")
    assert (opened.split["split"].tolist(), opened.matching) == (["train"], None)
    fingerprint = network_fingerprint(open_network(tiny_model), (32, 32), "0-255")
    assert opened.config.fingerprint == fingerprint
    assert OnnxEngine(saved_artifacts / "model.onnx").metadata["fingerprint"] == fingerprint


@pytest.mark.parametrize("name", ["preprocessor.pkl", "model_config.yaml", "split.csv", "matching.json"])
def test_a_missing_file_is_named(artifacts: Path, name: str) -> None:
    (artifacts / name).unlink()
    with pytest.raises(UserError, match=rf"{name} is missing; .*train again"):
        open_artifacts(artifacts)


def test_what_was_learnt_about_matching_comes_back(artifacts: Path, matching: Matching) -> None:
    artifact_files(artifacts).add("matching.json", lambda path: write_matching(matching, path))
    opened = open_artifacts(artifacts).matching
    assert opened is not None
    assert (opened.best, opened.new_photos, opened.gallery, opened.unseen) == ("fused", 2, 6, False)
    assert opened.calibrations.keys() == {"embedding", "local"}


def test_a_set_from_before_matching_was_learnt(artifacts: Path) -> None:
    def older(staging: Path) -> None:
        for name in set(FILES) - {"matching.json", "manifest.json"}:
            shutil.copy(artifacts / name, staging)

    artifact_files(artifacts).replace(older, {})
    assert open_artifacts(artifacts).matching is None


def test_no_folder_and_no_model(tmp_path: Path) -> None:
    for folder, reason in ((tmp_path / "missing", "folder"), (tmp_path, "model in")):
        with pytest.raises(UserError, match=rf"there is no {reason} .* train a model first"):
            open_artifacts(folder)


def test_photos_of_the_train_subset_are_those_trained_on(saved_artifacts: Path) -> None:
    split = pd.DataFrame({"sha256": ["a", "b", "c", ""], "split": ["train", "valid", "test", "train"]})
    trained = replace(open_artifacts(saved_artifacts), split=split).trained_on(["c", "a", "", "d", "b", "a"])
    assert trained is not None and trained.tolist() == [False, True, False, False, False, True]


def test_a_third_party_model_s_set(third_party: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        opened = open_artifacts(third_party)
    assert "no manifest.json" in caplog.text
    assert (opened.config, opened.split, opened.trained_on(["a"])) == (None, None, None)
    with pytest.raises(UserError, match="--data"):
        opened.catalogue_path(None)


def test_a_catalogue_is_read_as_the_training_read_it(saved_artifacts: Path) -> None:
    artifacts = open_artifacts(saved_artifacts)
    assert artifacts.config is not None and artifacts.reading(ReadConfig()) == ReadConfig()  # of before this was kept
    trained = replace(artifacts, config=replace(artifacts.config, reading=ReadConfig(folders="animals")))
    assert trained.reading(ReadConfig()).folders == "animals"
