"""Measure how well the trained model tells the animals apart, and draw what it sees.

Asks about photos the model never saw; writes results/metrics.json and pictures.

  wildtrack evaluate                            the last training
  wildtrack evaluate --artifacts other_model    a model that lies elsewhere
"""

import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from wildtrack.access.labelled import labelled_photos
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.artifacts import open_artifacts
from wildtrack.address.evaluation.open_set import pooled, reliability
from wildtrack.address.evaluation.protocol import choose_protocol, leaky_pairs
from wildtrack.address.evaluation.report import (
    by_side,
    classifier_report,
    cosines,
    identity_ranking,
    retrieval_report,
    score,
)
from wildtrack.address.evaluation.summary import decisions_summary, figures_table, unbeaten_baselines
from wildtrack.address.evaluation.trial import trial_report, try_matcher
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.features.similarities import Described, described, sides_of
from wildtrack.address.gallery.explain import explain_queries
from wildtrack.address.matching.calibration import side_relation
from wildtrack.address.matching.learning import LOCAL, MEMBERS, choose_matcher
from wildtrack.address.models.saved import LoadingConfig, open_engine, open_network_of
from wildtrack.assess.duplicates.hashes import NEAR_DUPLICATE_BITS, perceptual_hashes
from wildtrack.assess.leakage import share_without_same_viewpoint
from wildtrack.config import CustomObjects, check_range, part
from wildtrack.console import console, load_tensorflow
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import remove_files, write_text
from wildtrack.storage.json_files import plain

PICTURES = ("tsne.png", "reliability.png", "roc.png", "retrieval_example_*.png", "gradcam_*.png")


@dataclass(frozen=True)
class Config:
    """Change a value here, or on the command line: --topk 10."""

    topk: int = 5  # how many gallery photos a retrieval picture shows
    examples: int = 6  # how many retrieval and Grad-CAM pictures to draw
    tsne_max: int = 1000  # at most so many photos on the t-SNE map
    matcher: Literal["auto", "embedding", "local", "fused"] = "auto"  # auto: whichever did best on validation photos
    false_match_rate: float = 0.01  # share of new animals' photos that may be called a match
    queries_per_identity: int = 1  # test photos asked about each animal; 0 asks them all
    data: Path | None = None  # photos; None: those the model was trained on
    artifacts: Path = Path("artifacts")  # the trained model
    results: Path = Path("results")  # where metrics.json and the pictures go
    encounter_hours: float = 12.0  # photos of one animal with shorter gaps count as one encounter in the leakage report
    scaling: Literal["auto", "0-255", "0-1", "-1-1"] = "auto"  # pixel range a model from elsewhere expects
    baselines: bool = True  # also measure raw pixels and the network before training
    seed: int = 0  # names the draw of queries, the t-SNE and the bootstrap
    cache_gb: float = 10.0  # disk space for decoded photos, and as much each for embeddings and keypoints
    verify: bool = False  # read every photo again instead of trusting its size and date
    custom_objects: CustomObjects = field(default_factory=dict)  # in the script: {"MyLayer": MyLayer}


