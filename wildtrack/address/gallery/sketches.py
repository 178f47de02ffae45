"""Sketches of many embeddings: 1 byte for 8 entries, to tell in a moment which few are worth comparing in full.

Product quantisation (Jégou et al., "Product Quantization for Nearest Neighbor Search", 2011): 4 entries of an
embedding at a time become the number of the word, of 16, that is nearest to them. A query is compared with the words
once, and then with all sketches by looking that up, in the processor's registers (André et al., "Cache Locality is not
Enough", 2015; FAISS calls it fast scan). The best of them are compared as they are, so what is found is scored exactly.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import faiss
import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from wildtrack.address.gallery.nearest import THREADS, Floats, Rows, nearest, similarities
from wildtrack.console import track
from wildtrack.errors import UserError
from wildtrack.storage.files import open_array

WIDTH = 4  # entries that a word stands for
BITS = 4
WORDS = 1 << BITS  # for each place in the embedding
TRAINED_ON = 1 << 12  # embeddings, from which the words are found; FAISS takes no more
BLOCK = 1 << 16  # embeddings sketched at once
SHORTLIST = 300  # compared as they are, at least
SHORTLISTED = 4  # and for each one that is wanted, at least
TRIED = 200  # embeddings that ask for their neighbours, to see what is found
NEIGHBOURS = 10  # each


@dataclass(frozen=True, eq=False)
class Sketches:
    """N embeddings of D entries, written with P words each: D / `WIDTH`, rounded up."""

    words: Floats  # (P, WORDS, WIDTH)
    codes: npt.NDArray[np.uint8]  # (N, P / 2 rounded up): the numbers of two words in each byte
    found: float = 0.0  # the share of an embedding's 10 most similar ones that are found, as measured


class SketchIndex:
    """Embeddings with their sketches, to be asked for the most similar ones."""

    def __init__(self, embeddings: Floats, sketches: Sketches) -> None:
        """Put FAISS' index together from its parts, without a copy of the embeddings.

        Args:
            embeddings: float32 (N, D), length one; they may be mapped from disk.
            sketches: Of these.
        """
        self.embeddings, self.sketches = embeddings, sketches
        places = len(sketches.words)
        library: Any = faiss  # whose stubs do not know all of these calls
        self._index = library.IndexShards(places * WIDTH, True, True)  # a part a thread, in the order of rows
        for codes in np.array_split(sketches.codes, THREADS):
            part = library.IndexPQ(places * WIDTH, places, BITS, faiss.METRIC_INNER_PRODUCT)
            faiss.copy_array_to_vector(np.ravel(sketches.words), part.pq.centroids)
            faiss.copy_array_to_vector(np.ravel(codes), part.codes)
            part.ntotal, part.is_trained = len(codes), True
            self._index.add_shard(library.IndexPQFastScan(part))

    def nearest(self, queries: Floats, count: int) -> tuple[Floats, Rows]:
        """Find most of each query's most similar embeddings.

        Args:
            queries: float32 (Q, D), length one.
            count: How many are wanted, 1 at least; K is the smaller of it and N.

        Returns:
            As the exact search does: cosine similarities float32 (Q, K), descending, and rows of the embeddings, int
            (Q, K); ties by row. Where fewer are found, -inf and -1.
        """
        wanted = min(max(SHORTLIST, SHORTLISTED * count), len(self.embeddings))
        _, rows = self._index.search(_padded(queries), wanted)
        asked, places = np.nonzero(rows >= 0)
        similarity = np.full(rows.shape, -np.inf, np.float32)
        similarity[asked, places] = similarities(self.embeddings, rows[asked, places], queries, asked)
        best = np.lexsort((rows, -similarity))[:, :count]
        return np.take_along_axis(similarity, best, axis=1), np.take_along_axis(rows, best, axis=1)


def learn_sketches(embeddings: Floats) -> SketchIndex:
    """Find the words, by k-means on a sample, write down all embeddings with them, and measure what is found.

    Args:
        embeddings: float32 (N, D), length one, N >= `WORDS`; they may be mapped from disk.
    """
    rng = np.random.default_rng(0)
    places = -(-embeddings.shape[1] // WIDTH)
    quantiser: Any = faiss.ProductQuantizer(places * WIDTH, places, BITS)
    quantiser.cp.min_points_per_centroid = 1  # or FAISS warns of small samples
    with threadpool_limits(1, user_api="openmp"):  # measured: its threads wait for each other, up to 10 times slower
        quantiser.train(_padded(embeddings[_sample(rng, len(embeddings), TRAINED_ON)]))
    words = faiss.vector_to_array(quantiser.centroids).reshape(places, WORDS, WIDTH)
    blocks = range(0, len(embeddings), BLOCK)
    codes = [
        quantiser.compute_codes(_padded(embeddings[start : start + BLOCK]))
        for start in track(blocks, "Sketching known photos", len(blocks))
    ]
    index = SketchIndex(embeddings, Sketches(words, np.concatenate(codes)))
    queries = embeddings[_sample(rng, len(embeddings), TRIED)]  # each is its own best neighbour
    last = nearest(embeddings, queries, NEIGHBOURS + 1)[0][:, -1:]
    found = float(np.mean(index.nearest(queries, NEIGHBOURS + 1)[0][:, 1:] >= last))
    return SketchIndex(embeddings, replace(index.sketches, found=found))


def write_sketches(sketches: Sketches, folder: Path) -> None:
    """Write `sketch_words.npy` and `sketch_codes.npy`; what is found is for the manifest."""
    np.save(folder / "sketch_words.npy", sketches.words, allow_pickle=False)
    np.save(folder / "sketch_codes.npy", sketches.codes, allow_pickle=False)


def open_sketches(folder: Path, embeddings: Floats, found: float) -> SketchIndex:
    """The index again.

    Args:
        folder: Where the files are.
        embeddings: float32 (N, D), what was sketched.
        found: The share that is found.

    Raises:
        UserError: The files are missing, or do not fit the embeddings.
    """
    try:
        words, codes = (open_array(folder / f"sketch_{name}.npy") for name in ("words", "codes"))
    except (OSError, ValueError, EOFError) as error:
        raise UserError(f"the sketches in {folder} cannot be read: {' '.join(str(error).split())[:200]}") from error
    places = -(-embeddings.shape[1] // WIDTH)
    fits = (
        [words.dtype, codes.dtype] == [np.float32, np.uint8]
        and words.shape == (places, WORDS, WIDTH)
        and codes.shape == (len(embeddings), -(-places // 2))
        and (np.abs(words) < 2).all()  # entries of unit vectors, and no NaN
    )
    if not fits:
        raise UserError(f"the sketches in {folder} do not fit the embeddings")
    return SketchIndex(embeddings, Sketches(np.asarray(words), np.asarray(codes), found))


def _sample(rng: np.random.Generator, total: int, count: int) -> Rows:
    """Some rows, ascending: sooner read from disk."""
    return np.sort(rng.permutation(total)[:count])


def _padded(vectors: Floats) -> Floats:
    """Vectors (N, D) with zeros at their ends, so that words fit in: (N, P * WIDTH)."""
    return np.pad(vectors, ((0, 0), (0, -vectors.shape[1] % WIDTH)))
