"""Embedding a folder, files to vectors, compared with what people write themselves and with its limit, in one run.

python -m benchmarks.folder                                          drawn turtles, and drawn photos of 12 megapixels
python -m benchmarks.folder --photos 16 --large 4 --repeats 1        a quick look
python -m benchmarks.folder --data my_photos                         photos of your own

Timed is the way from files to vectors: WildTrack hashes the files, decodes and embeds them, and writes the vectors
into a cache that is empty before each run. Not timed, for nobody: listing the folder, and loading the network, whose
weights are random. The first run of each way is told apart: whoever embeds a folder once waits for that one. The limit
is 1 / (1 / decoding + 1 / network): WildTrack's photo reader in threads, and ONNX Runtime as it comes on pixels in
memory, one after the other. PyTorch is left out where it is not installed: pip install torch torchvision timm (5.5
GB).
"""

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.children import PIPE, start_python
from wildtrack import versions
from wildtrack.access.demo import DEMO, DEMO_NEW
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.photos.digests import photo_digests
from wildtrack.access.photos.pixel_cache import photo_reader
from wildtrack.access.photos.reader import read_photo
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.models.engines import Engine, OnnxEngine
from wildtrack.console import console, load_tensorflow, run
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.threads import in_threads

WILDTRACK, KERAS, DECODING, NETWORK = "WildTrack", "Keras", "decoding", "network"
IN_TIMM = {
    ("MobileNet", 1.0): "mobilenetv1_100",
    ("MobileNetV2", 0.75): "mobilenetv2_075",
    ("MobileNetV2", 1.0): "mobilenetv2_100",
}
BATCH = 16  # photos, of the bare network
HOUR = 3600

Work = Callable[[], object]


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: Path = DEMO  # photos to embed, whole, without boxes
    photos: int = 384  # of them at most
    large: int = 24  # drawn photos of many megapixels
    megapixels: float = 12.0  # of those
    image_size: int = 128  # pixels
    backbone: Literal["MobileNet", "MobileNetV2"] = "MobileNet"
    alpha: float = 1.0  # its width; timm has no MobileNet of 0.75
    repeats: int = 5  # rounds, after a first one; their median counts


def main(config: Config) -> None:
    """Time every way on both folders."""
    if config.data == DEMO and not any(DEMO.glob("*")):
        make_demo(DEMO, DEMO_NEW)
    size = (config.image_size, config.image_size)
    with tempfile.TemporaryDirectory() as folder:
        network, model = make_network(config, Path(folder) / "model.onnx")
        engine = OnnxEngine(model)
        console.print(f"{config.backbone}, alpha {config.alpha:g}, {config.image_size} pixels; {versions()}")
        small, large = Path(folder) / "small", Path(folder) / "large"
        copy_photos(config.data, small, config.photos)
        draw_photos(large, config.large, config.megapixels)
        for photos in (small, large):
            paths = sorted(photos.iterdir())
            megabytes = sum(path.stat().st_size for path in paths) / 1e6
            console.print(f"{len(paths)} photos, {megabytes / len(paths):.2f} MB each")
            with torch_ways(config, photos) as torch_works:
                works: dict[str, Work] = {
                    WILDTRACK: partial(embed_anew, paths, size, engine),
                    KERAS: partial(network.predict, keras_photos(photos, size), verbose=0),
                    **torch_works,
                    DECODING: partial(decode, paths, size),
                    NETWORK: bare_network(model, np.stack([read_photo(path, size) for path in paths])),
                }
                tell(side_by_side(works, config.repeats), len(paths))
            tell_second_run(paths, size, engine, config.repeats)
        tell_decoding(paths, size, config.repeats)


def side_by_side(works: Mapping[str, Work], repeats: int) -> dict[str, np.ndarray]:
    """Seconds of each work, (1 + repeats,): the first run, in which many finish their network, and more.

    They take turns, so that a slow moment hits all.
    """
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(1 + repeats):
        for name, work in works.items():
            started = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - started)
    return {name: np.array(times) for name, times in seconds.items()}


