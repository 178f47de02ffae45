"""Measure how well the trained model tells the animals apart, and draw what it sees.

Asks about photos the model never saw; writes results/metrics.json and pictures.

  wildtrack evaluate                            the last training
  wildtrack evaluate --artifacts other_model    a model that lies elsewhere
"""

import json
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import Artifacts, keras_file, open_artifacts
from wildtrack.address.evaluation.data import EvaluationData, ProtocolConfig, load_evaluation_data
from wildtrack.address.evaluation.method import Comparison
from wildtrack.address.evaluation.methods import open_methods
from wildtrack.address.evaluation.open_set import pooled, reliability
from wildtrack.address.evaluation.report import (
    Retrieval,
    by_viewpoint,
    classifier_report,
    identity_ranking,
    retrieval_report,
    score_rankings,
)
from wildtrack.address.evaluation.scoring import QueryScores, decisions_report, score_queries
from wildtrack.address.evaluation.summary import decisions_summary, figures_table, unbeaten_baselines
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.features.features import Features, viewpoints_of
from wildtrack.address.features.keypoints import cached_keypoints
from wildtrack.address.gallery.explain import Explained, explain_queries
from wildtrack.address.matching.embedding import cosines
from wildtrack.address.matching.fused import needs_keypoints
from wildtrack.address.matching.matching import choose_matcher
from wildtrack.address.matching.viewpoints import viewpoint_relation
from wildtrack.address.models.saved import LoadingConfig, OpenedModel, open_engine, open_network_of
from wildtrack.assess.duplicates.hashes import NEAR_DUPLICATE_BITS
from wildtrack.assess.leakage import share_without_same_viewpoint
from wildtrack.config import (
    RARE,
    CustomObjects,
    DiskSpace,
    Folder,
    Hours,
    Range,
    RareFlag,
    Scaling,
    Seed,
    Share,
    check_settings,
    part,
)
from wildtrack.console import console, load_tensorflow
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.files import remove_files, write_text
from wildtrack.storage.json_files import plain
from wildtrack.storage.lock import locked

BASELINES = {"pixels": "raw_pixels", "untrained": "untrained"}  # methods, and what metrics.json calls them
FIRST = ("R@1", "R@5", "R@10", "mAP", "num_queries", "num_gallery", "num_ids")  # in metrics.json
PICTURES = r"(tsne|reliability|roc|(retrieval_example|gradcam)_\d+)\.png"


@dataclass(frozen=True)
class Config(ReadConfig):
    """Change a value here, or on the command line: --topk 10."""

    topk: Annotated[int, Range(1, 20)] = 5  # how many gallery photos a retrieval picture shows
    examples: Annotated[int, Range(0, 1000)] = 6  # how many retrieval and Grad-CAM pictures to draw
    tsne_max: Annotated[int, Range(0, 100_000), RARE] = 1000  # largest number of photos on the t-SNE map
    matcher: str = "auto"  # embedding, local, fused; auto: whichever did best on validation photos
    false_match_rate: Share = 0.01  # share of new animals' photos that may be called a match
    queries_per_identity: Annotated[int, Range(0, 1_000_000)] = 1  # test photos of each animal that are queries; 0: all
    data: Path | None = None  # the photos to use; None: those the model was trained on
    artifacts: Folder = Path("artifacts")  # the trained model
    results: Folder = Path("results")  # where metrics.json and the pictures go
    encounter_hours: Hours = 12.0  # photos of one animal with shorter gaps count as one encounter in the leakage report
    scaling: Scaling = "auto"  # pixel range a third-party model expects
    baselines: bool = True  # also measure raw pixels and the network before training
    seed: Seed = 0  # the same seed gives the same queries, t-SNE map and intervals
    cache_gb: DiskSpace = 10.0  # disk space for decoded photos, and as much each for embeddings and keypoints
    verify: RareFlag = False  # read every photo again instead of trusting its size and date
    custom_objects: CustomObjects = field(default_factory=dict)  # in the script: {"MyLayer": MyLayer}


