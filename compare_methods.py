"""Compare what tells the animals apart: the same photos, the same questions, many methods, one table.

Writes methods.csv, methods.md and methods.png into results/compare. Embeddings are kept in the cache: a
second run only embeds what is new.

  python compare_methods.py                                              the last training, and what it has to beat
  python compare_methods.py --methods wildtrack megadescriptor           needs: pip install torch torchvision timm
  python compare_methods.py --methods wildtrack old_model/model.onnx     any Keras or ONNX model by its path
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from wildtrack.access.catalogue import load_catalogue
from wildtrack.access.labelled import labelled_photos
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.evaluation.comparison import (
    all_figures,
    comparison_table,
    draw_comparison,
    markdown,
    screen_table,
)
from wildtrack.address.evaluation.method import Asked
from wildtrack.address.evaluation.methods import OURS, check_methods, open_methods
from wildtrack.address.evaluation.protocol import choose_protocol, leaky_pairs
from wildtrack.address.evaluation.report import score
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.config import check_range
from wildtrack.console import console, run
from wildtrack.errors import UserError
from wildtrack.storage.files import write_csv, write_text

CUSTOM_OBJECTS: Mapping[str, Any] = {}  # a model with layer classes of its own: {"MyLayer": MyLayer}

STANDARD = ("pixels", "backbone", "untrained", "wildtrack", "local", "fused")  # those that need nothing further


@dataclass(frozen=True)
class Knobs:
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


def main(knobs: Knobs) -> None:
    """Artifacts + photos + methods -> one table."""
    check_range(
        queries_per_identity=(knobs.queries_per_identity, 0, 1_000_000),
        encounter_hours=(knobs.encounter_hours, 0, math.inf),
        seed=(knobs.seed, 0, 2**32 - 1),
        cache_gb=(knobs.cache_gb, 0.01, math.inf),
    )
    check_methods(knobs.methods)
    if knobs.reference not in (*knobs.methods, OURS):
        raise UserError(f"--reference {knobs.reference!r} is none of the methods: {', '.join(knobs.methods)}")
    artifacts = open_artifacts(knobs.artifacts)
    catalogue = load_catalogue(artifacts.photos(knobs.data))
    console.print(catalogue.understood)
    size = artifacts.preprocessor.image_size
    photos = labelled_photos(catalogue, size, knobs.cache_gb, knobs.results / "problems.csv", verify=knobs.verify)
    table = photos.table.assign(sha256=photos.contents)
    protocol = choose_protocol(table, artifacts.split, knobs.queries_per_identity, knobs.seed)
    console.print(str(protocol))
    leaky = leaky_pairs(table, protocol, perceptual_hashes(photos.small), knobs.encounter_hours)  # bool (Q, G)

    words = list(dict.fromkeys(knobs.methods))
    methods = open_methods(words, artifacts, photos, knobs.scaling, CUSTOM_OBJECTS)
    asked = Asked(table, catalogue.root, photos.contents, protocol, leaky, knobs.cache_gb)
    identities = table["identity"].to_numpy(dtype=object)
    ranked, scores = [], {}
    for method in methods:
        console.print(f"{method.name}{': ' * bool(method.note)}{method.note}")
        answer = method.rank(asked)
        scores[method.name] = score(answer.similarity, protocol, identities, leaky, answer.honest)
        ranked.append(answer)
    figures = all_figures(scores, identities[protocol.queries], knobs.seed, knobs.reference)

    result = comparison_table(methods, ranked, figures)
    title = (
        f"Methods compared on {catalogue.root.name}: {len(protocol.queries)} queries of "
        f"{len(set(identities[protocol.queries]))} identities, {len(protocol.gallery)} gallery photos"
    )
    asked_how = f"{protocol.method}. {leaky.any(axis=1).mean():.0%} of the queries have a leaky gallery photo."
    write_csv(result, knobs.results / "methods.csv")
    write_text(knobs.results / "methods.md", markdown(result, title, asked_how, knobs.reference))
    draw_comparison(result, title, knobs.results / "methods.png")
    console.print(screen_table(result, title, knobs.reference))
    console.print(f"The whole table and its picture: {knobs.results / 'methods.md'}, methods.csv, methods.png.")


if __name__ == "__main__":
    run(main, Knobs, __doc__)
