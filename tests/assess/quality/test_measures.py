import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wildtrack.assess.quality.measures import MEASURES, measure

Photo = NDArray[np.uint8]


def flat(value: int, shape: tuple[int, int] = (192, 256)) -> Photo:
    return np.full((*shape, 3), value, np.uint8)


def grey(values: NDArray[np.generic]) -> Photo:
    return np.repeat(np.asarray(values, np.uint8)[..., None], 3, axis=2)


def scene(seed: int = 0) -> Photo:
    """Colourful, with detail at every scale."""
    rng = np.random.default_rng(seed)
    layers = [cv2.resize(rng.uniform(0, 1, (side, side, 3)), (256, 192)) for side in (4, 16, 64, 128)]
    return np.asarray(60 + 34 * np.sum(layers, axis=0), np.uint8)


RAMP = grey(np.tile(np.arange(256), (192, 1)))
CHECKERS = grey(np.kron(np.indices((24, 32)).sum(axis=0) % 2, np.ones((8, 8))) * 255)


@pytest.mark.parametrize(
    ("photo", "expected"),
    [
        (flat(0), {"brightness": 0, "contrast": 0, "underexposed": 1, "overexposed": 0, "entropy": 0, "blurriness": 1}),
        (flat(255), {"brightness": 1, "contrast": 0, "underexposed": 0, "overexposed": 1, "saturation": 0}),
        (flat(51), {"brightness": 0.2, "underexposed": 0, "overexposed": 0, "vignetting": 0, "saturation": 0}),
        (flat(5), {"underexposed": 1}),
        (flat(6), {"underexposed": 0}),
        (flat(249), {"overexposed": 0}),
        (flat(250), {"overexposed": 1}),
        (CHECKERS, {"brightness": 0.5, "contrast": 0.5, "entropy": 1, "overexposed": 0.5, "underexposed": 0.5}),
        (RAMP, {"brightness": 0.5, "entropy": 8, "overexposed": 6 / 256, "underexposed": 6 / 256, "vignetting": 0}),
        (np.full((192, 256, 3), (255, 0, 0), np.uint8), {"saturation": 1}),
        (np.full((192, 256, 3), (200, 100, 100), np.uint8), {"saturation": 0.5}),
        (flat(9, (1, 1)), {"aspect_ratio": 1, "brightness": 9 / 255, "blurriness": 1, "entropy": 0, "vignetting": 0}),
        (flat(9, (1, 999)), {"aspect_ratio": 999, "vignetting": 0, "contrast": 0}),
        (flat(9, (500, 250)), {"aspect_ratio": 0.5, "brightness": 9 / 255}),
    ],
)
def test_photos_of_known_measures(photo: Photo, expected: dict[str, float]) -> None:
    found = measure(photo)
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=0.003)


LIMITS = {"aspect_ratio": (0, math.inf), "contrast": (0, 0.5), "entropy": (0, 8)}


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 2), (3, 5), (9, 9), (192, 256), (700, 90)])
def test_every_measure_is_finite_and_in_its_range(shape: tuple[int, int]) -> None:
    for photo in (np.random.default_rng(1).integers(0, 256, (*shape, 3), dtype=np.uint8), flat(0, shape)):
        found = measure(photo)
        assert tuple(found) == MEASURES
        for name, value in found.items():
            low, high = LIMITS.get(name, (0, 1))
            assert type(value) is float and math.isfinite(value)
            assert low <= value <= high + 1e-9, name


def test_measures_agree_with_loops() -> None:
    photo = scene()
    light = np.array([[round(0.299 * r + 0.587 * g + 0.114 * b) / 255 for r, g, b in row] for row in photo.tolist()])
    found = measure(photo)
    assert found["brightness"] == pytest.approx(light.mean(), abs=1e-3)
    assert found["contrast"] == pytest.approx(light.std(), abs=1e-3)
    shares = [count / light.size for count in np.unique(np.rint(light * 255), return_counts=True)[1]]
    assert found["entropy"] == pytest.approx(-sum(share * math.log2(share) for share in shares), abs=1e-2)
    saturation = [(max(p) - min(p)) / max(p) if max(p) else 0 for row in photo.tolist() for p in row]
    assert found["saturation"] == pytest.approx(sum(saturation) / len(saturation), abs=3e-3)


def test_blurriness_agrees_with_a_loop() -> None:
    light = scene()[..., 0]
    blurs = []
    for lines in (light.tolist(), light.T.tolist()):
        sharp_sum = left_sum = 0.0
        for line in lines:
            mirrored = line[4:0:-1] + line + line[-2:-6:-1]
            smooth = [sum(mirrored[at : at + 9]) / 9 for at in range(len(line))]
            for at in range(1, len(line)):
                sharp = abs(line[at] - line[at - 1])
                sharp_sum += sharp
                left_sum += max(0, sharp - abs(smooth[at] - smooth[at - 1]) - 1)  # the rounding
        blurs.append((sharp_sum - left_sum) / sharp_sum)
    assert measure(grey(light))["blurriness"] == pytest.approx(max(blurs), abs=1e-3)


def test_blurriness_grows_with_blur_in_either_direction() -> None:
    photo = scene()
    for kernels in ([(side, side) for side in (1, 3, 5, 9)], [(side, 1) for side in (1, 3, 5, 9)]):
        found = [measure(np.asarray(cv2.blur(photo, kernel)))["blurriness"] for kernel in kernels]
        assert np.all(np.diff(found) > 0), found
    gaussian = [measure(np.asarray(cv2.GaussianBlur(photo, (0, 0), s)))["blurriness"] for s in (0.5, 1, 2, 4, 8)]
    assert np.all(np.diff(gaussian) > 0), gaussian


def test_blurriness_depends_on_the_detail_and_not_on_brightness_or_the_file() -> None:
    photo = scene()
    darker = np.asarray(photo - photo.min(), np.uint8)
    assert measure(darker)["blurriness"] == pytest.approx(measure(photo)["blurriness"], abs=0.01)
    small = np.asarray(cv2.resize(photo, (32, 24), interpolation=cv2.INTER_AREA))
    assert measure(small)["blurriness"] > measure(photo)["blurriness"] + 0.2


def test_vignetting_finds_a_planted_vignette_and_no_gradient() -> None:
    down, right = np.meshgrid(np.linspace(-1, 1, 192), np.linspace(-1, 1, 256), indexing="ij")
    falls = [200 * (1 - loss * (down**2 + right**2) / 2) for loss in (0.0, 0.2, 0.4, 0.6, 0.8)]
    found = [measure(grey(light))["vignetting"] for light in falls]
    assert found[0] == pytest.approx(0, abs=1e-6)
    assert np.all(np.diff(found) > 0) and found[-1] > 0.5
    for gradient in (down, right, -down, down + right):
        assert measure(grey(120 + 40 * gradient))["vignetting"] == 0


def test_measures_do_not_depend_on_the_size_of_the_file() -> None:
    photo = scene()
    large = np.asarray(cv2.resize(photo, (1024, 768), interpolation=cv2.INTER_CUBIC))
    small, big = measure(photo), measure(large)
    for name in MEASURES:
        assert big[name] == pytest.approx(small[name], abs=0.1 if name == "entropy" else 0.03), name


@pytest.mark.parametrize(
    "photo", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), np.zeros((4, 4, 3)), flat(0, (0, 4))]
)
def test_other_shapes_and_dtypes_are_refused(photo: NDArray[np.generic]) -> None:
    with pytest.raises(ValueError, match=r"uint8 of shape \(H, W, 3\)"):
        measure(photo)  # type: ignore[arg-type]
