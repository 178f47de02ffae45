"""The relation of two photos' viewpoints: the left and the right side of an animal carry two patterns."""

import numpy as np
import numpy.typing as npt

RELATIONS = ("any", "same", "other")  # of two viewpoints; any: at least one of them is not known
ANY, SAME, OTHER = range(3)

Codes = npt.NDArray[np.int8]


def viewpoint_relation(queries: npt.ArrayLike, gallery: npt.ArrayLike) -> Codes:
    """Places in `RELATIONS`, int8 (Q, G), for the viewpoints of queries (Q,) and gallery (G,), "" where not known."""
    query, other = np.asarray(queries, str)[:, None], np.asarray(gallery, str)[None]
    known = (query != "") & (other != "")
    return np.where(known, np.where(query == other, SAME, OTHER), ANY).astype(np.int8)
