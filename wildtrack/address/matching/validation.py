"""What validation photos teach about matching: a catalogue and how its methods see it in, a `Matching` out."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.features.similarities import Described, Known, sides_of
from wildtrack.address.matching.calibration import side_relation
from wildtrack.address.matching.learning import Asked, Matching, learn_matching

MOST_ASKED = 1000  # validation photos: more of them say little more, and each is matched twice


def learn_from_validation(table: pd.DataFrame, photos: Described, validation: Protocol) -> Matching:
    """What the validation photos teach about matching; see `learn_matching`.

    Args:
        table: The catalogue, N rows.
        photos: N of them.
        validation: From `validation_protocol`. Its strangers are the new animals; where it has none, every query is
            asked a second time, with its own animal taken out of the gallery.
    """
    identities, sides = table["identity"].to_numpy(dtype=object), sides_of(table)
    gallery, queries, strangers = validation.gallery, some_of(validation.queries), some_of(validation.strangers)
    known = Known(photos[gallery])
    own = np.equal(identities[queries][:, None], identities[gallery][None]).astype(np.bool_)
    unseen = len(strangers) > 0
    asked_again = strangers if unseen else queries
    return learn_matching(
        Asked(
            known.similarities(photos[queries]),
            identities[queries],
            side_relation(sides[queries], sides[gallery]),
            known.similarities(photos[asked_again], None if unseen else own),
            identities[asked_again],
            side_relation(sides[asked_again], sides[gallery]),
            identities[gallery],
            unseen,
        )
    )


def some_of(rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """At most `MOST_ASKED` of the rows, drawn by a fixed seed."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:MOST_ASKED])
