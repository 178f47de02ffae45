"""What a person looks at after an evaluation or a search: the table on the screen, the pictures in `results/`."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from wildtrack.access.photos.reader import read_photo
from wildtrack.access.photos.thumbnails import thumbnail
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.explain import Reasons, similarity_maps
from wildtrack.address.gallery.searcher import Searcher
from wildtrack.visualization.figures import NEUTRAL, RIGHT, WRONG, Shown, gradcam_picture, retrieval_panel, tsne_picture

log = logging.getLogger(__name__)

SHOWN_SIDE = 320  # pixels, the longer side of a photo in a picture
COLLAPSED = 1e-6  # embeddings that differ by less are one and the same
METHOD_NAMES = {
    "trained": "trained model",
    "local": "local features",
    "fused": "both fused",
    "embedding": "trained model, by sides",
    "untrained": "untrained network",
    "raw_pixels": "raw pixels",
}
BASELINES = ("untrained", "raw_pixels")
TITLES = {
    "match": "A match",
    "review": "For review: have a look yourself",
    "new": "New: nobody we know",
    None: "The most similar known animals",
}


def figures_table(metrics: dict[str, Any]) -> Table:
    """R@1, R@5 and mAP of every method with intervals, all gallery photos and without the leaky ones."""
    table = Table(
        title="{num_queries} queries, {num_ids} identities, {num_gallery} gallery photos".format(**metrics),
        caption="[95% interval over identities]. Leaky: of the query's own encounter, or a near-duplicate.",
    )
    table.add_column("method")
    for column in ("R@1", "R@5", "mAP", "R@1 without\nleaky photos"):
        table.add_column(column, justify="right")
    for name, figures in metrics["methods"].items():
        cells = [_cell(figures, key) for key in ("R@1", "R@5", "mAP")]
        table.add_row(METHOD_NAMES.get(name, name), *cells, _cell(figures["without_leaky_photos"], "R@1"))
    return table


def doubts(metrics: dict[str, Any]) -> str | None:
    """A sentence on what training is not shown to beat, and what may help; None where it beats everything clearly."""
    unbeaten = [
        METHOD_NAMES[name]
        for name, figures in metrics["methods"].items()
        if name in BASELINES and not figures["trained_minus_this"].get("mAP", {"low": 0.0})["low"] > 0
    ]
    if not unbeaten:
        return None
    return (
        f"On these {metrics['num_queries']} queries the trained model is not clearly better than "
        f"{' and '.join(unbeaten)}. What may help: more photos of each animal, pretrained weights (--weights), boxes "
        "around the animals, more epochs."
    )


def decisions_said(metrics: dict[str, Any]) -> str:
    """In words: which matcher it was, what its decisions are worth, how much work is left."""
    found, effort = metrics["open_set"], metrics["review_effort"]
    few, all_of_them = effort["candidates_for_95_percent"], effort["leafing_for_95_percent"]
    said = (
        f"LearntMatcher: {metrics['matcher']['name']}. To find 95% of the true matches, look at {few} "
        f"candidate{'s' * (few != 1)} a photo (leafing through the catalogue: {all_of_them})."
    )
    if "true_accepts" not in found:
        told = (
            ""
            if found["AUROC"] is None
            else f"\nKnown or new? By the best similarity alone, AUROC {found['AUROC']:.2f}."
        )
        return said + told
    return (
        f"{said}\nKnown or new? AUROC {found['AUROC']:.2f}. At a false-match rate of "
        f"{found['false_match_rate_asked_for']:.0%}, {found['true_accepts']:.0%} of {found['num_known']} photos of "
        f"known animals are matched right, {found['wrong_accepts']:.0%} wrong; {found['false_matches']:.0%} of "
        f"{found['num_new']} photos of new animals are called a match. New animals: {found['new_animals']}."
    )


def _cell(figures: dict[str, Any], name: str) -> str:
    if figures[name] is None:
        return "no query"
    low, high = figures["confidence_intervals"][name]
    return f"{figures[name]:.2f}\n[{low:.2f}, {high:.2f}]"  # in two lines, so that the table fits 80 columns


def shown_photo(root: Path, row: Any) -> np.ndarray:
    """A catalogue row's photo or box for a picture; see `thumbnail`.

    Args:
        root: What the row's path is relative to.
        row: A catalogue row with `path` and perhaps `bbox`.
    """
    box = row.get("bbox")
    return thumbnail(root / row["path"], box if isinstance(box, tuple) else None, SHOWN_SIDE)


def draw_answer(answer: Answer, searcher: Searcher, path: Path) -> None:
    """The photo that was asked about beside the best photo of each candidate, and why.

    Args:
        answer: With the status "ok".
        searcher: What was asked; a known photo that is gone is drawn as a blank.
        path: PNG to write.
    """
    asked = Path(answer.photo)
    rows = [searcher.index.meta["image_id"].tolist().index(candidate.image_id) for candidate in answer.candidates]
    heats = similarity_maps(searcher.engine, read_photo(asked, searcher.size), searcher.index.embeddings[rows])
    shown = [
        Shown(
            shown_photo(searcher.index.root, asdict(candidate)),
            f"{candidate.rank}. {candidate.identity}{_side(asdict(candidate))}",
            NEUTRAL,
            f"similarity {candidate.similarity:.2f}"
            if candidate.probability is None
            else f"P(same animal) {candidate.probability:.2f}",
            None if candidate.points is None else np.array(candidate.points).reshape(-1, 4),
            heat,
        )
        for candidate, heat in zip(answer.candidates, heats, strict=True)
    ]
    side = f"\n{answer.side} side, as was said" if answer.side else ""
    query = Shown(thumbnail(asked, None, SHOWN_SIDE), f"{asked.name}{side}", NEUTRAL, "who is this?")
    name = f": {answer.candidates[0].identity}" if answer.decision == "match" else ""
    retrieval_panel(query, shown, f"{TITLES[answer.decision]}{name}; the best photo of each known animal", path)


def draw_tsne(embeddings: np.ndarray, identities: np.ndarray, most: int, seed: int, path: Path) -> None:
    """The t-SNE map of embeddings (van der Maaten and Hinton 2008), at most `most` photos, seeded.

    Args:
        embeddings: float32 (N, D).
        identities: str (N,).
        most: Photos on the map; 0 draws none.
        seed: Names the choice of photos and the start of t-SNE.
        path: PNG to write.
    """
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if not most:
        return
    rows = np.sort(np.random.default_rng(seed).permutation(len(embeddings))[:most])
    if len(rows) < 4:
        log.warning("No t-SNE map: %d photos are too few for one.", len(rows))
        return
    if np.ptp(embeddings[rows], axis=0).max() < COLLAPSED:  # on which scikit-learn's t-SNE crashes the process
        log.warning("No t-SNE map: all embeddings are the same, so the model tells nobody apart.")
        return
    perplexity = min(30.0, (len(rows) - 1) / 3)
    with threadpool_limits(1, user_api="openmp"):  # measured: its threads wait for each other, 3 to 16 times slower
        positions = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(embeddings[rows])
    title = f"Gallery embeddings: {len(rows)} photos of {len(set(identities[rows]))} identities"
    tsne_picture(positions, list(identities[rows]), title, path)


def draw_examples(
    ranked: Mapping[int, np.ndarray],
    reasons: Mapping[int, Reasons],
    embeddings: np.ndarray,
    table: pd.DataFrame,
    root: Path,
    folder: Path,
) -> None:
    """A retrieval panel for each query: `retrieval_example_1.png`, ...

    Args:
        ranked: Row of a query -> the rows of the photos that are ranked first, best first.
        reasons: Row of a query -> why.
        embeddings: float32 (N, D), one a catalogue row.
        table: The catalogue, N rows.
        root: What its paths are relative to.
        folder: Where to.
    """
    for number, (row, best) in enumerate(ranked.items(), start=1):
        identity, why = table["identity"].iloc[row], reasons[row]
        candidates = []
        for rank, (found_row, points, heat) in enumerate(zip(best, why.points, why.maps, strict=True), start=1):
            found = table.iloc[found_row]
            right = found["identity"] == identity
            candidates.append(
                Shown(
                    shown_photo(root, found),
                    f"{rank}. {found['identity']}{_side(found)}",
                    RIGHT if right else WRONG,
                    f"{'correct' if right else 'wrong'}  network {embeddings[found_row] @ embeddings[row]:.2f}",
                    points,
                    heat,
                )
            )
        asked = Shown(shown_photo(root, table.iloc[row]), f"{identity}{_side(table.iloc[row])}", NEUTRAL, "query")
        title = f"Who is this? The {len(candidates)} gallery photos that are ranked first"
        retrieval_panel(asked, candidates, title, folder / f"retrieval_example_{number}.png")


def _side(row: Any) -> str:
    orientation = row.get("orientation")
    return f"\n{orientation} side" if isinstance(orientation, str) and orientation else ""


def draw_gradcams(
    with_features: Any,
    outputs: dict[str, np.ndarray],
    table: pd.DataFrame,
    pixels: np.ndarray,
    scale: tuple[float, float],
    known: tuple[str, ...],
    protocol: Protocol,
    chosen: Iterable[int],
    folder: Path,
) -> None:
    """Grad-CAM of the similarity to the best match and of the most probable class: `gradcam_1.png`, ...

    Args:
        with_features: From `gradcam.feature_network`.
        outputs: "embedding" (N, D) and "probabilities" (N, classes).
        table: The catalogue, N rows.
        pixels: uint8 (N, H, W, 3).
        scale: Factor and offset from 0-255 pixels to what the network expects.
        known: Class number -> identity.
        protocol: Who asks and who is ranked.
        chosen: Rows of the catalogue that ask.
        folder: Where to.
    """
    from wildtrack.visualization.gradcam import class_score, gradcam, similarity_to

    for number, row in enumerate(chosen, start=1):
        similarity = outputs["embedding"][protocol.gallery] @ outputs["embedding"][row]
        best = protocol.gallery[int(np.argmax(similarity))]
        class_number = int(np.argmax(outputs["probabilities"][row]))
        photo = pixels[row].astype(np.float32) * scale[0] + scale[1]
        maps = [
            (
                f"similar to {table['identity'].iloc[best]} ({similarity.max():.2f})",
                gradcam(with_features, photo, similarity_to(outputs["embedding"][best])),
            ),
            (
                f"class {known[class_number]} ({outputs['probabilities'][row, class_number]:.0%})",
                gradcam(with_features, photo, class_score(class_number)),
            ),
        ]
        title = f"{table['identity'].iloc[row]}: what the network alone looks at (Grad-CAM)"
        gradcam_picture(pixels[row], maps, title, folder / f"gradcam_{number}.png")