def evaluate(config: Config) -> dict[str, Any]:
    """What metrics.json holds; evaluated with settings that are allowed, alone in the folder of the results."""
    check_settings(config)
    with locked(config.results, "evaluation"):
        return evaluate_and_draw(config)


def evaluate_and_draw(config: Config) -> dict[str, Any]:
    """Artifacts + photos -> scores -> metrics.json and pictures."""
    artifacts = open_artifacts(config.artifacts)
    matcher = choose_matcher(artifacts.matching, config.matcher)
    cache, loading = part(CacheConfig, config), part(LoadingConfig, config)
    reading, problems = part(ReadConfig, config), config.results / "problems.csv"
    data = load_evaluation_data(artifacts, config.data, part(ProtocolConfig, config), cache, problems, reading)
    photos, protocol = data.photos, data.protocol
    model = open_engine(artifacts, loading, lambda: photos)
    by = f"{model.file.name} by {model.runs_on}"
    console.print(f"{by}: embedding from {model.embedding_from}; pixels {model.scaling}.")
    read = photos.pixels.__getitem__
    outputs = cached_outputs(model.engine, model.cache_name, photos.table, photos.digests, read, cache).outputs
    embeddings = outputs["embedding"]
    keypoints = cached_keypoints(data.table, data.root, photos.digests, cache) if needs_keypoints(matcher) else None
    features = Features(embeddings, viewpoints_of(data.table), keypoints)
    found = score_queries(data.table, features, protocol, data.leaky, artifacts.matching, matcher)
    rank = partial(score_rankings, protocol=protocol, identities=data.identities, leaky=data.leaky)
    rankings = {} if found.by_cosine else {found.matcher: rank(found.scores, found.leak_free)}
    by_cosine = cosines(embeddings[protocol.queries], embeddings[protocol.gallery])
    rankings["trained"] = rank(by_cosine, by_cosine)
    if config.baselines:
        comparison = Comparison(data, cache)
        for method in open_methods(tuple(BASELINES), artifacts, loading, lambda: photos):
            console.print(f"Baseline: {BASELINES[method.name].replace('_', ' ')}.")
            scored = comparison.score(method)
            rankings[BASELINES[method.name]] = rank(scored.scores, scored.leak_free)
    metrics = measure(config, artifacts, data, found, rankings)
    probabilities = outputs["probabilities"][protocol.queries]
    metrics["classifier"] = classifier_report(probabilities, data.query_ids, artifacts.preprocessor.identities)
    metrics["model"] = {
        "file": model.file.name,
        "runs_on": model.runs_on,
        "fingerprint": model.fingerprint,
        "embedding_from": model.embedding_from,
        "scaling": model.scaling,
    }
    metrics = dict(plain(metrics))
    remove_files(config.results, PICTURES)  # an earlier model's must not pass for this one's
    write_text(config.results / "metrics.json", json.dumps(metrics, indent=2, allow_nan=False) + "\n")
    title = "{num_queries} queries, {num_ids} identities, {num_gallery} gallery photos".format(**metrics)
    console.print(figures_table(metrics["methods"], title))
    console.print(decisions_summary(metrics))
    if warning := unbeaten_baselines(metrics):
        console.print("Warning:", warning)
    draw_figures(config, data, found, embeddings, metrics)
    ranked = draw_panels(config, data, found, features, model)
    draw_attention(config, artifacts, data, outputs, ranked, model.scaling)
    console.print(f"Figures and pictures are in {config.results}.")
    return metrics


