"""What a person looks at after an evaluation or a search: the table on the screen, the pictures in `results/`."""

import logging
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.table import Table

from wildtrack.access.thumbnails import thumbnail
from wildtrack.address.answers import Answer
from wildtrack.address.figures import NEUTRAL, RIGHT, WRONG, Shown, gradcam_picture, retrieval_panel, tsne_picture
from wildtrack.address.protocol import Protocol

log = logging.getLogger(__name__)

SHOWN_SIDE = 320  # pixels, the longer side of a photo in a picture
COLLAPSED = 1e-6  # embeddings that differ by less are one and the same
METHOD_NAMES = {"trained": "trained model", "untrained": "untrained network", "raw_pixels": "raw pixels"}


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
        if name != "trained" and not figures["trained_minus_this"].get("mAP", {"low": 0.0})["low"] > 0
    ]
    if not unbeaten:
        return None
    return (
        f"On these {metrics['num_queries']} queries the trained model is not clearly better than "
        f"{' and '.join(unbeaten)}. What may help: more photos of each animal, pretrained weights (--weights), boxes "
        "around the animals, more epochs."
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


def draw_answer(answer: Answer, root: Path, path: Path) -> None:
    """The photo that was asked about beside the best photo of each candidate.

    Args:
        answer: With the status "ok".
        root: What the candidates' paths are relative to; a photo that is gone is drawn as a blank.
        path: PNG to write.
    """
    shown = [
        Shown(
            shown_photo(root, asdict(candidate)),
            f"{candidate.rank}. {candidate.identity}{_side(asdict(candidate))}",
            NEUTRAL,
            f"similarity {candidate.similarity:.2f}",
        )
        for candidate in answer.candidates
    ]
    asked = Path(answer.photo)
    query = Shown(thumbnail(asked, None, SHOWN_SIDE), asked.name, NEUTRAL, "who is this?")
    retrieval_panel(query, shown, "The most similar known animals, best photo of each", path)


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
    embeddings: np.ndarray,
    table: pd.DataFrame,
    root: Path,
    protocol: Protocol,
    chosen: Iterable[int],
    topk: int,
    folder: Path,
) -> None:
    """A retrieval panel for each chosen query: `retrieval_example_1.png`, ...

    Args:
        embeddings: float32 (N, D), one a catalogue row.
        table: The catalogue, N rows.
        root: What its paths are relative to.
        protocol: Who asks and who is ranked.
        chosen: Rows of the catalogue that ask.
        topk: How many gallery photos a panel shows.
        folder: Where to.
    """
    for number, row in enumerate(chosen, start=1):
        similarity = embeddings[protocol.gallery] @ embeddings[row]
        best = np.argsort(-similarity, kind="stable")[:topk]
        identity = table["identity"].iloc[row]
        candidates = []
        for place, rank in zip(best, range(1, topk + 1), strict=False):
            found = table.iloc[protocol.gallery[place]]
            right = found["identity"] == identity
            candidates.append(
                Shown(
                    shown_photo(root, found),
                    f"{rank}. {found['identity']}{_side(found)}",
                    RIGHT if right else WRONG,
                    f"{'correct' if right else 'wrong'}  {similarity[place]:.2f}",
                )
            )
        query = Shown(shown_photo(root, table.iloc[row]), f"{identity}{_side(table.iloc[row])}", NEUTRAL, "query")
        title = f"Who is this? The {len(candidates)} most similar gallery photos, with cosine similarity"
        retrieval_panel(query, candidates, title, folder / f"retrieval_example_{number}.png")


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
    from wildtrack.address.gradcam import class_score, gradcam, similarity_to

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
        title = f"{table['identity'].iloc[row]}: what the answer rests on (Grad-CAM)"
        gradcam_picture(pixels[row], maps, title, folder / f"gradcam_{number}.png")
