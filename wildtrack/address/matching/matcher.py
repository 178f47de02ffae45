"""The base class of matchers, and their registry: queries and a gallery in, a score for each pair out.

A matcher is a class in a module of this package. Its name registers it: search, evaluation and comparison accept it
from then on, and training learns from the validation photos what its scores mean.
"""

import pkgutil
from abc import ABC, abstractmethod
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from wildtrack.errors import UserError

if TYPE_CHECKING:
    from wildtrack.address.features.features import Features
    from wildtrack.address.gallery.gallery import Gallery

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

FUSIONS = {"fused": ("embedding", "local")}  # name -> the registered matchers whose log-odds are added

_REGISTRY: dict[str, "type[Matcher]"] = {}


class Matcher(ABC):
    """Scores queries against a gallery: the higher, the more likely a pair shows one animal.

    A subclass with a `name` is registered under it. It is created without arguments.
    """

    name: ClassVar[str] = ""
    uses_embeddings: ClassVar[bool] = True
    uses_keypoints: ClassVar[bool] = False
    runs_on: ClassVar[str] = ""  # the library that does the work, where it is not NumPy
    note: ClassVar[str] = ""  # how it works, for the table of a comparison

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the class; a ValueError if its name is taken by something else."""
        super().__init_subclass__(**kwargs)
        if cls.name == "auto" or cls.name in FUSIONS:
            raise ValueError(f"a matcher cannot be named {cls.name!r}; choose another name")
        if vars(cls).get("name"):  # its own name, not an inherited one
            _REGISTRY[cls.name] = cls

    @abstractmethod
    def scores(
        self, queries: "Features", gallery: "Gallery", excluded: Bools | None = None, rows: Rows | None = None
    ) -> Floats:
        """Score all pairs.

        Args:
            queries: Q photos.
            gallery: G photos.
            excluded: Bool (Q, G): gallery photos to ignore for a query; they score -inf.
            rows: int (R,): the gallery photos to score; None: all.

        Returns:
            float (Q, R or G).
        """

    def bound(self, cosine: float) -> float | None:  # noqa: ARG002
        """The highest score of a pair whose embeddings have at most this cosine.

        None where scores do not follow from cosines: then every gallery photo is scored.
        """
        return None


def matchers() -> dict[str, "type[Matcher]"]:
    """The registered matchers by name: those of this package, and any that a notebook defines."""
    _import_all()
    return dict(sorted(_REGISTRY.items()))


@cache
def _import_all() -> None:
    package = __name__.rpartition(".")[0]
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)


def new_matcher(name: str) -> Matcher:
    """Create a registered matcher; a UserError where there is none of that name."""
    if name not in matchers():
        raise UserError(f"there is no matcher {name!r}; allowed are {', '.join(matchers())}")
    return matchers()[name]()
