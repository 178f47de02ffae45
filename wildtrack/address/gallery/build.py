"""The index of all known photos with the engine that fits it: opened, or built where there is none yet."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from wildtrack.access.labelled import labelled
from wildtrack.access.photos.digests import photo_digests
from wildtrack.access.photos.pixels import decode_catalogue, photo_reader
from wildtrack.access.problems import report_problems
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.artifacts import Artifacts
from wildtrack.address.features.embeddings import cached_outputs
from wildtrack.address.features.keypoints import cached_keypoints
from wildtrack.address.gallery.index import META_COLUMNS, REBUILD, Index, open_index, save_index
from wildtrack.address.matching.local.voting import LocalIndex
from wildtrack.address.models.engines import Engine, OnnxEngine
from wildtrack.address.models.saved import LoadingConfig, onnx_is_current, open_engine
from wildtrack.address.models.scaling import check_scaling
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig

log = logging.getLogger(__name__)


def known_photos(
    artifacts: Artifacts,
    data: Path | None,
    scaling: str,
    custom_objects: Mapping[str, Any],
    cache: CacheConfig,
    problems: Path,
    with_keypoints: bool,
    *,
    rebuild: bool = False,
) -> tuple[Index, Engine]:
    """Open the index and its engine, or build them where there are none yet or `rebuild` asks for it.

    Args:
        artifacts: As both functions below take it, and all others.
        data: The catalogue; None: the one that the index was built from, or for a new one that of the training.
        scaling: See there.
        custom_objects: See there.
        cache: See there.
        problems: See there.
        with_keypoints: See there.
        rebuild: Build it from the photos there are now.
    """
    opened = None if rebuild else open_known_photos(artifacts, data, scaling, with_keypoints)
    return opened or build_known_photos(
        artifacts,
        artifacts.catalogue_path(data),
        scaling,
        custom_objects,
        cache,
        problems,
        with_keypoints,
    )


def open_known_photos(
    artifacts: Artifacts, data: Path | None, scaling: str, with_keypoints: bool = False
) -> tuple[Index, Engine] | None:
    """Open the index and its engine; None when one of them has yet to be made.

    Args:
        artifacts: The trained model.
        data: The catalogue that the index must have been built from; None: any.
        scaling: "auto", or one of SCALINGS for a model from elsewhere.
        with_keypoints: Whether the matcher goes by them.

    Raises:
        UserError: The index is damaged, of another model or of other photos.
    """
    if artifacts.config is not None:
        check_scaling(scaling, artifacts.preprocessor.scaling, artifacts.folder)
    if not onnx_is_current(artifacts, LoadingConfig(scaling)):
        return None
    engine = OnnxEngine(artifacts.folder / "model.onnx")
    index = open_index(artifacts.folder, engine.fingerprint, engine.embed_dim, with_keypoints)
    if index is None:
        return None
    if data is not None and data.resolve() != index.data:
        raise UserError(f"the index was built from {index.data}, not from {data}; {REBUILD}")
    if not index.root.is_dir():
        log.warning(
            "The known photos are no longer at %s: pictures show blanks for them. Where they are now: "
            "--rebuild --data FOLDER",
            index.root,
        )
    return index, engine


def build_known_photos(
    artifacts: Artifacts,
    data: Path,
    scaling: str,
    custom_objects: Mapping[str, Any],
    cache: CacheConfig,
    problems: Path,
    with_keypoints: bool = False,
) -> tuple[Index, Engine]:
    """Embed every labelled photo and save the index; `model.onnx` is made first where it is missing or outdated.

    Args:
        artifacts: The trained model; the index goes into its folder.
        data: The catalogue: a folder or a CSV.
        scaling: "auto", or one of SCALINGS for a model from elsewhere.
        custom_objects: Layer classes of the user's own, by name.
        cache: Where decoded photos, embeddings and keypoints are kept.
        problems: CSV for the photos that cannot be used.
        with_keypoints: Whether the matcher goes by them.

    Raises:
        UserError: No labelled photo can be read, or the model cannot be used.
    """
    catalogue = load_catalogue(data)
    log.info("Building the index. %s", catalogue.understood)
    table, root = labelled(catalogue), catalogue.root
    size = artifacts.preprocessor.image_size
    loading = LoadingConfig(scaling, custom_objects, onnx_only=True)
    model = open_engine(artifacts, loading, lambda: decode_catalogue(table, root, size, cache))
    digests = photo_digests(table, root, cache)
    read = photo_reader(table, root, digests, size, cache)
    embedded = cached_outputs(model.engine, model.cache_name, table, digests, read, cache)
    report_problems(problems, catalogue.problems, embedded.problems)
    table, digests = table.iloc[embedded.rows], [digests[row] for row in embedded.rows]
    embeddings = embedded.outputs["embedding"]
    del embedded  # with the probabilities, as many as there are identities for each photo
    broken = ~np.isfinite(embeddings).all(axis=1)
    if broken.any():
        raise UserError(
            f"the model makes no numbers of {broken.sum()} of {len(table)} photos, the first: "
            f"{table['path'].iloc[int(broken.argmax())]}; it is damaged, or its training went wrong: train again"
        )
    local = LocalIndex(cached_keypoints(table, root, digests, cache)) if with_keypoints else None
    meta = index_meta(table, digests)
    index = save_index(artifacts.folder, embeddings, meta, root, data, model.fingerprint, local)
    return index, model.engine


def index_meta(table: pd.DataFrame, digests: Sequence[str]) -> pd.DataFrame:
    """The index's own columns of a catalogue.

    Args:
        table: The catalogue, N rows.
        digests: From `photo_digests`, N.

    Returns:
        META_COLUMNS, N rows: text, "" where unknown; `bbox` (x, y, width, height) or None; `sha256` of the file.
    """
    meta = table.reindex(columns=list(META_COLUMNS)).astype(object).fillna("")
    meta["bbox"] = pd.Series([box or None for box in meta["bbox"]], index=meta.index, dtype=object)
    return meta.assign(sha256=digests).reset_index(drop=True)
