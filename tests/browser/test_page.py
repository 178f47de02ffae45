"""The page in a browser, with a server on the demo's gallery, used step by step."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from tests.helpers.blobs import ROOT
from tests.helpers.webapp import running

INDEX, NEW = ROOT / "artifacts" / "index_manifest.json", ROOT / "data" / "demo-new-photos"
CHROMIUM = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
PATIENCE = 60_000  # milliseconds
TRANSFER = """parts => {
    const transfer = new DataTransfer();
    for (const {name, data} of parts)
        transfer.items.add(new File([new Uint8Array(data)], name, {type: "image/jpeg"}));
    return transfer;
}"""

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (requirements-dev.txt)")
expect = playwright.expect
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here: apt-get install chromium"),
    pytest.mark.skipif(not INDEX.is_file(), reason="no index of the demo: make demo"),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a page without confirmed photos."""
    with running(tmp_path, "--artifacts", ROOT / "artifacts") as page:
        yield page.address
    assert page.process.returncode in (0, -15, 143)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Any, server: str, request: pytest.FixtureRequest) -> Iterator[Any]:
    """The open page; an error in the browser fails the test."""
    context = chromium.new_context(**getattr(request, "param", {"viewport": {"width": 1280, "height": 900}}))
    opened = context.new_page()
    opened.set_default_timeout(PATIENCE)
    playwright.expect.set_options(timeout=PATIENCE)
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda said: complaints.append(said.text) if "Content Security Policy" in said.text else None)
    opened.goto(server)
    yield opened
    assert complaints == []
    context.close()


def demo_photo(known: bool) -> tuple[Path, str]:
    """A new photo of the demo, and who it shows."""
    answers = pd.read_csv(NEW / "answers.csv").iloc[:, :2].to_numpy()
    photo, identity = answers[(answers[:, 1] != "unknown") == known][0]
    return NEW / photo, identity


def drop(page: Any, *photos: Path) -> None:
    """Let files fall onto the page, as a mouse would."""
    parts = [{"name": photo.name, "data": list(photo.read_bytes())} for photo in photos]
    page.dispatch_event("#drop", "drop", {"dataTransfer": page.evaluate_handle(TRANSFER, parts)})


def answered(page: Any) -> str:
    """The headline, once there is an answer."""
    expect(page.locator("#tiles button").first).to_be_visible()
    return str(page.inner_text("#decision"))


def test_a_photo_may_show_two_animals(page: Any) -> None:
    photo, identity = demo_photo(known=True)
    drop(page, photo)
    answered(page)
    page.click("#confirm")
    expect(page.locator("#decision")).to_have_text(f"Confirmed: {identity}")
    page.click("#another")
    expect(page.locator("#decision")).to_have_text("Who else is on this photo?")
    page.click("#confirm")  # the next candidate is chosen
    expect(page.locator("#decision")).to_contain_text(f"Confirmed: {identity} and ")
    page.reload()
    drop(page, photo)
    expect(page.locator("#decision")).to_contain_text(f"Confirmed: {identity} and ")
    page.click("#undo")
    expect(page.locator("#decision")).to_have_text(f"Confirmed: {identity}")


def test_drop_confirm_search_again_undo(page: Any, tmp_path: Path) -> None:
    photo, identity = demo_photo(known=True)
    drop(page, photo)
    assert identity in answered(page)
    assert page.inner_text("#tiles button .who >> nth=0") == f"1. {identity}"
    known = page.inner_text("#known")
    page.click("#confirm")
    expect(page.locator("#decision")).to_have_text(f"Confirmed: {identity}")
    expect(page.locator("#known")).to_contain_text("1 confirmed here")
    again = tmp_path / "again.jpg"  # the same animal a little otherwise: now its confirmed photo is the most similar
    Image.open(photo).resize((400, 300)).save(again, quality=80)
    drop(page, again)
    page.click("#photos li:nth-child(2) button")
    expect(page.locator("#decision")).to_contain_text(identity)
    expect(page.locator("#tiles button .facts >> nth=0")).to_contain_text("known photos")
    page.click("#photos li:nth-child(1) button")
    page.click("#undo")
    expect(page.locator("#undo")).to_be_hidden()
    expect(page.locator("#known")).to_have_text(known)


def test_a_new_individual_is_named_and_met_again(page: Any, tmp_path: Path) -> None:
    photo, _ = demo_photo(known=False)
    drop(page, photo)
    answered(page)
    page.click("#name")
    page.fill("#identity", "Eva <b>Ø</b>")  # text, never markup
    expect(page.locator("#naming-said")).to_contain_text("a new animal")
    page.click("#naming-yes")
    expect(page.locator("#decision")).to_have_text("New animal: Eva <b>Ø</b>")
    again = tmp_path / "again.jpg"
    Image.open(photo).rotate(3).save(again, quality=80)
    drop(page, again)
    page.click("#photos li:nth-child(2) button")
    expect(page.locator("#tiles button .who >> nth=0")).to_have_text("1. Eva <b>Ø</b>")
    page.click("#open-trail")
    expect(page.locator("#events")).to_contain_text("new animal Eva <b>Ø</b>")
    with page.expect_download() as download:
        page.click("#csv")
    text = download.value.path().read_text("utf-8")
    assert "Eva <b>Ø</b>" in text and "latitude" not in text
    page.click("#events button")
    expect(page.locator("#events")).to_contain_text("undone: Eva <b>Ø</b>")


