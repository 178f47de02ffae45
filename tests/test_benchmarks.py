"""The benchmarks run, on tiny input; nobody looks at the times here."""

import sys
from pathlib import Path

import pytest

from benchmarks import (
    ablation,
    assess,
    deterministic,
    duplicates,
    embedding,
    folder,
    local,
    memory,
    metrics,
    nearest,
    quality_faults,
    training,
)
from tests.helpers.blobs import draw_animals

pytestmark = pytest.mark.slow


def test_the_embedding_benchmark_compares_both_engines(capsys: pytest.CaptureFixture[str]) -> None:
    embedding.main(embedding.Config(photos=4, image_size=32, repeats=1))
    said = capsys.readouterr().err
    assert said.count("ONNX engine") == said.count("Keras engine") == 2


def test_the_folder_benchmark_holds_ours_beside_the_others(
    photo_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder.main(folder.Config(photo_folder, photos=5, large=2, megapixels=0.1, image_size=32, alpha=0.25, repeats=1))
    said = capsys.readouterr().err
    assert said.count("the limit") == said.count("PyTorch is left out") == 2
    assert said.count("1 embedded and 1 new vector") == 2
    assert said.count("x Pillow") == 4


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_the_memory_benchmark_searches_catalogues_of_each_size(
    photo_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.main(memory.Config(photo_folder, sizes=(13, 20), image_size=32))
    said = capsys.readouterr().err
    assert said.count("  building  ") == said.count("  building again") == said.count("  searching") == 2
    assert said.count("x their vectors") == 3


def test_the_quality_benchmark_plants_every_fault(photo_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    quality_faults.main(quality_faults.Config(photo_folder))
    said = capsys.readouterr().err
    assert said.count("recall") == len(quality_faults.FAULTS)
    assert "turned: none suspected" in said  # twelve photos are too few


def test_the_deterministic_benchmark_compares_speeds_and_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = draw_animals(tmp_path / "data")
    deterministic.main(deterministic.Config(data, epochs=2, repeats=1, alpha=0.25, image_size=32))
    assert capsys.readouterr().err.count("1 different models") == 2


def test_the_duplicates_benchmark_finds_the_same_pairs_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    duplicates.main(duplicates.Config(photos=600, copies=40, at_once=250))
    said = capsys.readouterr().err
    pairs = int(said.split("the same ")[1].split()[0])
    assert 20 < pairs <= 60
    assert "x as fast" in said


def test_the_assess_benchmark_times_each_check(photo_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assess.main(assess.Config(photo_folder, repeats=1))
    said = capsys.readouterr().err
    assert said.count("photos/s") == 3
    assert said.count("x decoding alone") == 2


def test_the_local_benchmark_asks_both_ways(photo_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    local.main(local.Config(photo_folder, photos=20, sizes=(30,), pairs_queries=2, queries=3))
    said = capsys.readouterr().err
    assert said.count("s a query") == 3
    assert said.count("of 3 right") == 2


def test_the_metrics_benchmark_scores_each_way(capsys: pytest.CaptureFixture[str]) -> None:
    metrics.main(metrics.Config(queries=20, gallery=300, dims=8, identities=15, looped=10))
    said = capsys.readouterr().err
    assert said.count("ms a query") == 3
    assert said.count("the first 10 queries") == said.count("the same figures") == said.count("x as fast") == 2


def test_the_nearest_benchmark_finds_the_same_every_way(capsys: pytest.CaptureFixture[str]) -> None:
    nearest.main(nearest.Config(sizes=(1000, 2003), dims=33, spread=9, queries=30, singles=2, at_once=8))
    said = capsys.readouterr().err
    assert said.count("ms one at a time") == 2 * 4
    assert said.count("the same answers") == 2 * 3
    assert said.count("recall@10 1.0000") == 2
    assert said.count(f"{nearest.EXACT} is") == 2 * 2
    assert said.count(f"{nearest.APPROXIMATE} is") == 2


def test_the_ablation_trains_once_and_holds_the_rows_beside_each_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    data = draw_animals(tmp_path / "photos")
    pieces = (ablation.USUAL, "softmax")
    config = ablation.Config(data, image_size=32, epochs=1, seeds=(0,), pieces=pieces, results=tmp_path / "results")
    for trainings in (2, 0):
        ablation.main(config)
        said = capsys.readouterr().err
        assert said.count(", seed 0\n") == trainings
        assert "| softmax |" in said


def test_the_training_benchmark_compares_fit_with_its_steps_alone(capsys: pytest.CaptureFixture[str]) -> None:
    training.main(training.Config(photos=8, image_size=32, batch_size=4, epochs=2, rounds=1))
    said = capsys.readouterr().err
    assert said.count("x the steps alone") == 2 * 5
