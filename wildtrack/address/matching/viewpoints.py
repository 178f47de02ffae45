"""The relation of two photos' viewpoints: the left and the right side of an animal carry two patterns."""

import numpy as np
import numpy.typing as npt

RELATIONS = ("any", "same", "other")  # of two viewpoints; any: at least one of them is not known
ANY, SAME, OTHER = range(3)

Codes = npt.NDArray[np.int8]


def viewpoint_relation(queries: npt.ArrayLike, gallery: npt.ArrayLike) -> Codes:
    """Compare the viewpoints of queries, str (Q,), and gallery photos, str (G,), "" where not known.

    Returns int8 (Q, G), places in `RELATIONS`.

    Examples:
        >>> viewpoint_relation(["left"], ["left", "right", ""]).tolist()
        [[1, 2, 0]]
    """
    query, other = np.asarray(queries, str)[:, None], np.asarray(gallery, str)[None]
    known = (query != "") & (other != "")
    return np.where(known, np.where(query == other, SAME, OTHER), ANY).astype(np.int8)