def tell(seconds: dict[str, np.ndarray], photos: int) -> None:
    """Print the rates, and how WildTrack compares with each: the median of the rounds, each compared in itself."""
    own = seconds[WILDTRACK]
    for name, values in {**seconds, "the limit": seconds[DECODING] + seconds[NETWORK]}.items():
        console.print(
            f"  {name:40s} {photos / np.median(values[1:]):7.0f} photos/s, WildTrack "
            f"{np.median(values[1:] / own[1:]):5.2f} x as fast; "
            f"in the first run {photos / values[0]:5.0f}, {values[0] / own[0]:5.2f} x"
        )


def embed(paths: list[Path], size: tuple[int, int], engine: Engine, cache: CacheConfig) -> np.ndarray:
    """Files to vectors, float32 (N, D), as `search.py --rebuild` does it."""
    root = paths[0].parent
    table = pd.DataFrame({"path": [path.name for path in paths]})
    digests = photo_digests(table, root, cache)
    read = photo_reader(table, root, digests, size, cache)
    return cached_outputs(engine, "0" * 64, table, digests, read, cache).outputs["embedding"]


def embed_anew(paths: list[Path], size: tuple[int, int], engine: Engine) -> None:
    """The same with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        embed(paths, size, engine, CacheConfig(root=Path(cache)))


def decode(paths: list[Path], size: tuple[int, int]) -> None:
    """WildTrack's photo reader in threads, the pixels dropped."""
    for _ in in_threads(lambda path: read_photo(path, size), paths):
        pass


def bare_network(model: Path, pixels: np.ndarray) -> Work:
    """ONNX Runtime as it comes, on pixels in memory."""
    import onnxruntime

    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])

    def run_batches() -> None:
        for start in range(0, len(pixels), BATCH):
            session.run(None, {"photos": pixels[start : start + BATCH]})

    return run_batches


def tell_second_run(paths: list[Path], size: tuple[int, int], engine: Engine, repeats: int) -> None:
    """Print how long the same folder takes again, and what happens when one photo changed."""
    with tempfile.TemporaryDirectory() as cache:
        work = partial(embed, paths, size, engine, CacheConfig(root=Path(cache)))
        started = time.perf_counter()
        before = work()
        first = time.perf_counter() - started
        second = np.median(side_by_side({"again": work}, repeats)["again"][1:])
        with Image.open(paths[0]) as photo:
            photo.transpose(Image.Transpose.ROTATE_180).save(paths[0], quality=95)
        counting = Counting(engine)
        started = time.perf_counter()
        after = embed(paths, size, counting, CacheConfig(root=Path(cache)))
        changed = time.perf_counter() - started
    moved = int((np.abs(after - before).max(axis=1) > 1e-6).sum())
    console.print(
        f"  the second run: {second * 1000:.1f} ms, {first / second:.0f} x as fast as the first; one photo changed: "
        f"{counting.photos} embedded and {moved} new vector in {changed * 1000:.0f} ms"
    )


class Counting:
    """An engine that counts the photos it is given."""

    def __init__(self, engine: Engine) -> None:
        self.engine, self.photos = engine, 0

    def run(self, photos: np.ndarray) -> dict[str, np.ndarray]:
        """See `Engine.run`."""
        self.photos += len(photos)
        return self.engine.run(photos)


