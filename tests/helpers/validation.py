"""Made-up scores of validation photos."""

from dataclasses import replace

import numpy as np

from tests.helpers.spotted import LOCAL
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.address.matching.matching import Matching
from wildtrack.address.matching.viewpoints import viewpoint_relation
from wildtrack.address.training.learn_matching import ScoredPhotos, Validation

VIEWPOINTS = ("left", "right")


def made_up(
    seed: int = 0,
    gains: tuple[float, ...] = (2.0, 2.0),
    animals: int = 15,
    unseen: bool = False,
    offset: float = 0.0,
    new_photos: int = 4,
) -> Validation:
    """Noise, with `gains`, of the embedding and of local features, added where two photos show one animal.

    `offset` is added to all pairs of one viewpoint, which misleads a matcher that ignores viewpoints.
    """
    rng = np.random.default_rng(seed)
    gallery_ids = np.repeat([f"animal {number}" for number in range(animals)], 4)
    query_ids = np.repeat(gallery_ids[::4], 3)
    new_ids = np.repeat([f"new {number}" for number in range(5)], new_photos) if unseen else query_ids
    of_gallery, of_queries, of_new = (rng.choice(VIEWPOINTS, len(ids)) for ids in (gallery_ids, query_ids, new_ids))

    def scored(ids: np.ndarray, viewpoints: np.ndarray) -> ScoredPhotos:
        same, relation = ids[:, None] == gallery_ids[None], viewpoint_relation(viewpoints, of_gallery)
        scores = {}
        for name, gain in zip((EMBEDDING, LOCAL), gains, strict=False):
            scores[name] = rng.normal(size=same.shape) + gain * same + offset * (relation == 1)
        return ScoredPhotos(ids, scores, relation)

    known = scored(query_ids, of_queries)
    if unseen:
        return Validation(gallery_ids, known, scored(new_ids, of_new), True)
    own = query_ids[:, None] == gallery_ids[None]
    without = {name: np.where(own, -np.inf, values) for name, values in known.scores.items()}
    return Validation(gallery_ids, known, replace(known, scores=without), False)


def learnt_scores(matching: Matching, name: str, photos: ScoredPhotos) -> np.ndarray:
    return matching.matcher(name).combined(photos.scores, photos.relation)
