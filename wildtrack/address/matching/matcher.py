"""What a matcher is, and which there are: queries and a gallery in, a score for each pair out.

A matcher is a class in a module of this package. Naming it registers it: search, evaluation and comparison have it
then, and training learns from the validation photos what its scores mean.
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
    """Scores queries against a gallery: the higher, the more a pair looks like one animal.

    A subclass with a `name` is registered under it. It is made without arguments.
    """

    name: ClassVar[str] = ""
    uses_embeddings: ClassVar[bool] = True
    uses_keypoints: ClassVar[bool] = False
    runs_on: ClassVar[str] = ""  # the library that does the work, where it is not NumPy
    note: ClassVar[str] = ""  # how it works, for the table of a comparison

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Register the class.

        Raises:
            ValueError: Its name means something else.
        """
        super().__init_subclass__(**kwargs)
        if cls.name == "auto" or cls.name in FUSIONS:
            raise ValueError(f"a matcher cannot be named {cls.name!r}; choose another name")
        if vars(cls).get("name"):  # not that of the class it is derived from
            _REGISTRY[cls.name] = cls

    @abstractmethod
    def scores(
        self, queries: "Features", gallery: "Gallery", excluded: Bools | None = None, rows: Rows | None = None
    ) -> Floats:
        """Score all pairs.

        Args:
            queries: Q photos.
            gallery: G photos.
            excluded: Bool (Q, G): gallery photos that are taken to be unknown to a query; they score -inf.
            rows: int (R,): the only gallery photos that are wanted; None: all.

        Returns:
            float (Q, R or G).
        """

    def bound(self, cosine: float) -> float | None:  # noqa: ARG002
        """The highest score that photos with this cosine of embeddings can have; a lower cosine never gives more.

        None where scores do not follow from cosines: then every gallery photo has to be scored.
        """
        return None


def matchers() -> dict[str, "type[Matcher]"]:
    """The registered matchers by name, those of this package and any that a notebook defines."""
    _import_all()
    return dict(sorted(_REGISTRY.items()))


@cache
def _import_all() -> None:
    package = __name__.rpartition(".")[0]
    for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
        import_module(module.name)


def new_matcher(name: str) -> Matcher:
    """A registered matcher.

    Raises:
        UserError: There is none of that name.
    """
    if name not in matchers():
        raise UserError(f"there is no matcher {name!r}; allowed are {', '.join(matchers())}")
    return matchers()[name]()
