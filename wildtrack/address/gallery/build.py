"""The gallery of a trained model with the engine that fits it: opened, built, or brought up to date with its photos."""

import logging
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from wildtrack.access.names import viewpoint
from wildtrack.access.photos.pixel_cache import decode_catalogue, photo_reader
from wildtrack.access.photos.reader import READER_VERSION
from wildtrack.access.problems import report_problems
from wildtrack.access.reading import ReadConfig
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.features.features import Features, viewpoints_of
from wildtrack.address.features.keypoints import cached_keypoints
from wildtrack.address.gallery.files import REBUILD, read_gallery, save_gallery
from wildtrack.address.gallery.freshness import KnownPhotos, is_current, known_photos, photos_state
from wildtrack.address.gallery.gallery import Gallery, Source, gallery_table
from wildtrack.address.gallery.index import EXACT_UP_TO, FOUND, is_exact
from wildtrack.address.gallery.searcher import SearchConfig, Searcher
from wildtrack.address.matching.fused import needs_keypoints
from wildtrack.address.matching.matching import choose_matcher
from wildtrack.address.models.engines import Engine
from wildtrack.address.models.saved import LoadingConfig, open_engine, open_onnx
from wildtrack.config import part
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.storage.lock import locked

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class GalleryConfig:
    """Which gallery, and how to build it."""

    data: Path | None = None  # the catalogue; None: that of the gallery, or for a new one that of the training
    reading: ReadConfig = field(default_factory=ReadConfig)  # how the catalogue is read
    with_keypoints: bool = False  # whether the matcher compares them
    rebuild: bool = False  # build it from the photos there are now
    problems: Path = Path("results/problems.csv")  # list of photos that cannot be used
    loading: LoadingConfig = field(default_factory=lambda: LoadingConfig(onnx_only=True))
    cache: CacheConfig = field(default_factory=CacheConfig)

    @classmethod
    def of(cls, config: Any) -> "GalleryConfig":
        """The settings of a command's `Config` for the gallery; unusable photos are listed in its `results`."""
        return replace(
            part(cls, config),
            reading=part(ReadConfig, config),
            problems=config.results / "problems.csv",
            loading=replace(part(LoadingConfig, config), onnx_only=True),
            cache=part(CacheConfig, config),
        )


def open_searcher(artifacts: Artifacts, search: SearchConfig, config: GalleryConfig) -> Searcher:
    """Open the gallery of a trained model to be searched, or build it; `with_keypoints` follows from the matcher.

    A UserError where the matcher is not known, the gallery is damaged, of another model or of other photos, no labelled
    photo can be read, or none shows the viewpoint.
    """
    with_keypoints = needs_keypoints(choose_matcher(artifacts.matching, search.matcher))
    gallery, engine = gallery_of(artifacts, replace(config, with_keypoints=with_keypoints))
    words = sorted(set(gallery.viewpoints) - {""})
    fitting = [word for word in words if viewpoint(word) == viewpoint(search.viewpoint)]
    if search.viewpoint and not fitting:  # misspelt, or in other words than the catalogue's
        shown = f"the gallery photos show {', '.join(words)}" if words else "the catalogue has no viewpoints"
        remedy = "use one of these words" if words else "leave --viewpoint out"
        raise UserError(f"--viewpoint {search.viewpoint!r} fits no photo: {shown}; {remedy}")
    if search.exact:
        gallery = replace(gallery, index=None)
    elif gallery.index is not None and not is_exact(gallery.index) and not with_keypoints:
        found = f"at least {100 * FOUND:.0f} % of the most similar photos are found"
        text = "Above %d gallery photos answers are approximate (%s); --exact compares with every one of them."
        log.info(text, EXACT_UP_TO, found)
    search = replace(search, viewpoint=fitting[0] if search.viewpoint else "")
    return Searcher(gallery, engine, artifacts.preprocessor.image_size, artifacts.matching, search)