def test_a_corrupt_file_and_a_file_that_is_not_a_photo(page: Any, tmp_path: Path) -> None:
    corrupt, text = tmp_path / "corrupt.jpg", tmp_path / "list.txt"
    corrupt.write_bytes(demo_photo(known=True)[0].read_bytes()[:500])
    text.write_text("not a photo")
    page.set_input_files("#pick", [str(path) for path in (corrupt, demo_photo(known=True)[0], text)])
    expect(page.locator("#left-out")).to_have_text("1 file was skipped: it is not a photo.")
    expect(page.locator("#decision")).to_have_text("This photo cannot be read")
    expect(page.locator("#confirm")).to_be_hidden()
    page.click("#photos li:nth-child(2) button")
    assert demo_photo(known=True)[1] in answered(page)


def test_two_hundred_photos(page: Any, tmp_path: Path) -> None:
    photos = [shutil.copy(demo_photo(number % 2 == 0)[0], tmp_path / f"{number:03}.jpg") for number in range(200)]
    page.set_input_files("#pick", [str(photo) for photo in photos])
    expect(page.locator("#progress")).to_be_visible()
    expect(page.locator("#progress-text")).to_contain_text("of 200 photos")
    expect(page.locator("#progress")).to_be_hidden(timeout=3 * PATIENCE)
    states = page.eval_on_selector_all("#photos .state", "all => all.map(each => each.className)")
    assert len(states) == 200 and not [each for each in states if not re.search("match|review|new", each)]


def test_with_the_keyboard_alone(page: Any) -> None:
    photo, identity = demo_photo(known=True)
    page.set_input_files("#pick", [str(photo), str(demo_photo(known=False)[0])])
    answered(page)
    page.keyboard.press("ArrowRight")
    assert page.get_attribute("#tiles button >> nth=1", "aria-pressed") == "true"
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("c")
    expect(page.locator("#compare")).to_be_visible()
    expect(page.locator("#points")).to_have_text(re.compile(r"Hide (the 60 clearest of \d+|\d+) matching points"))
    before = page.get_attribute("#left img", "style")
    page.keyboard.press("+")
    assert page.get_attribute("#left img", "style") != before
    page.keyboard.press("Escape")
    page.keyboard.press("Enter")
    expect(page.locator("#decision")).to_have_text(f"Confirmed: {identity}")
    page.keyboard.press("u")
    expect(page.locator("#decision")).not_to_have_text(f"Confirmed: {identity}")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#photos button >> nth=1")).to_have_attribute("aria-current", "true")
    expect(page.locator("#name")).to_be_visible()
    page.keyboard.press("n")
    expect(page.locator("#naming")).to_be_visible()
    page.keyboard.type("Nova")
    page.keyboard.press("Enter")
    expect(page.locator("#decision")).to_have_text("New animal: Nova")


def test_esc_cancels_and_enter_presses_the_focused_button(page: Any) -> None:
    photo, identity = demo_photo(known=True)
    page.set_input_files("#pick", [str(demo_photo(known=False)[0]), str(photo)])
    answered(page)
    page.click("#name")
    page.fill("#identity", "Eva")
    page.click("#naming-yes")
    expect(page.locator("#decision")).to_have_text("New animal: Eva")
    page.focus("#photos li:nth-child(2) button")
    page.keyboard.press("Enter")  # looks at that photo, and confirms nothing
    expect(page.locator("#decision")).to_contain_text(identity)
    page.click("#name")
    page.keyboard.press("Escape")
    page.focus("#tiles button >> nth=2")
    page.keyboard.press("Enter")
    assert page.get_attribute("#tiles button >> nth=2", "aria-pressed") == "true"
    page.wait_for_timeout(1000)
    assert "1 confirmed here" in page.inner_text("#known")


def test_enter_does_not_confirm_an_unlikely_animal(page: Any) -> None:
    drop(page, demo_photo(known=False)[0])
    if answered(page) == "Probably a new animal":
        page.focus("#photos button")
        page.keyboard.press("Enter")
        expect(page.locator("#naming")).to_be_visible()
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowRight")  # a chosen animal is confirmed
        page.keyboard.press("Enter")
        expect(page.locator("#decision")).to_contain_text("Confirmed:")


@pytest.mark.parametrize(
    "page",
    [
        {"viewport": {"width": 320, "height": 640}, "has_touch": True, "is_mobile": True, "device_scale_factor": 2},
        {"viewport": {"width": 3840, "height": 2160}},
        {"viewport": {"width": 1024, "height": 768}, "color_scheme": "dark"},
    ],
    indirect=True,
    ids=["phone", "4K", "dark"],
)
def test_every_size_shows_all_without_scrolling_sideways(page: Any) -> None:
    photo, identity = demo_photo(known=True)
    drop(page, photo)
    assert identity in answered(page)
    wide, window = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
    assert wide <= window
    for name in ("#confirm", "#name", "#look"):
        box = page.locator(name).bounding_box()
        assert box["width"] >= 44 and box["height"] >= 40


def test_the_server_goes_away(page: Any, server: str) -> None:
    page.route("**/search?*", lambda route: route.abort())
    drop(page, demo_photo(known=True)[0])
    expect(page.locator("#offline")).to_be_visible()
    page.unroute("**/search?*")
    page.click("#retry")
    expect(page.locator("#offline")).to_be_hidden()
    assert demo_photo(known=True)[1] in answered(page)
