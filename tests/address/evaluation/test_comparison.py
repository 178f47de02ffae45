import numpy as np
import pandas as pd
import pytest

from wildtrack.address.evaluation.comparison import comparison_table, markdown
from wildtrack.address.evaluation.method import Embedder, Method, Scored
from wildtrack.address.evaluation.methods import RawPixels
from wildtrack.address.evaluation.protocol import Protocol
from wildtrack.address.evaluation.report import all_figures, score_rankings

IDENTITIES = np.array(["a", "b", "a", "b", "c"], dtype=object)
PROTOCOL = Protocol(np.array([0, 1]), np.array([2, 3, 4]), "by hand", 0)
RIGHT = np.array([[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], np.float32)
LEAKY = np.array([[False, False, False], [False, True, False]])
ODD = "their|model [bold].onnx\n$x_{"


def compared(leaky: np.ndarray, reference: str = "wildtrack", **scores: np.ndarray) -> pd.DataFrame:
    """The table of methods with these scores, (2, 3) each."""
    rankings = {name: score_rankings(values, values, PROTOCOL, IDENTITIES, leaky) for name, values in scores.items()}
    methods, scored = [], []
    for number, (name, values) in enumerate(scores.items()):
        embedder = Embedder(RawPixels(), f"{number:064}", "", (8, 8), "NumPy", 1.25)
        methods.append(Method(name, embedder=embedder, minutes=None if number else 2.0, note="a | note"))
        scored.append(Scored(values, values, embed_dim=7, photos_per_second=33.33 if number else None))
    figures = all_figures(rankings, IDENTITIES[PROTOCOL.queries], seed=0, reference=reference)
    return comparison_table(methods, scored, figures)


def test_figures_and_what_ours_has_more() -> None:
    ours, other = compared(LEAKY, wildtrack=RIGHT, other=-RIGHT).to_dict("records")
    assert (ours["R@1"], ours["mAP_high"], other["R@1"]) == (1, 1, 0)
    assert (other["ahead_R@1"], other["ahead_R@1_low"], other["ahead_R@1_leak_free"]) == (1, 1, 1)
    assert all(np.isnan(value) for name, value in ours.items() if str(name).startswith("ahead"))
    assert (ours["embed_dim"], ours["training_minutes"], ours["megabytes"]) == (7, 2.0, 1.25)
    assert np.isnan(ours["photos_per_second"]) and np.isnan(other["training_minutes"])
    assert (ours["R@1_leak_free"], other["fingerprint"]) == (1, f"{1:064}")


def test_another_reference_is_ahead_of_ours() -> None:
    table = compared(LEAKY, "other", wildtrack=-RIGHT, other=RIGHT)
    ours, other = table.to_dict("records")
    assert ours["ahead_R@1"] == 1 and ours["ahead_mAP_low"] > 0 and np.isnan(other["ahead_R@1"])
    page = markdown(table, "t", "s", "other")
    assert "other ahead, R@1" in page and "other minus the method" in page


CASES = [
    compared(LEAKY, "wildtrack", wildtrack=RIGHT, pixels=-RIGHT, **{ODD: RIGHT}),
    compared(LEAKY, pixels=RIGHT),
    compared(np.ones_like(LEAKY), wildtrack=RIGHT, pixels=RIGHT),  # no leak-free query is left
]


@pytest.mark.parametrize("table", CASES)
def test_markdown_is_one_table(table: pd.DataFrame) -> None:
    page = markdown(table, "Compared", "By hand.")
    columns = [line.replace(r"\|", "").count("|") for line in page.splitlines() if line.startswith("|")]
    assert columns == [19] * (2 + len(table)) and "nan" not in page and "None" not in page
    assert page.startswith("# Compared\n\nBy hand.\n\n| method | R@1 |")


def test_markdown_cells() -> None:
    page = markdown(CASES[0], "t", "s")
    assert "| wildtrack | 1.00 [1.00, 1.00] |" in page and "| +1.00 [+1.00, +1.00] |" in page
    assert r"| their\|model [bold].onnx $x_{ |" in page
    assert r"| 2.0 |  | 1.2 |  | 7 | NumPy | a \| note |" in page
