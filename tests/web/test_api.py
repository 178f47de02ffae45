import io
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import ExifTags, Image

from tests.helpers.spotted import Classifier, build, fake_matching, searcher_of, spots
from wildtrack.access.readers.load import load_catalogue
from wildtrack.address.gallery.gallery import Gallery, Source
from wildtrack.address.gallery.searcher import Searcher, answer_photo
from wildtrack.storage import files
from wildtrack.web import api as module
from wildtrack.web.api import create_app
from wildtrack.web.guard import Guard, Limits, inline_hashes
from wildtrack.web.responses import ONLY_TRAINED, shown_name
from wildtrack.web.service import Service
from wildtrack.web.store import open_store

FORM = {"content-type": "multipart/form-data; boundary=x"}
PAGE = "<style>a{}</style><script>1</script>"


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Gallery:
    """Built from a CSV that says where a photo was taken."""
    folder = tmp_path_factory.mktemp("known")
    built = build(folder)
    table = built.table[["image_id", "identity", "path", "orientation"]].assign(latitude=-3.25, longitude=55.5)
    table.to_csv(folder / "catalogue.csv", index=False)
    return replace(built, source=Source(folder, folder / "catalogue.csv", "fingerprint"))


@pytest.fixture
def searcher(gallery: Gallery) -> Searcher:
    return searcher_of(gallery, "fused", fake_matching(), Classifier(), explains=True)


@pytest.fixture
def client(searcher: Searcher, tmp_path: Path) -> Iterator[TestClient]:
    with open_store(tmp_path / "sightings") as store:
        app = create_app(Service(searcher, ("Ana", "Blå"), store), PAGE, needs_token=False)
        yield TestClient(Guard(app, frozenset({"testserver"}), Limits(1_000_000), inline_hashes(PAGE)))


def photo(pattern: int, crop: int = 4, exif: Image.Exif | None = None, kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.fromarray(spots(pattern)[crop:, crop:]).save(file, kind, exif=exif or Image.Exif(), quality=95)
    return file.getvalue()


def tagged() -> Image.Exif:
    """Where and when, as a camera writes it."""
    exif = Image.Exif()
    exif.update({ExifTags.Base.DateTime: "2024:05:31 17:45:00", ExifTags.Base.Make: "SecretCamera"})
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "S", 2: (4.0, 30.0, 0.0), 3: "E", 4: (55.0, 15.0, 0.0)})
    return exif


def confirm(client: TestClient, pattern: int, identity: str, new: bool = True, exif: Image.Exif | None = None) -> Any:
    fields = {"identity": identity, "new_individual": str(new), "viewpoint": "left"}
    return client.post("/sightings", files={"photo": ("a.jpg", photo(pattern, 4, exif, "JPEG"))}, data=fields)


def test_the_answer_is_that_of_search_py_without_paths(client: TestClient, searcher: Searcher, tmp_path: Path) -> None:
    (tmp_path / "asked.png").write_bytes(photo(1))
    expected = asdict(answer_photo(tmp_path / "asked.png", searcher, 3)) | {"photo": "asked.png"}
    for candidate in expected["candidates"]:
        candidate.update(path=None, image_id=None, bbox=candidate["bbox"] and list(candidate["bbox"]))
    files = [("photos", ("C:\\me\\asked.png", photo(1))), ("photos", ("../b.jpg", b"text"))]
    first, second = client.post("/search?topk=3&points=true", files=files).json()
    assert first == expected and len(first["candidates"][0]["points"]) > 4
    (short,) = client.post("/search?topk=3", files=files[:1]).json()
    for candidate in expected["candidates"]:
        candidate["points"] = None
    assert short == expected and (second["photo"], second["status"]) == ("b.jpg", "unreadable")
    assert "not one of" in second["reason"]


def test_a_photo_of_too_many_pixels_is_not_decoded(client: TestClient) -> None:
    bomb = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(bomb, "PNG")
    assert len(bomb.getvalue()) < 200_000
    answer = client.post("/search", files={"photos": bomb.getvalue()}).json()[0]
    assert (answer["status"], "megapixels" in answer["reason"]) == ("unreadable", True)


def test_predict_notes_that_it_knows_only_trained_animals(client: TestClient) -> None:
    photos = [("photos", ("a", photo(1))), ("photos", ("b", b""))]
    good, bad = client.post("/predict", files=photos).json()
    assert [each["identity"] for each in good["probabilities"]] == ["Blå", "Ana"]
    assert good["note"] == ONLY_TRAINED
    assert client.post("/predict?topk=1", files=photos).json()[0]["probabilities"] == good["probabilities"][:1]
    assert (bad["status"], bad["probabilities"]) == ("unreadable", [])


