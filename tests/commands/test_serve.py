"""app.py as a user runs it: a process of its own, asked over HTTP, and killed without warning."""

import io
import os
import random
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from benchmarks import web
from tests.helpers.blobs import error_lines
from tests.helpers.webapp import running

pytestmark = pytest.mark.slow

SOAK = bool(os.environ.get("WILDTRACK_SOAK"))
CONFIRMATIONS, KILLS = (200, 50) if SOAK else (30, 4)


@pytest.fixture(scope="module")
def known(saved_artifacts: Path, photo_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Artifacts with a gallery; do not change them."""
    folder = tmp_path_factory.mktemp("known")
    shutil.copytree(saved_artifacts, folder / "artifacts")
    with running(folder, "--data", photo_folder):  # it builds the gallery
        pass
    return folder / "artifacts"


def drawn(number: int) -> bytes:
    """A photo like no other, which compresses badly: its file takes a moment to write."""
    file = io.BytesIO()
    pixels = np.random.default_rng(number).integers(0, 256, (96, 96, 3), np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def post(http: httpx.Client, number: int) -> httpx.Response:
    fields = {"identity": f"New {number}", "new_individual": "true"}
    return http.post("/sightings", files={"photo": ("a.png", drawn(number))}, data=fields)


def test_the_page_answers_learns_and_ends(known: Path, tmp_path: Path) -> None:
    with running(tmp_path, "--artifacts", known) as page, httpx.Client(base_url=page.address, timeout=60) as http:
        assert page.address.startswith("http://127.0.0.1:") and "WildTrack" in http.get("/").text
        assert http.get("/healthz").json()["photos"] == 12
        with suppress(httpx.TransportError):  # it may hang up before all has been sent
            assert http.get("/", headers={"x-long": "x" * 200_000}).status_code in (400, 431)
        assert post(http, 1).status_code == 201
        assert http.post("/search", files={"photos": drawn(1)}).json()[0]["already_known_as"] == "New 1"
    assert page.process.returncode in (0, -signal.SIGTERM, 130)


def test_beyond_this_computer_writing_takes_the_token(known: Path, tmp_path: Path) -> None:
    with running(tmp_path, "--artifacts", known, "--host", "0.0.0.0") as page:
        address, _, token = page.address.partition("#token=")
        port = httpx.URL(address).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            assert http.get("/healthz").json()["writes_need_token"]
            assert http.get("/export?positions=true").status_code == 401
            assert post(http, 1).status_code == 401
            assert http.post("/search", files={"photos": drawn(1)}).status_code == 200
            http.headers["x-wildtrack-token"] = token
            assert post(http, 1).status_code == 201


def test_a_page_that_cannot_start_says_the_reason(known: Path, tmp_path: Path) -> None:
    def ends(reason: str, *options: object) -> None:
        with running(tmp_path, "--artifacts", known, *options) as page:
            _, said = page.process.communicate(timeout=60)
        assert page.process.returncode == 2, said
        (line,) = error_lines(said)
        assert reason in line

    ends("cannot listen at no such host", "--host", "no such host")
    ends("nowhere", "--artifacts", "nowhere")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ends("choose another --port", "--port", taken.getsockname()[1])
    with running(tmp_path, "--artifacts", known):
        ends("another page is at work in")


def test_the_load_benchmark_counts_what_clients_saw(
    known: Path, photo_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    web.main(web.Config(clients=3, seconds=3.0, photos=photo_folder, artifacts=known))
    said = capsys.readouterr().err
    assert all(words in said for words in ("'200'", "photos/s answered", "the bare engine"))


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no SIGKILL")
def test_nothing_that_was_confirmed_is_lost_when_it_is_killed(
    known: Path, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    rng = random.Random(0)
    confirmed: set[str] = set()
    number = 0
    for round_ in range(KILLS):
        with running(tmp_path, "--artifacts", known) as page, httpx.Client(base_url=page.address, timeout=60) as http:
            assert_whole(http, tmp_path, confirmed)
            left = CONFIRMATIONS // KILLS + (rng.random() < 0.5)
            killer = threading.Timer(rng.uniform(0.0, 0.03 * left), page.process.kill)
            killer.start()
            try:
                while True:
                    number += 1
                    answer = post(http, number)
                    assert answer.status_code == 201, answer.text
                    confirmed.add(answer.json()["identity"])
            except httpx.HTTPError:
                assert page.process.wait(30) == -signal.SIGKILL, round_
            killer.join()
    with running(tmp_path, "--artifacts", known) as page, httpx.Client(base_url=page.address, timeout=60) as http:
        while len(confirmed) < CONFIRMATIONS:  # it goes on as if nothing had been
            number += 1
            confirmed.add(post(http, number).json()["identity"])
        assert_whole(http, tmp_path, confirmed)
    figure = f"killed {KILLS} times during {len(confirmed)} confirmations: nothing lost, nothing by half"
    record_property("figure", figure)


def assert_whole(http: httpx.Client, folder: Path, confirmed: set[str]) -> None:
    """All that was confirmed is there and searched, and nothing is there by half."""
    seen: list[dict[str, Any]] = http.get("/sightings").json()
    names = {each["identity"] for each in seen}
    assert confirmed <= names
    assert len(names - confirmed) <= KILLS  # written, and killed before it could say so
    confirmed |= names
    events = http.get("/events?most=1000").json()
    assert sorted(each["sighting"] for each in events) == sorted(each["id"] for each in seen)
    files = {path.name for path in (folder / "sightings" / "photos").iterdir()}
    assert files == {f"{each['photo_id']}.png" for each in seen}
    for each in seen[-3:]:
        number = int(each["identity"].split()[1])
        assert (folder / "sightings" / "photos" / f"{each['photo_id']}.png").read_bytes() == drawn(number)
        answer = http.post("/search", files={"photos": drawn(number)}).json()[0]
        assert answer["already_known_as"] == each["identity"]
    health = http.get("/healthz").json()
    assert (health["confirmed"], health["lost"]) == (len(seen), 0)
