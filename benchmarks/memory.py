"""Memory that building an index and searching it take, by the number of known photos. Linux only.

python -m benchmarks.memory                                10,000 and 50,000 photos; takes minutes, and 1 GB of disk
python -m benchmarks.memory --sizes 2000 5000              a quick look

The photos are repeated, each copy with its number behind its last byte: the same pixels, but another file to hash and
to embed. `search.py` runs in a process of its own: it builds the index, builds it again from what is in the cache, and
answers for a few photos, each time with the embedding alone. The network has random weights.

Memory is the process's anonymous memory (RssAnon: what nothing but this process's end gives back), looked at every few
milliseconds; in brackets the peak of all that was resident (VmHWM), with libraries and mapped files, which the system
takes back when it needs the room.
"""

import os
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.children import STDOUT, start_python
from wildtrack import versions
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.demo import DEMO, DEMO_NEW
from wildtrack.access.demo.dataset import make_demo
from wildtrack.access.readers.load import load_catalogue
from wildtrack.console import console, load_tensorflow, run, track
from wildtrack.errors import UserError

SEARCH = Path(__file__).parents[1] / "search.py"
LOOK_SECONDS = 0.005
EMBED_DIM = 256
QUERIES = 6
PER = 10_000  # photos


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    data: Path = DEMO  # photos to repeat
    sizes: tuple[int, ...] = (10_000, 50_000)  # known photos, growing
    image_size: int = 128  # pixels


@dataclass(frozen=True)
class Peak:
    """What a process took at most, in units of 10^6 bytes."""

    anonymous: float
    resident: float


def main(config: Config) -> None:
    """Run `search.py` on growing catalogues."""
    if not sys.platform.startswith("linux"):
        raise UserError("this benchmark reads /proc, which only Linux has")
    if config.data == DEMO and not any(DEMO.glob("*")):
        make_demo(DEMO, DEMO_NEW)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        catalogue = load_catalogue(config.data)
        options = ["--matcher", "embedding", "--json", "--no-panels", "--results", str(folder / "results")]
        options += ["--artifacts", str(make_artifacts(folder / "artifacts", catalogue, config.image_size))]
        queries = [str(catalogue.root / path) for path in catalogue.table["path"].head(QUERIES)]
        csv_files = repeat_photos(folder / "photos", catalogue, config.sizes)
        console.print(f"{versions()}")
        peaks: dict[str, list[Peak]] = {}
        for size, csv_file in zip(config.sizes, csv_files, strict=True):
            vectors = size * EMBED_DIM * np.dtype(np.float32).itemsize / 1e6
            console.print(f"{size} photos, whose vectors take {vectors:.1f} MB")
            shutil.rmtree(folder / "cache", ignore_errors=True)
            building = ["--rebuild", "--data", str(csv_file)]
            for work, more in {"building": building, "building again": building, "searching": []}.items():
                arguments = [str(SEARCH), *queries, *options, *more]
                peak, seconds = peak_of(arguments, folder / "cache")
                peaks.setdefault(work, []).append(peak)
                console.print(f"  {work:16s} {peak.anonymous:6.0f} MB ({peak.resident:.0f} MB) in {seconds:.0f} s")
    for work, found in peaks.items() if len(config.sizes) > 1 else ():
        steps = (config.sizes[-1] - config.sizes[0]) / PER
        growth = (found[-1].anonymous - found[0].anonymous) / steps
        vectors = PER * EMBED_DIM * np.dtype(np.float32).itemsize / 1e6
        console.print(f"{work:16s} {growth:6.1f} MB for {PER} more photos, {growth / vectors:.1f} x their vectors")


def peak_of(arguments: list[str], cache: Path) -> tuple[Peak, float]:
    """Run a script: the most memory it took, and seconds."""
    started = time.perf_counter()
    anonymous = resident = 0
    with (
        tempfile.TemporaryFile() as said,
        start_python(
            *arguments, stdout=said, stderr=STDOUT, env={**os.environ, "WILDTRACK_CACHE": str(cache)}
        ) as process,
    ):
        while process.poll() is None:
            status = dict(
                line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text("utf-8").splitlines()
            )
            if "RssAnon" in status:  # not while it ends
                anonymous = max(anonymous, int(status["RssAnon"].split()[0]))
                resident = max(resident, int(status["VmHWM"].split()[0]))
            time.sleep(LOOK_SECONDS)
        if process.returncode:
            said.seek(0)
            raise RuntimeError(said.read().decode("utf-8", "replace"))
    return Peak(anonymous * 1024 / 1e6, resident * 1024 / 1e6), time.perf_counter() - started


def make_artifacts(folder: Path, catalogue: Catalogue, image_size: int) -> Path:
    """What a training leaves, without the training."""
    load_tensorflow()
    from wildtrack.address.artifacts import Trained, save_artifacts
    from wildtrack.address.models.backbones import build_backbone
    from wildtrack.address.models.builder import build_model
    from wildtrack.address.models.preprocessor import Preprocessor
    from wildtrack.address.models.saved import export_trained
    from wildtrack.address.training.model_config import TrainingConfig

    identities = tuple(sorted(set(catalogue.table["identity"])))
    backbone = build_backbone("MobileNet", alpha=0.75, image_size=image_size, weights="none")
    model = build_model(backbone, embed_dim=EMBED_DIM, num_ids=len(identities), pooling="grid")
    preprocessor = Preprocessor(backbone.image_size, EMBED_DIM, True, identities, "0-255")
    split = pd.DataFrame({name: [] for name in ("image_id", "identity", "path", "split", "sha256")})
    exported = export_trained(model, preprocessor, folder / "export.onnx")
    config = TrainingConfig(
        catalogue.root, "MobileNet", 0.75, image_size, EMBED_DIM, "grid", "random", 0, exported.fingerprint
    )
    trained = Trained(model, exported.file, preprocessor, config, split, pd.DataFrame({"epoch": [1]}))
    save_artifacts(folder, trained, None)
    exported.file.unlink()
    return folder


def repeat_photos(folder: Path, catalogue: Catalogue, sizes: tuple[int, ...]) -> list[Path]:
    """Copies of a catalogue's photos, and a CSV of the first so many for each size."""
    rows = catalogue.table.iloc[np.arange(max(sizes)) % len(catalogue.table)].reset_index(drop=True)
    paths = [f"{row // 1000}/{row}{Path(path).suffix}" for row, path in enumerate(rows["path"])]
    for row, path in track(list(enumerate(paths)), "Copying photos", len(paths)):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes((catalogue.root / rows["path"].iloc[row]).read_bytes() + str(row).encode())
    rows = rows.assign(path=paths, image_id=[str(row) for row in range(len(rows))])
    for size in sizes:
        rows.head(size).to_csv(folder / f"{size}.csv", index=False)
    return [folder / f"{size}.csv" for size in sizes]


if __name__ == "__main__":
    run(main, Config(), __doc__)
