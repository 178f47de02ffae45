"""The animals of a gallery, ranked for one query."""

import numpy as np
import pandas as pd

from wildtrack.address.features.features import Features
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.gallery.index import FEWEST
from wildtrack.address.matching.embedding import cosines
from wildtrack.address.matching.identities import Identities
from wildtrack.address.matching.matcher import Bools, Matcher, Rows


def rank_identities(query: Features, gallery: Gallery, matcher: Matcher, count: int, excluded: Bools) -> pd.DataFrame:
    """The gallery's rows of at most `count` animals' best photos, the best animal first, ties by row.

    More columns: `similarity` (cosine), `score`, `row`, and `gallery_photos` of that animal. Where scores follow from
    cosines, only as many of the most similar photos are scored as make the ranking certain; a photo that an approximate
    index misses is assumed to be less similar. Photos that are `excluded`, bool (G,), are ignored.
    """
    identities = gallery.identities
    out = np.bincount(identities.codes[excluded], minlength=len(identities.names))
    count = min(count, int((out < identities.counts).sum()))  # or all photos would be scored in search of more
    wanted = len(gallery) if matcher.bound(0.0) is None else max(FEWEST, 8 * count) + int(excluded.sum())
    while True:
        found = gallery.shortlist(query.embeddings[0], wanted) if wanted < len(gallery) else np.arange(len(gallery))
        rows = np.sort(found)
        best = _best(query, gallery, matcher, rows, excluded).head(count)
        if len(rows) == len(gallery) or not count:
            return best
        # a photo no more similar than the last one found may still be missing, and may come before it by row
        indexed = gallery.embeddings_of(rows[rows < len(gallery.embeddings)])
        slack = 2 * indexed.shape[1] * np.finfo(np.float32).eps  # FAISS rounds cosines in another way
        bound = matcher.bound(float(cosines(query.embeddings, indexed).min(initial=1.0)) + slack)
        if len(best) == count and bound is not None and bound < best["score"].iloc[-1]:
            return best
        wanted *= 4


def _best(query: Features, gallery: Gallery, matcher: Matcher, rows: Rows, excluded: Bools) -> pd.DataFrame:
    """The best photo of each animal among some of the gallery's photos, the best animal first."""
    everything = len(rows) == len(gallery)
    scores = matcher.scores(query, gallery, excluded[None], None if everything else rows)[0]
    identities = gallery.identities if everything else Identities.of(gallery.identities.codes[rows])
    _, places = identities.ranking(scores)
    best = rows[places]
    similarity = cosines(query.embeddings, gallery.embeddings_of(best))[0]
    found = gallery.table.iloc[best].assign(
        similarity=np.clip(similarity, -1.0, 1.0),
        score=scores[places],
        row=best,
        gallery_photos=gallery.identities.counts[gallery.identities.codes[best]],
    )
    return found.reset_index(drop=True)
