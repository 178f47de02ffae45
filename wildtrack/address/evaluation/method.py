"""A method of a comparison, and how all of them are scored: the same photos, queries and gallery for each."""

import hashlib
import time
import timeit
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from wildtrack.access.photos.pixel_cache import photo_reader
from wildtrack.access.problems import gone_bad
from wildtrack.address.evaluation.data import EvaluationData
from wildtrack.address.evaluation.scoring import leak_free_scores
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.features.features import Features, viewpoints_of
from wildtrack.address.features.keypoints import SETTINGS, cached_keypoints
from wildtrack.address.gallery.gallery import Gallery
from wildtrack.address.matching.fused import EMBEDDING, needs_keypoints, parts_of
from wildtrack.address.matching.matcher import Floats, matchers, new_matcher
from wildtrack.address.matching.matching import Matching
from wildtrack.address.matching.viewpoints import viewpoint_relation
from wildtrack.address.models.engines import BATCH, Engine
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig

RUNS = 5  # of one batch; their median is the speed


@dataclass(frozen=True)
class Embedder:
    """A model that embeds photos."""

    engine: Engine
    fingerprint: str  # of the model and its preprocessing
    cache_name: str  # what its outputs are kept under
    image_size: tuple[int, int]  # height and width in pixels of the photos that it takes
    runs_on: str  # the library that does the work
    megabytes: float  # of its weights, or of its file, in units of 10^6 bytes


@dataclass(frozen=True)
class Method:
    """A matcher, and the model whose embeddings it compares."""

    name: str
    matcher: str = EMBEDDING
    embedder: Embedder | None = None  # None: the matcher compares no embeddings
    matching: Matching | None = None  # what scores mean, for a fused matcher
    minutes: float | None = None  # of training on these photos; None where not recorded
    note: str = ""

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides its scores, hexadecimal."""
        embedder = "" if self.embedder is None else self.embedder.fingerprint
        if self.matcher == EMBEDDING:
            return embedder
        keypoints = SETTINGS if needs_keypoints(self.matcher) else ""
        return hashlib.sha256(f"{self.matcher} {keypoints} {embedder}".encode()).hexdigest()

    @property
    def runs_on(self) -> str:
        """The libraries that do the work."""
        parts = [matchers()[part].runs_on for part in parts_of(self.matcher)]
        libraries = [] if self.embedder is None else [self.embedder.runs_on]
        return ", ".join(dict.fromkeys([*libraries, *filter(None, parts)]))

    @property
    def megabytes(self) -> float:
        """Of the model, in units of 10^6 bytes."""
        return 0.0 if self.embedder is None else self.embedder.megabytes


@dataclass(frozen=True)
class Scored:
    """A method's scores of the queries against the gallery."""

    scores: Floats  # (Q, G)
    leak_free: Floats  # (Q, G), as if the leaky photos were unknown
    embed_dim: int | None = None  # length of an embedding; None where there is none
    photos_per_second: float | None = None  # embedded, decoding not counted; None where not measured
    seconds_per_query: float | None = None  # of scoring the gallery; None for embeddings, where it is next to nothing


class Comparison:
    """Scores methods on the same photos; what two of them share is computed once."""

    def __init__(self, data: EvaluationData, cache: CacheConfig, timed: bool = False) -> None:
        """Prepare to score methods on these photos; `timed` also measures how fast models embed them."""
        self.data, self.cache, self.timed = data, cache, timed
        self.viewpoints = viewpoints_of(data.table)
        self._parts: dict[tuple[str, str], Scored] = {}
        self._embedded: dict[str, tuple[npt.NDArray[np.float32], float | None]] = {}

    def score(self, method: Method) -> Scored:
        """Score all queries against the gallery."""
        parts = {part: self._part(part, method) for part in parts_of(method.matcher)}
        if method.matching is None:
            return parts[method.matcher]
        matcher, protocol = method.matching.matcher(method.matcher), self.data.protocol
        relation = viewpoint_relation(self.viewpoints[protocol.queries], self.viewpoints[protocol.gallery])
        seconds = [part.seconds_per_query for part in parts.values() if part.seconds_per_query is not None]
        return Scored(
            matcher.combined({name: part.scores for name, part in parts.items()}, relation),
            matcher.combined({name: part.leak_free for name, part in parts.items()}, relation),
            seconds_per_query=sum(seconds) if seconds else None,
        )

    def _part(self, name: str, method: Method) -> Scored:
        """The scores of one registered matcher."""
        data, table, matcher = self.data, self.data.table, new_matcher(name)
        embedder = method.embedder if matcher.uses_embeddings else None
        key = name, "" if embedder is None else embedder.fingerprint
        if key in self._parts:
            return self._parts[key]
        embeddings, speed = np.zeros((len(table), 0), np.float32), None
        if embedder is not None:
            embeddings, speed = self._embeddings(method.name, embedder)
        keypoints = None
        if matcher.uses_keypoints:
            keypoints = cached_keypoints(table, data.root, data.photos.digests, self.cache)
        features = Features(embeddings, self.viewpoints, keypoints)
        gallery = Gallery.of(table.iloc[data.protocol.gallery], features[data.protocol.gallery])
        queries, started = features[data.protocol.queries], time.perf_counter()
        scores = matcher.scores(queries, gallery)
        seconds = (time.perf_counter() - started) / len(queries)
        leak_free = leak_free_scores(matcher, queries, gallery, scores, data.leaky)
        length, seconds_per_query = embeddings.shape[1] or None, None if name == EMBEDDING else seconds
        self._parts[key] = Scored(scores, leak_free, length, speed, seconds_per_query)
        return self._parts[key]

    def _embeddings(self, name: str, embedder: Embedder) -> tuple[npt.NDArray[np.float32], float | None]:
        """The embeddings of all photos, float32 (N, D), and how many are made in a second, if that is measured."""
        table, digests = self.data.table, self.data.photos.digests
        if embedder.fingerprint not in self._embedded:
            read = photo_reader(table, self.data.root, digests, embedder.image_size, self.cache)
            found = cached_outputs(embedder.engine, embedder.cache_name, table, digests, read, self.cache)
            if len(found.problems):
                raise gone_bad(*found.problems[["path", "reason"]].iloc[0])
            embeddings = found.outputs["embedding"]
            if not np.isfinite(embeddings).all():
                raise UserError(f"{name} gives embeddings that are no numbers; is --scaling what it was trained with?")
            speed = None
            if self.timed:
                batch = np.stack([read(row) for row in range(min(BATCH, len(table)))])
                embedder.engine.run(batch)  # many engines finish their network with the first one
                seconds = timeit.repeat(partial(embedder.engine.run, batch), number=1, repeat=RUNS)
                speed = len(batch) / float(np.median(seconds))
            self._embedded[embedder.fingerprint] = embeddings, speed
        return self._embedded[embedder.fingerprint]
