"""Thousands of damaged photos, through the reader and through the server: each is read, or refused in one line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PHOTOS = 2000 if os.environ.get("WILDTRACK_SOAK") else 200
PATIENCE = 20.0  # seconds, then the photo hangs
MEMORY = 500.0  # MB that all photos together may add to the peak; a photo of 48 x 64 pixels may claim 65535 x 64


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell the peak memory")
@pytest.mark.parametrize("way", ["reader", "search"])
def test_a_damaged_photo_is_read_or_refused_in_one_line(
    way: str, record_property: Callable[[str, object], None]
) -> None:
    program = [sys.executable, "-W", "ignore", "-m", "tests.helpers.probe", way, str(PHOTOS), str(PATIENCE)]
    done = subprocess.run(program, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    figures: dict[str, Any] = json.loads(done.stdout)
    record_property("figure", f"{PHOTOS} damaged photos through the {way}: {figures}")
    assert figures["wrong"] == [] and figures["read"] + figures["refused"] == PHOTOS
    assert min(figures["read"], figures["refused"]) > PHOTOS / 10  # both kinds of damage are there
    assert figures["memory_peak_mb"] - figures["memory_before_mb"] < MEMORY
