"""Seconds from starting `search.py PHOTO` to its answer, compared with importing TensorFlow and Keras and nothing else.

python -m benchmarks.start                                            the last training, asked about a demo photo
python -m benchmarks.start --photo my_photo.jpg --artifacts my_model

The index must be there: ask once with search.py before.
"""

import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.children import DEVNULL, PIPE, next_line, start_python
from wildtrack import versions
from wildtrack.access.demo import DEMO_NEW
from wildtrack.console import console, run
from wildtrack.errors import UserError

SEARCH = Path(__file__).resolve().parents[1] / "search.py"
IMPORT = "import tensorflow, keras; print(keras.__version__, flush=True)"


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line."""

    photo: Path = DEMO_NEW / "new_1.jpg"
    artifacts: Path = Path("artifacts")
    results: Path = Path("results")
    repeats: int = 5  # the fastest of so many runs counts; they take turns


def main(config: Config) -> None:
    """Start both processes again and again, and time their first lines."""
    search = [str(SEARCH), str(config.photo), "--artifacts", str(config.artifacts)]
    search += ["--results", str(config.results)]
    commands = {
        "import tensorflow, keras": ["-c", IMPORT],
        "search.py PHOTO": search,
        "search.py PHOTO --no-panels": [*search, "--no-panels"],
    }
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    for _ in range(config.repeats):
        for name, command in commands.items():
            found[name].append(seconds_of(command))
    console.print(f"the fastest of {config.repeats} runs; {versions()}")
    imported = min(answer for answer, _ in found["import tensorflow, keras"])
    for name, times in found.items():
        answer, end = (min(column) for column in zip(*times, strict=True))
        ratio = f"{imported / answer:4.1f} x as fast as the import"
        console.print(f"{name:28s} {answer:5.2f} s to the answer, {end:5.2f} s to the end; {ratio}")


def seconds_of(arguments: list[str]) -> tuple[float, float]:
    """From the start of a process to its first line on standard output, and to its end."""
    started = time.perf_counter()
    with start_python(*arguments, stdout=PIPE, stderr=DEVNULL) as process:
        next_line(process)
        answer = time.perf_counter() - started
    if process.returncode:
        raise UserError(f"python {' '.join(arguments)} ended with {process.returncode}; run it to see why")
    return answer, time.perf_counter() - started


if __name__ == "__main__":
    run(main, Config(), __doc__)
