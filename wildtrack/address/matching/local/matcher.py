"""The matcher that compares keypoints, as HotSpotter does, without any training."""

from typing import TYPE_CHECKING

import numpy as np

from wildtrack.address.matching.matcher import Bools, Floats, Matcher, Rows
from wildtrack.console import track

if TYPE_CHECKING:
    from wildtrack.address.features.features import Features
    from wildtrack.address.gallery.gallery import Gallery


class LocalMatcher(Matcher):
    """Scores are the votes of the keypoints that two photos share, 0 or more."""

    name = "local"
    uses_embeddings = False
    uses_keypoints = True
    runs_on = "OpenCV, FAISS"
    note = "RootSIFT, LNBNN, affine MAGSAC"

    def scores(
        self, queries: "Features", gallery: "Gallery", excluded: Bools | None = None, rows: Rows | None = None
    ) -> Floats:
        """Search the gallery's index of keypoints for each query; see `Matcher.scores`."""
        if queries.keypoints is None or gallery.keypoints is None:
            raise ValueError("The matcher local needs the keypoints of queries and gallery.")
        scores = np.zeros((len(queries), len(gallery)), np.float32)
        photos = queries.keypoints
        for row, photo in enumerate(track(photos, "Matching keypoints", len(photos)) if len(photos) > 1 else photos):
            scores[row] = gallery.keypoints.votes(photo, None if excluded is None else excluded[row])
        if excluded is not None:
            scores[excluded] = -np.inf
        return scores if rows is None else scores[:, rows]