def gallery_of(artifacts: Artifacts, config: GalleryConfig) -> tuple[Gallery, Engine]:
    """The gallery of a trained model and the engine that made its embeddings; raises as `open_searcher`.

    One whose photos changed is brought up to date: what is new is embedded. Where it cannot be, a warning says so.
    """
    if not config.rebuild and (opened := _opened(artifacts, config)) is not None:
        return _brought_up_to_date(*opened, artifacts, config)
    with _one_build(artifacts):
        now = known_photos(artifacts.catalogue_path(config.data), artifacts.reading(config.reading), config.cache)
        log.info("Building the index. %s", now.catalogue.understood)
        return _built(artifacts, config, now)


def _one_build(artifacts: Artifacts) -> AbstractContextManager[None]:
    return locked(artifacts.folder, "build of the index", ".lock-index")


def _brought_up_to_date(
    gallery: Gallery, engine: Engine, artifacts: Artifacts, config: GalleryConfig
) -> tuple[Gallery, Engine]:
    """A kept gallery, built again where its photos changed, and its engine."""
    source, changed = gallery.source, ""
    if source is None or not source.root.is_dir() or is_current(gallery):
        return gallery, engine
    try:
        now = known_photos(source.data, source.reading, config.cache)
        changed = now.changes_since(gallery)
        with _one_build(artifacts):
            if changed:
                log.info("The photos changed since the index was built: %s. Bringing it up to date.", changed)
            elif source.reader != READER_VERSION:
                log.info("An earlier version built the index, and read some photos otherwise. Bringing it up to date.")
            with_keypoints = config.with_keypoints or source.with_keypoints
            return _built(artifacts, replace(config, with_keypoints=with_keypoints), now)
    except (UserError, OSError) as error:
        text = "The photos changed since the index was built, and it cannot be brought up to date (%s): %s."
        log.warning(text, error, changed or "what is new is not searched")
        return gallery, engine


def _opened(artifacts: Artifacts, config: GalleryConfig) -> tuple[Gallery, Engine] | None:
    """The gallery on disk; None where it, or `model.onnx`, has yet to be made."""
    engine = open_onnx(artifacts, config.loading)
    if engine is None:
        return None
    gallery = read_gallery(artifacts.folder, engine.fingerprint, engine.embed_dim, config.with_keypoints)
    if gallery is None or gallery.source is None:
        return None
    if config.data is not None and config.data.resolve() != gallery.source.data:
        raise UserError(f"the index was built from {gallery.source.data}, not from {config.data}; {REBUILD}")
    if not gallery.source.root.is_dir():
        text = "The gallery photos are no longer at %s, so pictures show blanks; if they moved: --rebuild --data FOLDER"
        log.warning(text, gallery.source.root)
    return gallery, engine


def _built(artifacts: Artifacts, config: GalleryConfig, now: KnownPhotos) -> tuple[Gallery, Engine]:
    """Embed every labelled photo, and keep the gallery."""
    cache, table, root, digests = config.cache, now.table, now.catalogue.root, now.digests
    size = artifacts.preprocessor.image_size
    model = open_engine(artifacts, config.loading, lambda: decode_catalogue(table, root, size, cache))
    read = photo_reader(table, root, digests, size, cache)
    embedded = cached_outputs(model.engine, model.cache_name, table, digests, read, cache)
    report_problems(config.problems, now.catalogue.problems, embedded.problems)
    table, digests = table.iloc[embedded.rows], [digests[row] for row in embedded.rows]
    embeddings = embedded.outputs["embedding"]
    del embedded  # its probabilities are as many for each photo as there are identities
    broken = ~np.isfinite(embeddings).all(axis=1)
    if broken.any():
        first = table["path"].iloc[int(broken.argmax())]
        found = f"{broken.sum()} of {len(table)} photos are not numbers, the first: {first}"
        raise UserError(f"the model's embeddings of {found}; it is damaged, or its training went wrong: train again")
    keypoints = cached_keypoints(table, root, digests, cache) if config.with_keypoints else None
    features = Features(embeddings, viewpoints_of(table), keypoints)
    state = now.state or photos_state(now.data, root, table["path"])
    source = Source(root, now.data, model.fingerprint, reading=now.reading, state=state)
    gallery = replace(Gallery.of(gallery_table(table, digests), features), source=source)
    return save_gallery(gallery, artifacts.folder), model.engine
