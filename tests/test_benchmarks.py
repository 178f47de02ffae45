"""The benchmarks run, on tiny input; nobody looks at the times here."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

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

# benchmark, its settings for a folder of photos, and how often it says what
CASES: list[tuple[Any, Callable[[Path], Any], dict[str, int]]] = [
    (embedding, lambda _: embedding.Config(photos=4, image_size=32, repeats=1), {"ONNX engine": 2, "Keras engine": 2}),
    (
        folder,
        lambda photos: folder.Config(photos, photos=5, large=2, megapixels=0.1, image_size=32, alpha=0.25, repeats=1),
        {"the limit": 2, "PyTorch is left out": 2, "1 embedded and 1 new vector": 2, "x Pillow": 4},
    ),
    (
        memory,
        lambda photos: memory.Config(photos, sizes=(13, 20), image_size=32),
        {"  building  ": 2, "  building again": 2, "  searching": 2, "x their vectors": 3},
    ),
    (
        quality_faults,
        quality_faults.Config,
        {"recall": len(quality_faults.FAULTS), "turned: none suspected": 1},  # twelve photos are too few
    ),
    (
        deterministic,
        lambda photos: deterministic.Config(
            draw_animals(photos.parent / "drawn"), epochs=2, repeats=1, alpha=0.25, image_size=32
        ),
        {"1 different models": 2},
    ),
    (assess, lambda photos: assess.Config(photos, repeats=1), {"photos/s": 3, "x decoding alone": 2}),
    (
        local,
        lambda photos: local.Config(photos, photos=20, sizes=(30,), pairs_queries=2, queries=3),
        {"s a query": 3, "of 3 right": 2},
    ),
    (
        metrics,
        lambda _: metrics.Config(queries=20, gallery=300, dims=8, identities=15, looped=10),
        {"ms a query": 3, "the first 10 queries": 2, "the same figures": 2, "x as fast": 2},
    ),
    (
        nearest,
        lambda _: nearest.Config(sizes=(1000, 2003), dims=33, spread=9, queries=30, singles=2, at_once=8),
        {"ms one at a time": 8, "the same answers": 6, "recall@10 1.0000": 2, f"{nearest.EXACT} is": 4}
        | {f"{nearest.APPROXIMATE} is": 2},
    ),
    (
        training,
        lambda _: training.Config(photos=8, image_size=32, batch_size=4, epochs=2, rounds=1),
        {"x the steps alone": 10},
    ),
]


@pytest.mark.parametrize(("benchmark", "config", "counts"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_benchmark_runs_and_prints_its_figures(
    photo_folder: Path,
    capsys: pytest.CaptureFixture[str],
    benchmark: Any,
    config: Callable[[Path], Any],
    counts: dict[str, int],
) -> None:
    if benchmark is memory and sys.platform != "linux":
        pytest.skip("it reads /proc")
    benchmark.main(config(photo_folder))
    said = capsys.readouterr().err
    assert {words: said.count(words) for words in counts} == counts


def test_the_duplicates_benchmark_finds_the_same_pairs_both_ways(capsys: pytest.CaptureFixture[str]) -> None:
    duplicates.main(duplicates.Config(photos=600, copies=40, at_once=250))
    said = capsys.readouterr().err
    assert 20 < int(said.split("the same ")[1].split()[0]) <= 60 and "x as fast" in said


def test_the_ablation_trains_once_and_shows_the_rows_side_by_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    data = draw_animals(tmp_path / "photos")
    pieces = (ablation.USUAL, "softmax")
    config = ablation.Config(data, image_size=32, epochs=1, seeds=(0,), pieces=pieces, results=tmp_path / "results")
    for trainings in (2, 0):
        ablation.main(config)
        said = capsys.readouterr().err
        assert said.count(", seed 0\n") == trainings and "| softmax |" in said
