from typing import Any

import numpy as np

from wildtrack.address.models.fingerprint import code_digest, model_fingerprint

WEIGHTS = [np.arange(6, dtype=np.float32).reshape(2, 3), np.ones(3, np.float32)]
PLAIN: tuple[Any, ...] = ("{}", WEIGHTS, (64, 64), "0-255")


def test_a_fingerprint_covers_the_model_and_its_preprocessing() -> None:
    weights = [
        WEIGHTS, WEIGHTS[::-1], WEIGHTS[:1], [], [WEIGHTS[0].reshape(3, 2), WEIGHTS[1]],
        [WEIGHTS[0], WEIGHTS[1] + np.float32(1e-6)],
    ]  # fmt: skip
    models: list[tuple[Any, ...]] = [("{}", each, *PLAIN[2:]) for each in weights]
    models += [('{"a": 1}', *PLAIN[1:]), (*PLAIN[:2], (64, 65), "0-255"), (*PLAIN[:3], "0-1")]
    assert len({model_fingerprint(*each) for each in models}) == len(models)
    copies = [np.asfortranarray(array) for array in WEIGHTS]
    assert model_fingerprint("{}", copies, (64, 64), "0-255") == model_fingerprint(*PLAIN)


class Base:
    """Doubles."""

    def call(self, value: int) -> int:
        return 2 * value


class Layer(Base):
    """As its base does."""


def test_code_is_named_by_its_source() -> None:
    assert code_digest({"Layer": Layer}) == code_digest({"Layer": Layer})
    others: list[dict[str, Any]] = [{"Layer": Base}, {"Other": Layer}, {"Layer": test_code_is_named_by_its_source}, {}]
    assert len({code_digest(each) for each in ({"Layer": Layer}, *others)}) == 5


def test_code_without_a_source_is_never_current() -> None:
    made: dict[str, Any] = {}
    exec("class Layer: ...", made)
    assert code_digest({"Layer": made["Layer"]}) != code_digest({"Layer": made["Layer"]})
    assert code_digest({"len": len}) != code_digest({"len": len})