def measure(
    config: Config, artifacts: Artifacts, data: EvaluationData, found: QueryScores, rankings: dict[str, Retrieval]
) -> dict[str, Any]:
    """The figures of metrics.json."""
    protocol, query_ids, chosen = data.protocol, data.query_ids, rankings[found.method]
    queries, gallery = data.table.iloc[protocol.queries], data.table.iloc[protocol.gallery]
    viewpoints = viewpoints_of(queries)
    relation = viewpoint_relation(viewpoints, viewpoints_of(gallery))
    new_photos = len(protocol.unknown)
    figures = retrieval_report(rankings, found.method, query_ids, data.leaky, config.seed)
    counted = {**figures, "num_gallery": len(gallery)}
    return {
        **{name: counted[name] for name in FIRST},
        **figures,
        **decisions_report(found, artifacts.matching, config.matcher, config.false_match_rate, new_photos),
        "by_viewpoint": by_viewpoint(chosen, query_ids, viewpoints, relation, protocol.same(data.identities)),
        "identity_ranking": identity_ranking(chosen, query_ids),
        "protocol": {
            "method": protocol.method,
            "queries_per_identity": config.queries_per_identity,
            "encounter_hours": config.encounter_hours,
            "near_duplicate_bits": NEAR_DUPLICATE_BITS,
            "share_of_queries_without_same_viewpoint_gallery_photo": share_without_same_viewpoint(queries, gallery),
            "photos_the_split_does_not_name": protocol.left_out,
            "test_photos_of_identities_not_in_the_gallery": new_photos,
            "seed": config.seed,
        },
    }


def draw_figures(
    config: Config, data: EvaluationData, found: QueryScores, embeddings: np.ndarray, metrics: dict[str, Any]
) -> None:
    """The map of embeddings, and the pictures of decisions where they were learnt."""
    from wildtrack.visualization.charts import draw_reliability, draw_roc  # matplotlib: not for --help
    from wildtrack.visualization.tsne import draw_tsne

    rows = data.protocol.gallery
    draw_tsne(embeddings[rows], data.identities[rows], config.tsne_max, config.seed, config.results / "tsne.png")
    if found.answers is None:
        return
    decisions = metrics["open_set"]
    title = f"{decisions['num_known']} photos of known, {decisions['num_new']} of new animals"
    draw_reliability(reliability(*pooled(found.answers)), title, config.results / "reliability.png")
    draw_roc(found.answers, decisions["match_from"], title, config.results / "roc.png")


def draw_panels(
    config: Config, data: EvaluationData, found: QueryScores, features: Features, model: OpenedModel
) -> dict[int, npt.NDArray[np.intp]]:
    """A retrieval panel for some queries; their rows, and those of the photos that are ranked first."""
    from wildtrack.visualization.retrieval_panels import draw_examples

    protocol, table = data.protocol, data.table
    asking = np.random.default_rng(config.seed).permutation(len(protocol.queries))[: config.examples]
    best = np.argsort(-found.scores[asking], axis=1, kind="stable")[:, : config.topk]
    ranked = {int(protocol.queries[query]): protocol.gallery[rows] for query, rows in zip(asking, best, strict=True)}
    shown = sorted({row for query, rows in ranked.items() for row in (query, *rows.tolist())})
    digests = [data.photos.digests[row] for row in shown]
    keypoints = cached_keypoints(table.iloc[shown], data.root, digests, part(CacheConfig, config))
    photos = Explained(data.photos.pixels, features.embeddings, dict(zip(shown, keypoints, strict=True)))
    reasons = explain_queries(ranked, photos, model.engine, found.gallery.keypoints, protocol.gallery)
    draw_examples(ranked, reasons, features.embeddings, table, data.root, config.results)
    return ranked


def draw_attention(
    config: Config,
    artifacts: Artifacts,
    data: EvaluationData,
    outputs: dict[str, np.ndarray],
    ranked: dict[int, npt.NDArray[np.intp]],
    scaling: str,
) -> None:
    """Grad-CAM for the same queries, which takes the Keras model."""
    if keras_file(artifacts.folder) is None:
        console.print("No Grad-CAM: there is no Keras model next to model.onnx.")
        return
    load_tensorflow()  # which takes seconds
    from wildtrack.visualization.gradcam import Classifier, draw_gradcams, feature_network

    network = feature_network(open_network_of(artifacts, config.custom_objects), scaling)
    if network is None:
        console.print("No Grad-CAM: the model has no convolution to look into.")
        return
    classifier = Classifier(network, artifacts.preprocessor.identities)
    draw_gradcams(classifier, data.photos, outputs, data.protocol.gallery, ranked, config.results)