def evaluate(config: Config) -> None:
    """Artifacts + photos -> results."""
    check_range(
        topk=(config.topk, 1, 20),
        examples=(config.examples, 0, 1000),
        tsne_max=(config.tsne_max, 0, 100_000),
        false_match_rate=(config.false_match_rate, 0, 1),
        queries_per_identity=(config.queries_per_identity, 0, 1_000_000),
        encounter_hours=(config.encounter_hours, 0, math.inf),
        seed=(config.seed, 0, 2**32 - 1),
        cache_gb=(config.cache_gb, 0.01, math.inf),
    )
    artifacts = open_artifacts(config.artifacts)
    matcher = choose_matcher(artifacts.matching, config.matcher)
    size, known = artifacts.preprocessor.image_size, artifacts.preprocessor.identities
    catalogue = load_catalogue(artifacts.catalogue_path(config.data))
    console.print(catalogue.understood)
    cache = part(CacheConfig, config)
    photos = labelled_photos(catalogue, size, cache, config.results / "problems.csv")
    table, pixels = photos.table.assign(sha256=photos.digests), photos.pixels
    identities = table["identity"].to_numpy(dtype=object)

    protocol = choose_protocol(table, artifacts.split, config.queries_per_identity, config.seed)
    queries, gallery = table.iloc[protocol.queries], table.iloc[protocol.gallery]
    console.print(str(protocol))
    leaky = leaky_pairs(table, protocol, perceptual_hashes(photos.small), config.encounter_hours)  # bool (Q, G)

    load_tensorflow()  # which takes seconds, as do matplotlib and the modules below: not for --help
    from wildtrack.address.evaluation.baselines import raw_pixel_embeddings, untrained_embeddings
    from wildtrack.visualization.evaluation_plots import draw_reliability, draw_roc
    from wildtrack.visualization.gradcam import Classifier, draw_gradcams, feature_network
    from wildtrack.visualization.retrieval_panels import draw_examples
    from wildtrack.visualization.tsne import draw_tsne

    loading = part(LoadingConfig, config)
    model = open_engine(artifacts, loading, lambda: photos)
    engine, scaling = model.engine, model.scaling
    console.print(
        f"{model.file.name} runs with {model.runs_on}: embedding from {model.embedding_from}; "
        f"pixels scaled to {scaling}."
    )
    outputs = cached_outputs(engine, model.cache_name, table, photos.digests, pixels.__getitem__, cache).outputs

    seen = Described(outputs["embedding"], None)
    if LOCAL in MEMBERS[matcher]:
        seen = described(table, catalogue.root, list(table["sha256"]), outputs["embedding"], cache)
    sides = sides_of(table)
    trial = try_matcher(seen, protocol, identities, sides, leaky, artifacts.matching, matcher)

    embeddings = {"trained": outputs["embedding"]}
    if config.baselines:
        embeddings["raw_pixels"] = raw_pixel_embeddings(pixels)
        untrained = None if artifacts.config is None else untrained_embeddings(artifacts.config, pixels)
        if untrained is not None:
            embeddings["untrained"] = untrained
    scores = {name: score(cosines(found, protocol), protocol, identities, leaky) for name, found in embeddings.items()}
    if not trial.by_cosine:
        scores = {matcher: score(trial.scores, protocol, identities, leaky, trial.honest), **scores}
    query_ids, query_sides = identities[protocol.queries], sides[protocol.queries]
    relation = side_relation(query_sides, sides[protocol.gallery])
    metrics = {
        **retrieval_report(scores, trial.method, query_ids, leaky, config.seed),
        "num_gallery": len(gallery),
        **trial_report(trial, artifacts.matching, config.matcher, config.false_match_rate, len(protocol.strangers)),
        "by_side": by_side(scores[trial.method], query_ids, query_sides, relation, protocol.same(identities)),
        "identity_ranking": identity_ranking(scores[trial.method], query_ids),
        "classifier": classifier_report(outputs["probabilities"][protocol.queries], query_ids, known),
        "protocol": {
            "method": protocol.method,
            "queries_per_identity": config.queries_per_identity,
            "encounter_hours": config.encounter_hours,
            "near_duplicate_bits": NEAR_DUPLICATE_BITS,
            "share_of_queries_without_same_viewpoint_gallery_photo": share_without_same_viewpoint(queries, gallery),
            "photos_the_split_does_not_name": protocol.left_out,
            "test_photos_of_identities_not_in_the_gallery": len(protocol.strangers),
            "seed": config.seed,
        },
        "model": {
            "file": model.file.name,
            "runs_on": model.runs_on,
            "fingerprint": model.fingerprint,
            "embedding_from": model.embedding_from,
            "scaling": scaling,
        },
    }
    remove_files(config.results, *PICTURES)  # an earlier model's must not pass for this one's
    write_text(config.results / "metrics.json", json.dumps(plain(metrics), indent=2, allow_nan=False) + "\n")
    console.print(figures_table(metrics))
    console.print(decisions_summary(metrics))
    if warning := unbeaten_baselines(metrics):
        console.print("Warning:", warning)

    draw_tsne(
        outputs["embedding"][protocol.gallery],
        identities[protocol.gallery],
        config.tsne_max,
        config.seed,
        config.results / "tsne.png",
    )
    if trial.answers is not None and artifacts.matching is not None:
        match_from = metrics["open_set"]["match_from"]
        title = f"{metrics['open_set']['num_known']} photos of known, {metrics['open_set']['num_new']} of new animals"
        draw_reliability(reliability(*pooled(trial.answers)), title, config.results / "reliability.png")
        draw_roc(trial.answers, match_from, title, config.results / "roc.png")
    asking = np.random.default_rng(config.seed).permutation(len(protocol.queries))[: config.examples]
    best = np.argsort(-trial.scores[asking], axis=1, kind="stable")[:, : config.topk]
    ranked = {int(protocol.queries[query]): protocol.gallery[found] for query, found in zip(asking, best, strict=True)}
    embedding = outputs["embedding"]
    reasons = explain_queries(
        ranked, table, catalogue.root, pixels, embedding, engine, trial.gallery.index, protocol.gallery, cache
    )
    draw_examples(ranked, reasons, embedding, table, catalogue.root, config.results)
    with_features = feature_network(open_network_of(artifacts, loading.custom_objects), scaling)
    if with_features is None:
        console.print("No Grad-CAM: the model has no convolution to look into.")
    else:
        draw_gradcams(Classifier(with_features, known), photos, outputs, protocol.gallery, ranked, config.results)
    console.print(f"Figures and pictures are in {config.results}.")
