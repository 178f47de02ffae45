"""The public functions for notebooks and other programs; `import wildtrack` has them all.

In: paths, tables, and settings by their names in the commands' `Config`. Out: objects to look at. A mistake in an
argument is a `wildtrack.errors.UserError` of one line.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

import pandas as pd

from wildtrack.access import sources
from wildtrack.access.catalogue import Catalogue
from wildtrack.access.photos.find import find_photos
from wildtrack.access.photos.pixel_cache import decode_catalogue
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.artifacts import Artifacts, open_artifacts
from wildtrack.address.gallery.answers import Answer
from wildtrack.address.gallery.build import GalleryConfig, open_searcher
from wildtrack.address.gallery.searcher import SearchConfig, Searcher, answer_photo
from wildtrack.assess.checks import PIXELS, Checks, check_catalogue
from wildtrack.assess.duplicates.hashes import perceptual_hashes
from wildtrack.assess.quality.flags import Thresholds
from wildtrack.assess.splits import SplitConfig
from wildtrack.config import part
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig

Data = Catalogue | Path | str
ConfigT = TypeVar("ConfigT")


def assess_catalogue(
    data: Data, thresholds: Thresholds | None = None, split: SplitConfig | None = None, cache: CacheConfig | None = None
) -> Checks:
    """Check a catalogue: its statistics, photo quality, duplicates, encounters and splits; not its labels.

    Args:
        data: A catalogue, or the path that `load_catalogue` takes. Each photo is read.
        thresholds: The limits beyond which a photo is flagged as blurry, dark and so on.
        split: How to split the named animals.
        cache: Where decoded photos are kept, and how many.

    Returns:
        The tables and summaries. Only the cache is written.

    Raises:
        UserError: There is no catalogue, or none of its photos can be read.

    Examples:
        >>> checks = wildtrack.assess_catalogue("my_photos")
        >>> checks.statistics["identities"]
        5
        >>> sorted(checks.suggested["split"].unique())
        ['test', 'train', 'valid']
    """
    catalogue = data if isinstance(data, Catalogue) else load_catalogue(Path(data))
    photos = decode_catalogue(catalogue.table, catalogue.root, PIXELS, cache or CacheConfig())
    hashes = perceptual_hashes(photos.small)
    return check_catalogue(catalogue, photos, hashes, thresholds or Thresholds(), split or SplitConfig())


def check_for_duplicates(data: Data) -> pd.DataFrame:
    """Find the photos of a catalogue that show the same picture as another one.

    Args:
        data: A catalogue, or the path that `load_catalogue` takes.

    Returns:
        One row a photo with a duplicate: `group` (photos with one number show the same picture), `image_id`,
        `identity`, `path`, `split` (where there is one), `kind` ("exact file", equal byte by byte, or "near"),
        `distance` (bits of 64 that differ from `duplicate_of`), `duplicate_of` (the photo that stays instead, or the
        most similar one), `removable` (a photo of the same identity stays), and whether another photo of the group has
        the same identity (`within_identity`), another one (`across_identities`: one of the names is wrong), or is in
        another subset (`across_splits`).

    Raises:
        UserError: There is no catalogue, or none of its photos can be read.

    Examples:
        >>> len(wildtrack.check_for_duplicates("my_photos"))
        0
    """
    return assess_catalogue(data).duplicates


def train(data: Path | str, *, callbacks: Sequence[Any] = (), **settings: Any) -> Artifacts:
    """Train a model on photos of known animals, as `wildtrack train` does.

    Args:
        data: A folder with a folder of photos for each animal, or a CSV.
        callbacks: More Keras callbacks for `fit`, such as `keras.callbacks.TensorBoard("logs")`.
        settings: Settings of `wildtrack.commands.train.Config`, such as `epochs` and `artifacts`, the folder to write.

    Returns:
        The trained model and its files in `artifacts`.

    Raises:
        UserError: A setting is not allowed, or there is not enough to train on.

    Examples:
        >>> artifacts = wildtrack.train("my_photos", epochs=2)
        >>> artifacts.preprocessor.embed_dim
        256
    """
    from wildtrack.commands.train import Config
    from wildtrack.commands.train import train as run

    config = _config(Config, {**settings, "data": data})
    run(config, callbacks)
    return open_artifacts(config.artifacts)


def evaluate(artifacts: Artifacts | Path | str = "artifacts", **settings: Any) -> dict[str, Any]:
    """Measure how well a trained model tells the animals apart, as `wildtrack evaluate` does.

    Args:
        artifacts: From `train`, or their folder.
        settings: Settings of `wildtrack.commands.evaluate.Config`, such as `examples` and `results`.

    Returns:
        The metrics, as in `metrics.json`.

    Raises:
        UserError: A setting is not allowed, or there is no model or no photo to test it on.

    Examples:
        >>> metrics = wildtrack.evaluate(artifacts, examples=1)
        >>> 0 <= metrics["R@1"] <= metrics["R@5"] <= 1
        True
    """
    from wildtrack.commands.evaluate import Config
    from wildtrack.commands.evaluate import evaluate as run

    return run(_config(Config, {**settings, "artifacts": _opened(artifacts).folder}))


def open_gallery(
    artifacts: Artifacts | Path | str = "artifacts",
    data: Path | str | None = None,
    matcher: str = "auto",
    **settings: Any,
) -> Searcher:
    """Open the gallery of a trained model for `search`; it is built first where there is none yet.

    Args:
        artifacts: From `train`, or their folder.
        data: The known photos; None: those in the gallery, or for a new one those the model was trained on.
        matcher: The name of a `Matcher`; auto: the best on validation photos.
        settings: Settings of `wildtrack.commands.search.Config`, such as `viewpoint`, `rebuild` and `points`.

    Returns:
        The gallery with the model and the matcher.

    Raises:
        UserError: A setting or matcher is not known, there is no model, or the gallery is of another model or photos.

    Examples:
        >>> gallery = wildtrack.open_gallery(artifacts)
        >>> len(gallery.gallery)
        20
    """
    from wildtrack.commands.search import Config

    config = _config(Config, {**settings, "data": data, "matcher": matcher})
    search_config = replace(part(SearchConfig, config), explains=config.points)
    return open_searcher(_opened(artifacts), search_config, GalleryConfig.of(config))


def search(photos: str | Path | Iterable[str | Path], gallery: Searcher, topk: int = 5) -> list[Answer]:
    """Search for the animals on photos.

    Args:
        photos: One or several files, folders or patterns such as `new/*.jpg`.
        gallery: From `open_gallery`.
        topk: How many identities to name; fewer when fewer are known.

    Returns:
        An answer for each photo; of one that cannot be read the status is "unreadable".

    Raises:
        UserError: There is no such photo.

    Examples:
        >>> answer = wildtrack.search("new_photo.jpg", gallery)[0]
        >>> [candidate.rank for candidate in answer.candidates]
        [1, 2, 3, 4, 5]
    """
    named = [photos] if isinstance(photos, str | Path) else photos
    return [answer_photo(path, gallery, topk) for path in find_photos(tuple(map(str, named)))]


def download_and_extract(name: str, cache: Path | str | None = None) -> Path:
    """Download a public dataset into the cache, unless it is there.

    Args:
        name: One of `wildtrack.access.sources.names()`.
        cache: The cache folder; None: `WILDTRACK_CACHE`, or wildtrack in the system's cache folder.

    Returns:
        The dataset's folder.

    Raises:
        UserError: The name is not known, or there is no network; the message says what to do.

    Examples:
        >>> root = wildtrack.download_and_extract("gzgc")  # doctest: +SKIP
    """
    return sources.load(name).download_and_extract(None if cache is None else Path(cache))


def systematize_dataset_metadata(name: str, root: Path | str) -> pd.DataFrame:
    """Read the labels of a copy of a public dataset into the columns of a catalogue.

    Args:
        name: One of `wildtrack.access.sources.names()`.
        root: From `download_and_extract`.

    Returns:
        One row an animal in a photo; columns as in `wildtrack.access.catalogue.validate`.

    Raises:
        UserError: The name is not known, or the folder holds another dataset.

    Examples:
        >>> table = wildtrack.systematize_dataset_metadata("gzgc", root)  # doctest: +SKIP
    """
    return sources.load(name).systematize_dataset_metadata(root)


def _opened(artifacts: Artifacts | Path | str) -> Artifacts:
    return artifacts if isinstance(artifacts, Artifacts) else open_artifacts(Path(artifacts))


def _config(kind: type[ConfigT], settings: dict[str, Any]) -> ConfigT:
    """A command's config with some settings, text as paths; a UserError for a setting that there is not."""
    hints = get_type_hints(kind)
    for name, value in settings.items():
        if name not in hints:
            raise UserError(f"there is no setting {name!r}; allowed are {', '.join(hints)}")
        if value is not None and hints[name] in (Path, Path | None):
            settings[name] = Path(value)
    return kind(**settings)
