"""The methods of a comparison that are no embeddings: local features, and their fusion with a model."""

import hashlib
import time
from dataclasses import replace
from functools import lru_cache

import numpy as np

from wildtrack.access.cache import default_cache
from wildtrack.address.fusion import calibrate, fuse
from wildtrack.address.keypoints import SETTINGS, cached_keypoints
from wildtrack.address.local import LocalIndex
from wildtrack.address.method import Asked, Method, Ranked
from wildtrack.console import track


def local_method() -> Method:
    """Photos are as alike as the keypoints that they share in one arrangement say."""
    return Method(
        "local",
        hashlib.sha256(SETTINGS.encode()).hexdigest(),
        _rank_by_keypoints,
        runs_on="OpenCV, FAISS",
        megabytes=0.0,
        minutes=0.0,
        note="RootSIFT, LNBNN, affine RANSAC",
    )


@lru_cache(maxsize=2)  # a fusion asks again what was asked before
def _rank_by_keypoints(asked: Asked) -> Ranked:
    keypoints = cached_keypoints(asked.table, asked.root, asked.contents, default_cache(), asked.cache_gb)
    index = LocalIndex([keypoints[row] for row in asked.protocol.gallery])
    queries = [keypoints[row] for row in asked.protocol.queries]
    started = time.perf_counter()
    similarity = np.stack([index.rank(query) for query in track(queries, "Matching keypoints", len(queries))])
    return Ranked(similarity, seconds_per_query=(time.perf_counter() - started) / len(queries))


def fused_method(members: list[Method]) -> Method:
    """Photos are as alike as all members together say, each calibrated on the validation photos.

    Args:
        members: Two or more methods. They are asked twice: about the validation photos, and about the queries.
    """
    names = " and ".join(member.name for member in members)

    def rank(asked: Asked) -> Ranked:
        if asked.validation is None:
            raise ValueError("Without validation photos nothing can be calibrated.")
        practice = replace(asked, protocol=asked.validation)
        same = asked.validation.same(asked.table["identity"].to_numpy(dtype=object))
        calibrations = [calibrate(member.rank(practice).similarity, same) for member in members]
        answers = [member.rank(asked) for member in members]
        seconds = [answer.seconds_per_query for answer in answers if answer.seconds_per_query is not None]
        return Ranked(
            fuse([answer.similarity for answer in answers], calibrations),
            seconds_per_query=sum(seconds) if seconds else None,
        )

    fingerprint = hashlib.sha256(" ".join(member.fingerprint for member in members).encode()).hexdigest()
    megabytes = sum(member.megabytes for member in members)
    note = f"mean P(same animal) of {names}, calibrated on validation photos"
    return Method("fused", fingerprint, rank, "all of them", megabytes, None, note)