def test_confirm_search_undo(client: TestClient, gallery: Gallery, tmp_path: Path) -> None:
    def best() -> str:
        answer = client.post("/search", files={"photos": ("a.png", photo(7, 9))}).json()[0]
        return str(answer["candidates"][0]["identity"])

    before = best()
    said = confirm(client, 7, "Eva")
    assert (said.status_code, best()) == (201, "Eva")
    health = client.get("/healthz").json()
    assert (health["matcher"], health["photos"], health["identities"], health["confirmed"]) == ("fused", 7, 5, 1)
    assert [each["identity"] for each in client.get("/sightings").json()] == ["Eva"]
    assert "Eva" in [each["identity"] for each in client.get("/identities").json()["identities"]]
    assert confirm(client, 7, "Eva").status_code == 409
    undone = client.post(f"/sightings/{said.json()['id']}/undo")
    assert undone.json()["undone"] is not None
    assert client.get(f"/photos/{said.json()['photo_id']}").status_code == 200  # the trail goes on to show it
    assert client.post(f"/sightings/{said.json()['id']}/undo").status_code == 409 and best() == before
    history = [(each["action"], each["identity"]) for each in client.get("/events").json()]
    assert history == [("undone", "Eva"), ("named", "Eva")]
    for target in ("/healthz", "/identities", "/sightings", "/events", "/export", "/openapi.json"):
        text = client.get(target).text  # names no folder
        assert gallery.source is not None and str(gallery.source.root) not in text and str(tmp_path) not in text


def test_the_viewpoint_goes_through(client: TestClient) -> None:
    assert confirm(client, 7, "Eva").json()["viewpoint"] == "left"
    assert client.get("/identities").json()["viewpoints"] == ["left", "right"]
    (answer,) = client.post("/search?viewpoint=right", files={"photos": ("a.png", photo(7, 9))}).json()
    assert answer["viewpoint"] == "right"
    found = {each["identity"]: (each["gallery_photos"], each["other_viewpoint"]) for each in answer["candidates"]}
    assert found == {"Ana": (2, "left"), "Blå": (2, None), "007": (1, None), "NA": (1, "left"), "Eva": (1, "left")}


def test_a_full_disk_changes_nothing(client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr(files, "fsync", full)
        answer = confirm(client, 7, "Eva")
    assert answer.status_code == 507
    assert answer.json() == {"detail": "the server's disk refuses to write: No space left on device"}
    assert client.get("/sightings").json() == [] and list((tmp_path / "sightings/photos").iterdir()) == []
    assert confirm(client, 7, "Eva").status_code == 201


def test_a_photo_is_sent_without_its_metadata(client: TestClient) -> None:
    assert b"SecretCamera" in photo(7, exif=tagged(), kind="JPEG")
    photo_id = confirm(client, 7, "Eva", exif=tagged()).json()["photo_id"]
    for query in ("", "?longest=64", "?bbox=1,2,30,40"):
        answer = client.get(f"/photos/{photo_id}{query}")
        assert answer.headers["content-type"] == "image/jpeg" and b"SecretCamera" not in answer.content
        with Image.open(io.BytesIO(answer.content)) as image:
            assert dict(image.getexif()) == {}
            assert image.size[0] == {"": 296, "?longest=64": 64}.get(query, image.size[0])


def test_exports_have_positions_only_on_request(client: TestClient) -> None:
    confirm(client, 7, "Eva", exif=tagged())
    plain = client.get("/export").text
    assert plain.splitlines()[0].startswith("image_id,identity,path")
    assert len(plain.splitlines()) == 1 + 6 + 1 and "latitude" not in plain
    assert "Eva,confirmed/" in plain and "2024-05-31T17:45:00" in plain
    told = client.get("/export?positions=true").text
    assert "-4.5" in told and "-3.25" in told
    confirm(client, 8, "Uma")  # without a date, which the standard asks for, as are those of the catalogue
    packed = client.get("/export?form=camtrapdp")
    assert packed.headers["x-left-out"] == "7"
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        names = [f"{name}.csv" for name in ("deployments", "left_out", "media", "observations")]
        assert sorted(archive.namelist()) == ["datapackage.json", *names]
        assert "no date" in archive.read("left_out.csv").decode() and b"Eva" in archive.read("observations.csv")
        assert b"-4.5" not in archive.read("deployments.csv")


@pytest.mark.parametrize(
    ("asked", "status", "reason"),
    [
        (("POST", "/search", {}), 422, "photos"),
        (("POST", "/search?topk=0", {"files": {"photos": b"x"}}), 422, "greater"),
        (("POST", "/search?viewpoint=top", {"files": {"photos": photo(1)}}), 422, "viewpoints are: left, right"),
        (("POST", "/search", {"files": {"photos": b"x" * 1_000_001}}), 413, "at most 1 MB a request"),
        (("POST", "/search", {"content": iter([b"x" * 600_000] * 2), "headers": FORM}), 413, "at most 1 MB"),
        (("POST", "/search", {"files": [("photos", b"x")] * 51}), 413, "at most 50"),
        (("POST", "/search", {"files": [("photos", b"x")] * 1001}), 400, "Too many files"),
        (("POST", "/search", {"files": {"photos": b"x" * 200_001}}), 413, "at most 0"),
        (("POST", "/sightings", {"files": {"photo": b""}, "data": {"identity": "Eva"}}), 422, "cannot be read"),
        (("POST", "/sightings", {"files": {"photo": photo(7)}, "data": {"identity": " "}}), 422, "1 to 100"),
        (("POST", "/sightings", {"files": {"photo": photo(7)}, "data": {"identity": "Eva"}}), 409, "no animal"),
        (("POST", "/sightings/7/undo", {}), 409, "no sighting 7"),
        (("POST", f"/sightings/{2**70}/undo", {}), 422, "less"),
        (("GET", f"/photos/{'0' * 64}", {}), 404, "no such photo"),
        (("GET", "/photos/etc", {}), 422, "pattern"),
        (("GET", f"/photos/{'0' * 64}?bbox=1,2", {}), 422, "is not [x, y, width, height]"),
        (("GET", "/../app.py", {}), 404, "Not Found"),
        (("GET", "/export?form=exe", {}), 422, "csv"),
        (("DELETE", "/sightings", {}), 405, "Not Allowed"),
    ],
)
def test_a_refusal_gives_its_reason(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, str, Any], status: int, reason: str
) -> None:
    monkeypatch.setattr(module, "PHOTO_LIMIT", 200_000)
    method, target, options = asked
    answer = client.request(method, target, **options)
    assert (answer.status_code, reason in answer.text) == (status, True), answer.text
    assert "/tmp" not in answer.text and "content-security-policy" in answer.headers


