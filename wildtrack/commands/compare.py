"""Compare what tells the animals apart: the same photos, the same questions, many methods, one table.

Writes methods.csv, methods.md and methods.png into results/compare. Embeddings are kept in the cache: a
second run only embeds what is new.

  wildtrack compare                                              the last training, and what it has to beat
  wildtrack compare --methods wildtrack megadescriptor           needs: pip install torch torchvision timm
  wildtrack compare --methods wildtrack old_model/model.onnx     any Keras or ONNX model by its path
"""

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated

from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.evaluation.comparison import comparison_table, markdown
from wildtrack.address.evaluation.data import ProtocolConfig, load_evaluation_data
from wildtrack.address.evaluation.method import Comparison
from wildtrack.address.evaluation.methods import WILDTRACK, check_methods, open_methods
from wildtrack.address.evaluation.report import all_figures, score_rankings
from wildtrack.address.evaluation.summary import figures_table
from wildtrack.address.models.saved import LoadingConfig
from wildtrack.config import (
    CustomObjects,
    DiskSpace,
    Folder,
    Hours,
    Range,
    RareFlag,
    Scaling,
    Seed,
    check_settings,
    part,
)
from wildtrack.console import console
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import write_csv, write_text
from wildtrack.storage.lock import locked

STANDARD = ("pixels", "backbone", "untrained", "wildtrack", "local", "fused")  # those that need nothing further


@dataclass(frozen=True)
class Config(ReadConfig):
    """Change a value here, or on the command line: --seed 1."""

    methods: tuple[str, ...] = STANDARD  # which methods; also megadescriptor, or the path of a model file
    reference: str = "wildtrack"  # the method that the others are compared with
    artifacts: Folder = Path("artifacts")  # the trained model: it gives the photos and the split
    data: Path | None = None  # the photos to use; None: those the model was trained on
    results: Folder = Path("results/compare")  # where the table goes
    queries_per_identity: Annotated[int, Range(0, 1_000_000)] = 0  # test photos of each animal that are queries; 0: all
    encounter_hours: Hours = 12.0  # photos of one animal with shorter gaps count as one encounter: leaky
    scaling: Scaling = "auto"  # pixel range that models given by path expect
    seed: Seed = 0  # the same seed gives the same queries and intervals
    cache_gb: DiskSpace = 10.0  # disk space for decoded photos, and as much each for embeddings and keypoints
    verify: RareFlag = False  # read every photo again instead of trusting its size and date
    custom_objects: CustomObjects = field(default_factory=dict)  # in the script: {"MyLayer": MyLayer}


def compare(config: Config) -> None:
    """Compare methods that are allowed, alone in the folder of the results."""
    check_settings(config)
    check_methods(config.methods)
    if config.reference not in (*config.methods, WILDTRACK):
        raise UserError(f"--reference {config.reference!r} is none of the methods: {', '.join(config.methods)}")
    with locked(config.results, "comparison"):
        compare_and_write(config)


def compare_and_write(config: Config) -> None:
    """Artifacts + photos + methods -> one table."""
    artifacts = open_artifacts(config.artifacts)
    cache = part(CacheConfig, config)
    reading, problems = part(ReadConfig, config), config.results / "problems.csv"
    data = load_evaluation_data(artifacts, config.data, part(ProtocolConfig, config), cache, problems, reading)
    names = list(dict.fromkeys(config.methods))
    methods = open_methods(names, artifacts, part(LoadingConfig, config), lambda: data.photos)
    comparison, scored, rankings = Comparison(data, cache, timed=True), [], {}
    rank = partial(score_rankings, protocol=data.protocol, identities=data.identities, leaky=data.leaky)
    for method in methods:
        console.print(f"{method.name}{': ' * bool(method.note)}{method.note}")
        found = comparison.score(method)
        rankings[method.name] = rank(found.scores, found.leak_free)
        scored.append(found)
    figures = all_figures(rankings, data.query_ids, config.seed, config.reference)
    table, asked = comparison_table(methods, scored, figures), len(data.protocol.queries)
    title = f"Methods compared on {data.root.name}: {asked} queries of {len(set(data.query_ids))} identities, "
    title += f"{len(data.protocol.gallery)} gallery photos"
    share = data.leaky.any(axis=1).mean()
    protocol = f"{data.protocol.method}. {share:.0%} of the queries have a leaky gallery photo."
    write_csv(config.results / "methods.csv", table)
    write_text(config.results / "methods.md", markdown(table, title, protocol, config.reference))
    from wildtrack.visualization.charts import draw_comparison  # matplotlib takes a second: not for --help

    draw_comparison(table, title, config.results / "methods.png")
    console.print(figures_table(figures, title, config.reference))
    console.print(f"The whole table and its picture: {config.results / 'methods.md'}, methods.csv, methods.png.")
