"""The index of all known photos with the engine that fits it: opened, or built where there is none yet."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from wildtrack.access.cache import default_cache
from wildtrack.access.catalogue import load_catalogue
from wildtrack.access.labelled import labelled_photos, photo_contents
from wildtrack.address.artifacts import Artifacts, onnx_is_current
from wildtrack.address.embed import OnnxEngine, run_all
from wildtrack.address.index import META_COLUMNS, REBUILD, Index, open_index, save_index
from wildtrack.address.keypoints import cached_keypoints
from wildtrack.address.local import LocalIndex
from wildtrack.console import load_tensorflow
from wildtrack.errors import UserError

log = logging.getLogger(__name__)


def open_known_photos(
    artifacts: Artifacts, data: Path | None, scaling: str, with_keypoints: bool = False
) -> tuple[Index, OnnxEngine] | None:
    """Open the index and its engine; None when one of them has yet to be made.

    Args:
        artifacts: The trained model.
        data: The catalogue that the index must have been built from; None: any.
        scaling: "auto", or one of SCALINGS for a model from elsewhere.
        with_keypoints: Whether the ranker goes by them.

    Raises:
        UserError: The index is damaged, of another model or of other photos.
    """
    artifacts.check_scaling(scaling)
    if not onnx_is_current(artifacts, scaling):
        return None
    engine = OnnxEngine(artifacts.folder / "model.onnx")
    index = open_index(artifacts.folder, engine.metadata["fingerprint"], engine.embed_dim, with_keypoints)
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
    cache_gb: float,
    problems: Path,
    with_keypoints: bool = False,
) -> tuple[Index, OnnxEngine]:
    """Embed every labelled photo and save the index; `model.onnx` is made first where it is missing or outdated.

    Args:
        artifacts: The trained model; the index goes into its folder.
        data: The catalogue: a folder or a CSV.
        scaling: "auto", or one of SCALINGS for a model from elsewhere.
        custom_objects: Layer classes of the user's own, by name.
        cache_gb: What the pixel cache may take on disk.
        problems: CSV for the photos that cannot be used.
        with_keypoints: Whether the ranker goes by them.
    """
    artifacts.check_scaling(scaling)
    catalogue = load_catalogue(data)
    log.info("Building the index. %s", catalogue.understood)
    photos = labelled_photos(catalogue, artifacts.preprocessor.image_size, cache_gb, problems)
    if not onnx_is_current(artifacts, scaling):
        load_tensorflow()
        from wildtrack.address.saved_model import export_saved_model, open_saved_model

        saved = open_saved_model(artifacts, photos.table, photos.pixels, scaling, custom_objects)
        export_saved_model(artifacts, saved)
    engine = OnnxEngine(artifacts.folder / "model.onnx")
    embeddings = run_all(engine, photos.pixels, "Embedding known photos")["embedding"]
    meta = index_meta(photos.table, catalogue.root)
    local = None
    if with_keypoints:
        local = LocalIndex(
            cached_keypoints(photos.table, catalogue.root, list(meta["sha256"]), default_cache(), cache_gb)
        )
    fingerprint = engine.metadata["fingerprint"]
    index = save_index(artifacts.folder, embeddings, meta, catalogue.root, data, fingerprint, local)
    return index, engine


def index_meta(table: pd.DataFrame, root: Path) -> pd.DataFrame:
    """The index's own columns of a catalogue.

    Args:
        table: The catalogue, N rows.
        root: What its paths are relative to.

    Returns:
        META_COLUMNS, N rows: text, "" where unknown; `bbox` (x, y, width, height) or None; `sha256` of the file.
    """
    meta = table.reindex(columns=list(META_COLUMNS)).astype(object).fillna("")
    meta["bbox"] = pd.Series([box or None for box in meta["bbox"]], index=meta.index, dtype=object)
    meta["sha256"] = photo_contents(table, root)
    return meta
