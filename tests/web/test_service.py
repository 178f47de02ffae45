import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.spotted import FUSED, LOCAL, fake_matching, searcher_of, spots
from wildtrack.address.features.features import Features
from wildtrack.address.features.keypoints import read_keypoints
from wildtrack.address.gallery.freshness import photos_state
from wildtrack.address.gallery.gallery import Gallery, Source
from wildtrack.address.matching.fused import EMBEDDING
from wildtrack.errors import UserError
from wildtrack.storage.cache import CacheConfig
from wildtrack.web import freshness
from wildtrack.web.service import Service
from wildtrack.web.store import ConflictError, Store, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "sightings") as opened:
        yield opened


def serve(gallery: Gallery, store: Store, matcher: str = FUSED) -> Service:
    return Service(searcher_of(gallery, matcher, fake_matching(), explains=True), ("Ana", "Blå"), store)


def png(pattern: int, crop: int = 4) -> io.BytesIO:
    """A photo of which the gallery may hold another part."""
    file = io.BytesIO()
    Image.fromarray(spots(pattern)[crop:, crop:]).save(file, "PNG")
    return file


def first(service: Service, photo: io.BytesIO) -> str:
    return service.answer("photo.png", photo, 5, "").candidates[0].identity


@pytest.mark.parametrize("matcher", [EMBEDDING, LOCAL, FUSED])
def test_a_new_animal_is_found_until_it_is_undone(gallery: Gallery, store: Store, matcher: str) -> None:
    service = serve(gallery, store, matcher)
    assert first(service, png(7)) != "Eva"
    said = service.confirm(png(7), " Eva ", True, "left")
    assert (said.identity, said.new_individual, said.viewpoint) == ("Eva", True, "left")
    for asked in (service, serve(gallery, store, matcher)):
        answer = asked.answer("photo.png", png(7, 9), 5, "")
        best = answer.candidates[0]
        assert (best.identity, best.photo_id, best.gallery_photos, best.orientation) == ("Eva", said.photo, 1, "left")
        assert (best.shared_points or 0) > 4
        assert asked.answer("photo.png", png(7), 5, "").already_known_as == "Eva"
    service.undo(said.id)
    for asked in (service, serve(gallery, store, matcher)):
        assert "Eva" not in [each.identity for each in asked.answer("photo.png", png(7, 9), 5, "").candidates]


def test_two_animals_of_one_photo_are_both_found(gallery: Gallery, store: Store) -> None:
    service = serve(gallery, store)
    service.confirm(png(7), "Eva", True, "")
    with pytest.raises(ConflictError, match="confirmed as Eva; undo that first, or say that it shows another animal"):
        service.confirm(png(7), "Ana", False, "")
    second = service.confirm(png(7), "Ana", False, "", another=True)
    for asked in (service, serve(gallery, store)):
        assert asked.answer("photo.png", png(7), 5, "").already_known_as == "Eva and Ana"
        found = asked.answer("photo.png", png(7, 9), 5, "").candidates[:2]
        assert {each.identity for each in found} == {"Eva", "Ana"} and found[0].photo_id == found[1].photo_id
        assert [seen.identity for seen in asked.confirmed()] == ["Eva", "Ana"]
    service.undo(second.id)
    assert service.answer("photo.png", png(7), 5, "").already_known_as == "Eva"


def test_a_sighting_keeps_the_answer_of_the_search(gallery: Gallery, store: Store) -> None:
    service = serve(gallery, store)
    answer = service.answer("photo.png", png(1), 5, "")
    said = service.confirm(png(1), "Ana", False, "")
    assert (said.decision, said.probability) == (answer.decision, answer.candidates[0].probability)
    assert {each.identity: each.photos for each in service.identities()} == {"007": 1, "Ana": 3, "Blå": 2, "NA": 1}
    np.testing.assert_array_equal(service.picture(said.photo, None, 4096), np.asarray(Image.open(png(1))))


@pytest.mark.parametrize(
    ("pattern", "identity", "new", "reason"),
    [
        (1, "Blå", False, "in the catalogue as Ana"),
        *[(7, name, True, "1 to 100 visible characters") for name in ("", "a\nb", "x" * 101)],
        *[(7, name, True, "names no animal") for name in ("Unknown", "N/A", "unidentified", "____")],
        (7, "bla\u030a", True, "there is an animal called Blå"),  # NFC
    ],
)
def test_an_impossible_confirmation_is_refused_and_leaves_nothing(
    gallery: Gallery, store: Store, pattern: int, identity: str, new: bool, reason: str
) -> None:
    service = serve(gallery, store)
    with pytest.raises((ConflictError, UserError), match=reason):
        service.confirm(png(pattern, 0), identity, new, "")
    assert store.sightings() == [] and len(service.searcher.gallery) == len(gallery)


def test_another_model_looks_at_the_photos_again(gallery: Gallery, store: Store) -> None:
    said = serve(gallery, store).confirm(png(7), "Eva", True, "")
    store.keep_vector(said.photo, "fingerprint", np.zeros(3, np.float32))  # of another length: not of this model
    assert first(serve(gallery, store), png(7, 9)) == "Eva"
    assert store.vectors("fingerprint")[said.photo].shape == (48,)


def test_a_missing_photo_is_known(
    gallery: Gallery, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = serve(gallery, store).confirm(png(7), "Eva", True, "")
    store.file_of(said.stored).unlink()
    service = serve(gallery, Store(tmp_path / "sightings"), EMBEDDING)
    assert "Confirmed photos that are gone or damaged: 1," in caplog.text and first(service, png(7, 9)) == "Eva"
    picture = service.picture(said.photo, None, 64)
    assert picture is not None and (picture == 200).all()


def test_a_photo_that_got_into_the_catalogue_is_there_once(gallery: Gallery, store: Store) -> None:
    said = serve(gallery, store).confirm(png(7), "Eva", True, "")
    row = gallery.table[:1].assign(identity="Eva", path="eva.png", sha256=said.photo)
    features = Features(gallery.embeddings[:1], gallery.viewpoints[:1], [read_keypoints(png(7), None)])
    grown = gallery.extended(features, row)
    service = serve(grown, store)
    assert len(service.searcher.gallery) == len(grown) and service.confirmed() == []
    with pytest.raises(ConflictError, match="part of the catalogue"):
        service.undo(said.id)
    assert [each.id for each in serve(gallery, store).confirmed()] == [said.id]


def test_one_process_a_store(store: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="another page is at work in"), open_store(tmp_path / "sightings"):
        pass


def test_an_answer_says_that_the_known_photos_changed_since(
    gallery: Gallery, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WILDTRACK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(freshness, "LOOK_AGAIN", 0)
    monkeypatch.setattr(freshness, "SHARE", 0)
    (tmp_path / "photos" / "Klara").mkdir(parents=True)
    state = photos_state(tmp_path / "photos", tmp_path / "photos", ())
    kept = replace(gallery, source=Source(tmp_path / "photos", tmp_path / "photos", "a" * 64, state=state))
    service = Service(searcher_of(kept, EMBEDDING, None), (), store, CacheConfig())

    def outdated() -> str | None:
        return service.answer("photo.png", png(7), 5, "").outdated

    assert outdated() is None
    (tmp_path / "photos" / "Klara" / "1.png").write_bytes(png(8).getvalue())
    assert "1 photo of Klara is not searched yet" in (outdated() or "")
    (tmp_path / "photos" / "Klara" / "1.png").unlink()
    assert outdated() is None  # put back as it was
    (tmp_path / "photos" / "Klara").rmdir()
    (tmp_path / "photos").rmdir()
    assert "folder is gone" in (outdated() or "")
