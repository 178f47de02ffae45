"""The web page's server under load: many clients, good photos and bad ones, on loopback.

python -m benchmarks.web                                    32 clients, 5 minutes
python -m benchmarks.web --clients 4 --seconds 10           a quick look

Clients ask again at once; one that is told to come back (503) waits as long as it is told to. Beside it the bare
engine, which embeds photos that are read and decoded, and the same search without a server. The clients run on the
same cores. Memory is that of the server's process, once every thread has worked, and at the end.
"""

import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from benchmarks.children import PIPE, next_line, start_python
from wildtrack import versions
from wildtrack.access.demo import DEMO_NEW
from wildtrack.access.photos.find import find_photos
from wildtrack.access.photos.reader import read_photo
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.gallery.build import GalleryConfig, open_searcher
from wildtrack.address.gallery.searcher import SearchConfig, answer_photo
from wildtrack.console import console, run, track
from wildtrack.errors import UserError
from wildtrack.storage.threads import in_threads

APP = Path(__file__).parents[1] / "app.py"
WARM = 0.1  # of the time, after which memory is looked at for the first time
BATCH = 8  # photos, for the bare engine


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    clients: int = 32  # that ask at the same time
    seconds: float = 300.0  # how long
    bad: float = 0.2  # share of photos that are cut short, empty or no photos
    photos: Path = DEMO_NEW  # what is asked about
    artifacts: Path = Path("artifacts")  # the model and its index; see search.py


@dataclass
class Tally:
    """What the clients saw."""

    statuses: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)  # of each answer


def main(config: Config) -> None:
    """Ask for a while, and say what came of it."""
    good = [path.read_bytes() for path in find_photos((str(config.photos),))]
    bad = [good[0][: len(good[0]) // 3], b"", b"no photo", good[0][:20] + bytes(1000)]
    with tempfile.TemporaryDirectory() as folder:
        config_there = ["--port", 0, "--sightings", folder, "--artifacts", config.artifacts]
        process = start_python(APP, *config_there, stdout=PIPE)
        address = next_line(process).strip()
        if not address:
            raise UserError("app.py did not start")
        try:
            told, memory = ask_all(address, good, bad, process.pid, config)
        finally:
            process.terminate()
            process.wait()
    answered = np.array(told.seconds)
    rate = len(answered) / config.seconds
    console.print(
        f"{config.clients} clients, {config.seconds:.0f} s, {len(good)} good and {len(bad)} bad photos; {versions()}"
    )
    console.print(f"answers: {dict(sorted(told.statuses.items()))}")
    if len(answered):
        middle, late = np.percentile(answered, [50, 95])
        console.print(f"{rate:.1f} photos/s answered; half of them within {middle:.2f} s, 95 % within {late:.2f} s")
    console.print(f"memory of the server: {memory[0]:.0f} MB at first, {memory[1]:.0f} MB at the end")
    bare, search = without_server(config)
    console.print(f"the bare engine {bare:.1f} photos/s; the same search without a server {search:.1f} photos/s")


def ask_all(address: str, good: list[bytes], bad: list[bytes], pid: int, config: Config) -> tuple[Tally, list[float]]:
    """Let all clients ask until the time is over; what they saw, and the server's memory in MB at first and at last."""
    told, turn, end = Tally(), threading.Lock(), time.perf_counter() + config.seconds

    def client(number: int) -> None:
        rng = np.random.default_rng(number)
        with httpx.Client(base_url=address, timeout=60) as http:
            while time.perf_counter() < end:
                photos = bad if rng.random() < config.bad else good
                photo = photos[rng.integers(len(photos))]
                started = time.perf_counter()
                try:
                    answer = http.post("/search", files={"photos": ("photo.jpg", photo)})
                    kind = str(answer.status_code)
                except httpx.HTTPError as error:
                    kind = type(error).__name__
                with turn:
                    told.statuses[kind] += 1
                    if kind == "200":
                        told.seconds.append(time.perf_counter() - started)
                if kind == "503":
                    time.sleep(float(answer.headers["retry-after"]) * rng.uniform(0.5, 1.0))

    threads = [threading.Thread(target=client, args=(number,)) for number in range(config.clients)]
    for thread in threads:
        thread.start()
    memory = []
    for share in track([WARM, 1.0], "Asking", 2):
        time.sleep(max(0.0, end - config.seconds * (1 - share) - time.perf_counter()))
        memory.append(resident(pid))
    for thread in threads:
        thread.join()
    return told, memory


def resident(pid: int) -> float:
    """Megabytes of memory that a process holds; NaN where the system does not say."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def without_server(config: Config) -> tuple[float, float]:
    """Photos a second: of the bare engine, and of the whole search in as many threads as there are cores."""
    artifacts = open_artifacts(config.artifacts)
    searcher = open_searcher(artifacts, SearchConfig(explains=True), GalleryConfig())
    size, engine = searcher.size, searcher.engine
    paths = find_photos((str(config.photos),))
    batch = np.stack([read_photo(path, size) for path in (paths * BATCH)[:BATCH]])
    asked = paths * max(1, 100 // len(paths))
    engine.run(batch)
    started = time.perf_counter()
    for _ in range(20):
        engine.run(batch)
    bare = 20 * BATCH / (time.perf_counter() - started)
    started = time.perf_counter()
    for _ in in_threads(lambda path: answer_photo(path, searcher, 5), asked):
        pass
    return bare, len(asked) / (time.perf_counter() - started)


if __name__ == "__main__":
    run(main, Config(), __doc__)
