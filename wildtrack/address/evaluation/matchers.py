"""The methods of a comparison that are no embeddings: local features, and their fusion with a model."""

import hashlib
import time
from functools import lru_cache

import numpy as np

from wildtrack.address.evaluation.method import Asked, Method, Ranked
from wildtrack.address.features.keypoints import SETTINGS, cached_keypoints
from wildtrack.address.features.similarities import sides_of
from wildtrack.address.matching.calibration import side_relation
from wildtrack.address.matching.learning import EMBEDDING, FUSED, LOCAL, Matching
from wildtrack.address.matching.local.voting import LocalIndex, rank_all


def local_method() -> Method:
    """Photos are as alike as the keypoints that they share in one arrangement say."""
    return Method(
        "local",
        hashlib.sha256(SETTINGS.encode()).hexdigest(),
        _rank_by_keypoints,
        runs_on="OpenCV, FAISS",
        megabytes=0.0,
        minutes=0.0,
        note="RootSIFT, LNBNN, affine MAGSAC",
    )


@lru_cache(maxsize=1)  # a fusion asks again what was asked before
def _rank_by_keypoints(asked: Asked) -> Ranked:
    keypoints = cached_keypoints(asked.table, asked.root, asked.digests, asked.cache)
    index = LocalIndex([keypoints[row] for row in asked.protocol.gallery])
    queries = [keypoints[row] for row in asked.protocol.queries]
    started = time.perf_counter()
    similarity = rank_all(index, queries)
    seconds = (time.perf_counter() - started) / len(queries)
    rows = np.flatnonzero(asked.leaky.any(axis=1))
    honest = similarity.copy()
    honest[rows] = rank_all(index, [queries[row] for row in rows], asked.leaky[rows])
    return Ranked(similarity, honest=honest, seconds_per_query=seconds)


def fused_method(ours: Method, matching: Matching) -> Method:
    """Photos are as alike as our model and local features together say.

    Args:
        ours: Our model.
        matching: What its validation photos taught.
    """
    local = local_method()

    def rank(asked: Asked) -> Ranked:
        sides = sides_of(asked.table)
        relation = side_relation(sides[asked.protocol.queries], sides[asked.protocol.gallery])
        embedding, keypoints = ours.rank(asked), local.rank(asked)

        def fused(shared: np.ndarray) -> np.ndarray:
            return matching.scores(FUSED, {EMBEDDING: embedding.similarity, LOCAL: shared}, relation)

        honest = None if keypoints.honest is None else fused(keypoints.honest)
        return Ranked(fused(keypoints.similarity), honest=honest, seconds_per_query=keypoints.seconds_per_query)

    fingerprint = hashlib.sha256(f"{ours.fingerprint} {local.fingerprint}".encode()).hexdigest()
    note = f"the evidence of {ours.name} and local together, as validation photos taught to read it"
    return Method("fused", fingerprint, rank, "all of them", ours.megabytes, None, note)
