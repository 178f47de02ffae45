"""Thousands of damaged photos, through the reader and through the server: each is read, or refused in one line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.helpers.malformed import is_one_clear_line
from tests.helpers.mutations import VALID, WAYS, mutated

ROOT = Path(__file__).parents[2]
PHOTOS = 2000 if os.environ.get("WILDTRACK_SOAK") else 200
PATIENCE = 20.0  # seconds, then the photo hangs
MEMORY = 500.0  # MB that all photos together may add to the peak; a photo of 48 x 64 pixels may claim 65535 x 64


def probe(way: str, count: int, patience: float) -> "subprocess.CompletedProcess[str]":
    program = [sys.executable, "-W", "ignore", str(ROOT / "tests/helpers/probe.py"), way, str(count), str(patience)]
    return subprocess.run(
        program, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell the peak memory")
@pytest.mark.parametrize("way", ["reader", "search"])
def test_a_damaged_photo_is_read_or_refused_in_one_line(
    way: str, record_property: Callable[[str, object], None]
) -> None:
    done = probe(way, PHOTOS, PATIENCE)
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    record_property("figure", f"{PHOTOS} damaged photos through the {way}: {figures}")
    assert figures["wrong"] == []
    assert figures["read"] + figures["refused"] == PHOTOS
    assert min(figures["read"], figures["refused"]) > PHOTOS / 10  # both kinds of damage are there
    assert figures["memory_peak_mb"] - figures["memory_before_mb"] < MEMORY


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="as above")
def test_a_photo_that_hangs_is_noticed() -> None:
    done = probe("reader", 1000, 1e-6)
    assert done.returncode != 0
    assert "Timeout" in done.stderr


@pytest.mark.parametrize("reason", ["", "two\nlines", "nul \0", "long " * 50])
def test_a_reason_that_is_no_clear_line_is_noticed(reason: str) -> None:
    assert not is_one_clear_line(reason)


def test_the_damage_is_always_the_same_and_of_every_kind() -> None:
    done = [mutated(number) for number in range(len(WAYS) * len(VALID))]
    assert done == [mutated(number) for number in range(len(done))]
    assert len({what for what, _ in done}) == len(done)
    changed = [content not in VALID.values() for _, content in done]
    assert np.mean(changed) > 0.9  # a number that is set may be what it was
