"""Compare what tells the animals apart: the same photos, the same questions, many methods, one table.

Writes methods.csv, methods.md and methods.png into results/compare. Embeddings are kept in the cache: a
second run only embeds what is new.

  wildtrack compare                                              the last training, and what it has to beat
  wildtrack compare --methods wildtrack megadescriptor           needs: pip install torch torchvision timm
  wildtrack compare --methods wildtrack old_model/model.onnx     any Keras or ONNX model by its path
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from wildtrack.access.labelled import labelled_photos
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.evaluation.comparison import (
    all_figures,
    comparison_table,
    markdown,
    screen_table,
)
from wildtrack.address.evaluation.method import Asked
from wildtrack.address.evaluation.methods import OURS, check_methods, open_methods
from wildtrack.address.evaluation.protocol import choose_protocol, leaky_pairs
from wildtrack.address.evaluation.report import score
from wildtrack.address.models.saved import LoadingConfig
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.config import CustomObjects, check_range, part
from wildtrack.console import console
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import write_csv, write_text

STANDARD = ("pixels", "backbone", "untrained", "wildtrack", "local", "fused")  # those that need nothing further


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line: --seed 1."""

    methods: tuple[str, ...] = STANDARD  # which; also megadescriptor, or the path of a model file
    reference: str = "wildtrack"  # the one of them that the others are held against
    artifacts: Path = Path("artifacts")  # the trained model: it gives the photos and the split
    data: Path | None = None  # photos; None: those the model was trained on
    results: Path = Path("results/compare")  # where the table goes
    queries_per_identity: int = 0  # 0 asks every test photo, so that no draw decides which method looks better
    encounter_hours: float = 12.0  # photos of one animal with shorter gaps count as one encounter: leaky
    scaling: Literal["auto", "0-255", "0-1", "-1-1"] = "auto"  # pixel range that models given by path expect
    seed: int = 0  # names the draw of queries and the bootstrap
    cache_gb: float = 10.0  # disk space for decoded photos, and as much each for embeddings and keypoints
    verify: bool = False  # read every photo again instead of trusting its size and date
    custom_objects: CustomObjects = field(default_factory=dict)  # in the script: {"MyLayer": MyLayer}


def compare(config: Config) -> None:
    """Artifacts + photos + methods -> one table."""
    check_range(
        queries_per_identity=(config.queries_per_identity, 0, 1_000_000),
        encounter_hours=(config.encounter_hours, 0, math.inf),
        seed=(config.seed, 0, 2**32 - 1),
        cache_gb=(config.cache_gb, 0.01, math.inf),
    )
    check_methods(config.methods)
    if config.reference not in (*config.methods, OURS):
        raise UserError(f"--reference {config.reference!r} is none of the methods: {', '.join(config.methods)}")
    artifacts = open_artifacts(config.artifacts)
    catalogue = load_catalogue(artifacts.catalogue_path(config.data))
    console.print(catalogue.understood)
    size = artifacts.preprocessor.image_size
    cache = part(CacheConfig, config)
    photos = labelled_photos(catalogue, size, cache, config.results / "problems.csv")
    table = photos.table.assign(sha256=photos.digests)
    protocol = choose_protocol(table, artifacts.split, config.queries_per_identity, config.seed)
    console.print(str(protocol))
    leaky = leaky_pairs(table, protocol, perceptual_hashes(photos.small), config.encounter_hours)  # bool (Q, G)

    words = list(dict.fromkeys(config.methods))
    methods = open_methods(words, artifacts, photos, part(LoadingConfig, config))
    asked = Asked(table, catalogue.root, photos.digests, protocol, leaky, cache)
    identities = table["identity"].to_numpy(dtype=object)
    ranked, scores = [], {}
    for method in methods:
        console.print(f"{method.name}{': ' * bool(method.note)}{method.note}")
        answer = method.rank(asked)
        scores[method.name] = score(answer.similarity, protocol, identities, leaky, answer.honest)
        ranked.append(answer)
    figures = all_figures(scores, identities[protocol.queries], config.seed, config.reference)

    result = comparison_table(methods, ranked, figures)
    title = (
        f"Methods compared on {catalogue.root.name}: {len(protocol.queries)} queries of "
        f"{len(set(identities[protocol.queries]))} identities, {len(protocol.gallery)} gallery photos"
    )
    asked_how = f"{protocol.method}. {leaky.any(axis=1).mean():.0%} of the queries have a leaky gallery photo."
    write_csv(config.results / "methods.csv", result)
    write_text(config.results / "methods.md", markdown(result, title, asked_how, config.reference))
    from wildtrack.visualization.evaluation_plots import draw_comparison  # matplotlib takes a second: not for --help

    draw_comparison(result, title, config.results / "methods.png")
    console.print(screen_table(result, title, config.reference))
    console.print(f"The whole table and its picture: {config.results / 'methods.md'}, methods.csv, methods.png.")
