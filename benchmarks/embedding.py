"""Photos per second of the two engines on the same network and the same pixels, side by side in one run.

  python benchmarks/embedding.py                 the default network
  python benchmarks/embedding.py --photos 32     a quick look
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wildtrack import versions
from wildtrack.console import console, run


@dataclass(frozen=True)
class Knobs:
    """Change a value here, or on the command line."""

    photos: int = 256  # how many photos to embed
    image_size: int = 128  # pixels
    repeats: int = 3  # the fastest of so many runs counts


def main(knobs: Knobs) -> None:
    """Build a network, export it, time both engines."""
    from wildtrack.address.embed import BATCH, KerasEngine, OnnxEngine
    from wildtrack.address.export import export_onnx
    from wildtrack.address.model import build_model
    from wildtrack.address.network import open_network

    pixels = np.random.default_rng(0).integers(0, 256, (knobs.photos, knobs.image_size, knobs.image_size, 3), dtype=np.uint8)
    console.print(f"{knobs.photos} photos of {knobs.image_size} pixels, batches of {BATCH}; {versions()}")
    for pooling in ("average", "grid"):
        model, _ = build_model(
            "MobileNet", alpha=0.75, image_size=knobs.image_size, embed_dim=256, num_ids=30, weights="none", pooling=pooling
        )
        network = open_network(model).keras_model
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "model.onnx"
            export_onnx(network, path, {})
            onnx_engine, keras_engine = OnnxEngine(path), KerasEngine(network)
        slices = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
        rates = {
            "keras predict": knobs.photos / fastest(lambda: network.predict(pixels, batch_size=BATCH, verbose=0), knobs.repeats),
            "keras engine": knobs.photos / fastest(lambda: [keras_engine.run(batch) for batch in slices], knobs.repeats),
            "onnx engine": knobs.photos / fastest(lambda: [onnx_engine.run(batch) for batch in slices], knobs.repeats),
        }
        for name, rate in rates.items():
            console.print(f"{pooling:8s} {name:14s} {rate:7.0f} photos/s  {rate / rates['keras predict']:.1f} x keras predict")


def fastest(work: Callable[[], object], repeats: int) -> float:
    """Seconds of the fastest of several runs, after one to warm up."""
    work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    run(main, Knobs, __doc__)