def test_a_catalogue_that_is_gone_is_not_exported(searcher: Searcher, gallery: Gallery, tmp_path: Path) -> None:
    broken = tmp_path / "broken.csv"
    broken.write_text("image_id\n")
    for data in (tmp_path / "gone.csv", broken):
        asked = replace(searcher, gallery=replace(gallery, source=Source(tmp_path, data, "fingerprint")))
        with open_store(tmp_path / "sightings") as store:
            client = TestClient(create_app(Service(asked, (), store), PAGE, needs_token=False))
            answer = client.get("/export")
        assert (answer.status_code, "build the index again" in answer.text) == (422, True)
        assert str(tmp_path) not in answer.text


def test_what_is_exported_is_read_again_next_season(searcher: Searcher, gallery: Gallery, tmp_path: Path) -> None:
    """Each season has its own sightings, whose numbers begin at 1; the second export holds the first."""
    root = tmp_path / "catalogue"
    shutil.copytree(gallery.source.root if gallery.source else "", root)
    asked = replace(searcher, gallery=replace(gallery, source=Source(root, root / "catalogue.csv", "fingerprint")))
    for season, name in enumerate(("Eva", "Uma"), start=1):
        with open_store(tmp_path / f"season {season}") as store:
            client = TestClient(create_app(Service(asked, (), store), PAGE, needs_token=False))
            assert confirm(client, 6 + season, name).json()["id"] == 1
            (root / "catalogue.csv").write_text(client.get("/export").text, encoding="utf-8")
            shutil.copytree(store.photos, root / "confirmed", dirs_exist_ok=True)
            catalogue = load_catalogue(root)
            assert catalogue.problems.empty and len(catalogue.table) == 6 + season
            assert client.get("/export").text.count(name) == 1  # the index is not built anew yet
    assert catalogue.table["identity"].tolist()[-2:] == ["Eva", "Uma"]


def test_the_page_and_its_description(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.text == PAGE
    script, style = inline_hashes(PAGE)
    policy = f"default-src 'none'; script-src {script}; style-src {style};"
    assert answer.headers["content-security-policy"].startswith(policy)
    described = client.get("/openapi.json").json()
    sightings = {"/sightings", "/sightings/{number}/undo", "/events"}
    known = {"/healthz", "/identities", "/photos/{photo_id}", "/export"}
    assert set(described["paths"]) == {"/search", "/predict"} | sightings | known


NAMES = {"../../etc/passwd": "passwd", "C:\\x\\b.jpg": "b.jpg", "": "photo", "a\nb\x00\udce9.jpg": "a?b??.jpg"}


@pytest.mark.parametrize(("name", "shown"), [*NAMES.items(), (None, "photo"), ("x" * 999, "x" * 200)])
def test_shown_names(name: str | None, shown: str) -> None:
    assert shown_name(name) == shown