def tell_decoding(paths: list[Path], size: tuple[int, int], repeats: int) -> None:
    """Print how decoding at reduced size compares with decoding whole photos with Pillow and resizing them."""

    def plain(path: Path) -> None:
        with Image.open(path) as photo:
            np.asarray(photo.convert("RGB").resize(size, Image.Resampling.BICUBIC))

    works = {
        "Pillow, one thread": lambda: list(map(plain, paths)),
        "WildTrack, one thread": lambda: [read_photo(path, size) for path in paths],
        "Pillow, in threads": lambda: list(in_threads(plain, paths)),
        "WildTrack, in threads": lambda: decode(paths, size),
    }
    rates = {name: len(paths) / np.median(value[1:]) for name, value in side_by_side(works, repeats).items()}
    for name, rate in rates.items():
        ratio = rate / rates[name.replace("WildTrack", "Pillow")]
        console.print(f"  {name:40s} {rate:7.0f} photos/s   {ratio:5.2f} x Pillow")


def make_network(config: Config, path: Path) -> tuple[Any, Path]:
    """WildTrack's network with random weights: the Keras model, and the same as ONNX file at `path`."""
    load_tensorflow()
    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model
    from wildtrack.address.models.export import export_onnx
    from wildtrack.address.models.network import open_network

    backbone = build_backbone(config.backbone, alpha=config.alpha, image_size=config.image_size, weights="none")
    network = open_network(build_model(backbone, embed_dim=256, num_ids=30, pooling="average")).keras_model
    export_onnx(network, path, {"fingerprint": "0" * 64})
    return network, path


def keras_photos(folder: Path, size: tuple[int, int]) -> Any:
    """The photos of a folder as plain Keras reads them."""
    import keras

    return keras.utils.image_dataset_from_directory(folder, labels=None, image_size=size, shuffle=False, verbose=False)


@contextmanager
def torch_ways(config: Config, photos: Path) -> Iterator[dict[str, Work]]:
    """The same backbone by PyTorch and timm, see `plain_torch`; nothing where they are missing."""
    name = IN_TIMM.get((config.backbone, config.alpha))
    if name is None or not all(map(find_spec, ("torch", "torchvision", "timm"))):
        why = "timm has no such backbone" if name is None else "pip install torch torchvision timm (5.5 GB)"
        console.print(f"  PyTorch is left out: {why}")
        yield {}
        return
    program = Path(__file__).with_name("plain_torch.py")
    with start_python(program, name, config.image_size, photos, stdin=PIPE, stdout=PIPE) as child:
        answers, asked = child.stdout, child.stdin
        if answers is None or asked is None:
            raise RuntimeError("no pipes")

        def embed_there(number: int) -> None:
            print(number, file=asked, flush=True)
            if not answers.readline():
                raise RuntimeError("PyTorch gave up; it says why above")

        yield {f"PyTorch, {way}": partial(embed_there, row) for row, way in enumerate(json.loads(answers.readline()))}
        asked.close()


def copy_photos(data: Path, folder: Path, most: int) -> None:
    """Copies of a catalogue's first photos, side by side in a new folder."""
    catalogue = load_catalogue(data)
    folder.mkdir()
    for row, path in enumerate(catalogue.table["path"].drop_duplicates().head(most)):
        shutil.copy(catalogue.root / path, folder / f"{row:05d}{Path(path).suffix}")
    settle(folder)


def draw_photos(folder: Path, count: int, megapixels: float) -> None:
    """JPEGs of random smooth content and a little of a camera's noise, in a new folder."""
    width, height = round((megapixels * 1e6 * 4 / 3) ** 0.5), round((megapixels * 1e6 * 3 / 4) ** 0.5)
    folder.mkdir()
    for number in range(count):
        rng = np.random.default_rng(number)
        smooth = cv2.resize(rng.uniform(0, 255, (30, 40, 3)), (width, height), interpolation=cv2.INTER_CUBIC)
        noisy = smooth + rng.normal(0, 4, (height, width, 1))
        Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(folder / f"{number:05d}.jpg", quality=90)
    settle(folder)


def settle(folder: Path) -> None:
    """Date all files an hour back: the hashes of files that were just written are not kept."""
    for path in folder.iterdir():
        os.utime(path, (time.time() - HOUR, time.time() - HOUR))


if __name__ == "__main__":
    run(main, Config(), __doc__)
