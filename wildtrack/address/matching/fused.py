"""Calibrated matchers: the log-odds of one matcher, or the sum of several."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from wildtrack.address.matching.calibration import Calibration
from wildtrack.address.matching.matcher import FUSIONS, Bools, Floats, Matcher, Rows, matchers, new_matcher
from wildtrack.address.matching.viewpoints import ANY, RELATIONS, Codes, viewpoint_relation

if TYPE_CHECKING:
    from wildtrack.address.features.features import Features
    from wildtrack.address.gallery.gallery import Gallery

EMBEDDING = "embedding"  # whose scores are cosines


class FusedMatcher(Matcher):
    """Scores are log-odds of one animal minus the prior's, added over the parts."""

    def __init__(self, calibrations: Mapping[str, Calibration], by_viewpoint: bool) -> None:
        """The calibrations are of one or more registered matchers, by name."""
        self.calibrations, self.by_viewpoint = calibrations, by_viewpoint

    def scores(
        self, queries: "Features", gallery: "Gallery", excluded: Bools | None = None, rows: Rows | None = None
    ) -> Floats:
        """Score with every part, and add the log-odds; see `Matcher.scores`."""
        found = {name: new_matcher(name).scores(queries, gallery, excluded, rows) for name in self.calibrations}
        viewpoints = gallery.viewpoints if rows is None else gallery.viewpoints[rows]
        return self.combined(found, viewpoint_relation(queries.viewpoints, viewpoints))

    def combined(self, scores: Mapping[str, Floats], relation: Codes) -> npt.NDArray[np.float64]:
        """Add the log-odds of every part's scores, (Q, G) each; -inf stays -inf. The relation is (Q, G)."""
        regarded = relation if self.by_viewpoint else np.full(relation.shape, ANY)
        total = np.zeros(relation.shape)
        for name, calibration in self.calibrations.items():
            possible = np.isfinite(scores[name])
            total[possible] += calibration.log_odds(scores[name][possible], regarded[possible])
            total[~possible] = -np.inf
        return total

    def bound(self, cosine: float) -> float | None:
        """The highest log-odds over all viewpoints, where the embedding is the only part."""
        if list(self.calibrations) != [EMBEDDING]:
            return None
        relation = np.arange(len(RELATIONS) if self.by_viewpoint else 1, dtype=np.int8)
        return float(self.calibrations[EMBEDDING].log_odds(np.full(relation.shape, cosine, np.float32), relation).max())


def matcher_names() -> list[str]:
    """The names that `--matcher` accepts: the registered matchers, and the fusions."""
    return [*matchers(), *FUSIONS]


def parts_of(name: str) -> tuple[str, ...]:
    """The registered matchers that a matcher consists of."""
    return FUSIONS.get(name, (name,))


def needs_keypoints(name: str) -> bool:
    """Whether a matcher, or a part of it, compares keypoints."""
    return any(matchers()[part].uses_keypoints for part in parts_of(name))
