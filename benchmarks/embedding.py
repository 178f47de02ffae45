"""Photos per second of the two engines on the same network and the same pixels, side by side in one run.

python -m benchmarks.embedding               the default network
python -m benchmarks.embedding --photos 32     a quick look
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from wildtrack import versions
from wildtrack.address.models.engines import Engine
from wildtrack.console import console, load_tensorflow, run


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    photos: int = 256  # how many photos to embed
    image_size: int = 128  # pixels
    repeats: int = 3  # the fastest of so many runs counts


def main(config: Config) -> None:
    """Time both engines on both kinds of pooling."""
    load_tensorflow()
    shape = (config.photos, config.image_size, config.image_size, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    console.print(f"{config.photos} photos of {config.image_size} pixels; {versions()}")
    for pooling in ("average", "grid"):
        rates = photos_per_second(pooling, pixels, config.repeats)
        for name, rate in rates.items():
            ratio = rate / rates["Keras predict"]
            console.print(f"{pooling:8s} {name:14s} {rate:7.0f} photos/s  {ratio:4.1f} x Keras predict")


def photos_per_second(pooling: str, pixels: np.ndarray, repeats: int) -> dict[str, float]:
    """The rate of plain `model.predict` and of each engine, on the default network with random weights."""
    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model
    from wildtrack.address.models.engines import BATCH, KerasEngine, OnnxEngine
    from wildtrack.address.models.export import export_onnx
    from wildtrack.address.models.network import open_network

    backbone = build_backbone("MobileNet", alpha=0.75, image_size=pixels.shape[1], weights="none")
    model = build_model(backbone, embed_dim=256, num_ids=30, pooling=pooling)
    network = open_network(model).keras_model
    with tempfile.TemporaryDirectory() as folder:
        export_onnx(network, Path(folder) / "model.onnx", {"fingerprint": "0" * 64})
        engines: dict[str, Engine] = {
            "Keras engine": KerasEngine(network),
            "ONNX engine": OnnxEngine(Path(folder) / "model.onnx"),
        }
    batches = [pixels[start : start + BATCH] for start in range(0, len(pixels), BATCH)]
    seconds = {"Keras predict": fastest(lambda: network.predict(pixels, verbose=0), repeats)}
    for name, engine in engines.items():
        seconds[name] = fastest(partial(run_batches, engine, batches), repeats)
    return {name: len(pixels) / value for name, value in seconds.items()}


def run_batches(engine: Engine, batches: list[np.ndarray]) -> None:
    """Run an engine over all batches."""
    for batch in batches:
        engine.run(batch)


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
    run(main, Config(), __doc__)
