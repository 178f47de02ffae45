"""WildTrack: who is this animal?

`__all__` is the public API for notebooks. Importing the package is cheap: a name is imported when it is first used.

- `access`, `assess`, `address`: photos on disk -> the catalogue -> what is wrong with it -> who is it?
- `visualization`, `web`: pictures and reports; the search as a web page
- `commands`: the scripts and `wildtrack NAME`
- `storage`: files, sealed sets of files, the cache, work in threads
- `api`: functions of the public API
- `console`, `config`, `errors`: the terminal, settings, and the error for the user
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wildtrack.access.exports.fiftyone import create_fiftyone_dataset
    from wildtrack.access.readers.load import load_catalogue
    from wildtrack.address.matching.matcher import Matcher
    from wildtrack.api import (
        assess_catalogue,
        check_for_duplicates,
        download_and_extract,
        evaluate,
        open_gallery,
        search,
        systematize_dataset_metadata,
        train,
    )
    from wildtrack.assess.quality.fiftyone import fiftyone_check_image_quality_issues
    from wildtrack.visualization.catalogue_plots import plot_grid, plot_identity_histogram

__version__ = "0.1.0"

__all__ = [
    "Matcher",
    "assess_catalogue",
    "check_for_duplicates",
    "create_fiftyone_dataset",
    "download_and_extract",
    "evaluate",
    "fiftyone_check_image_quality_issues",
    "load_catalogue",
    "open_gallery",
    "plot_grid",
    "plot_identity_histogram",
    "search",
    "systematize_dataset_metadata",
    "train",
    "versions",
]

_ELSEWHERE = {  # all others are in wildtrack.api
    "Matcher": "wildtrack.address.matching.matcher",
    "create_fiftyone_dataset": "wildtrack.access.exports.fiftyone",
    "fiftyone_check_image_quality_issues": "wildtrack.assess.quality.fiftyone",
    "load_catalogue": "wildtrack.access.readers.load",
    "plot_grid": "wildtrack.visualization.catalogue_plots",
    "plot_identity_histogram": "wildtrack.visualization.catalogue_plots",
}


if not TYPE_CHECKING:  # or type checkers would accept any misspelt name

    def __getattr__(name: str) -> object:
        """Import a name of the public API when it is first used."""
        from importlib import import_module

        if name not in __all__:
            raise AttributeError(f"module 'wildtrack' has no attribute {name!r}")
        return getattr(import_module(_ELSEWHERE.get(name, "wildtrack.api")), name)


def __dir__() -> list[str]:
    """The public names, for completion in notebooks."""
    return sorted({*globals(), *__all__})


def versions() -> dict[str, str]:
    """The versions of WildTrack, Python and the packages that results depend on, for records and bug reports."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    found = {"wildtrack": __version__, "python": platform.python_version()}
    for package in ("tensorflow", "tensorflow-cpu", "keras", "numpy", "pillow", "onnxruntime", "faiss-cpu"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:  # either tensorflow or tensorflow-cpu is installed
            continue
    return found
