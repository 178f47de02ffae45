"""The benchmarks run, on tiny input; nobody looks at the times here."""

import pytest

from benchmarks import embedding


def test_the_embedding_benchmark_compares_both_engines(capsys: pytest.CaptureFixture[str]) -> None:
    embedding.main(embedding.Knobs(photos=4, image_size=32, repeats=1))
    said = capsys.readouterr().err
    assert said.count("ONNX engine") == said.count("Keras engine") == 2
