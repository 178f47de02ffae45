"""What a viewer shows of an image that is not simply 8-bit sRGB or grey: deep, transparent, or in other colours."""

import io
from contextlib import suppress
from typing import Any, BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

_GREY_WITH_ALPHA = 4  # the colour type of a PNG
NARROW = 2**14  # a quarter of the 16-bit range: what fills less of it would be nearly one grey


def widened(image: Image.Image, file: BinaryIO) -> Image.Image:
    """The image of a file; a PNG whose 16-bit colours, or greys with alpha, fill a narrow part of the range, in 8 bits.

    Pillow gives the high byte of such colours, by which a sensor of 12 bits is nearly black, and misses a clear colour.
    """
    if image.format != "PNG" or image.mode not in {"RGB", "RGBA"}:
        return image
    file.seek(0)
    head = file.read(26)
    if head[24] != 16:  # bits
        return image
    values = cv2.imdecode(np.frombuffer(head + file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype != np.uint16 or values.shape[:2] != image.size[::-1]:
        return image
    alpha = values[..., 3:] >> 8
    low, high = _ends(values[..., :3][alpha[..., 0] > 0] if alpha.size else values)
    if head[25] != _GREY_WITH_ALPHA:
        low = 0  # so that colours stay what they are
    if (low == high or high - low >= NARROW) and "transparency" not in image.info:
        return image
    found = Image.fromarray(np.dstack([_eight_bits(values[..., 2::-1], low, high), alpha.astype(np.uint8)]))
    found.info = {name: value for name, value in image.info.items() if name != "transparency"}
    return found


def as_shown(image: Image.Image) -> Image.Image | None:
    """A whole image in 8 bits, on white where it is transparent, in sRGB by its profile; None where nothing shows.

    Any other image is returned as it is. A crop would not do: the greys of a thermal photo are those of all its pixels.
    """
    if image.mode.startswith("I"):  # convert() would clip 16-bit values at 255
        values = np.asarray(image)
        clear = values == image.info.get("transparency", -1)
        greys = _eight_bits(values, *_ends(values[~clear]))
        return None if clear.all() else Image.fromarray(np.where(clear, np.uint8(255), greys))
    profile = image.info.get("icc_profile")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        if layer.getchannel("A").getextrema() == (0, 0):
            return None
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer).convert("RGB")
    if profile and image.mode in {"CMYK", "RGB"}:
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):  # a damaged profile is as none
            colours = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "srgb" not in ImageCms.getProfileDescription(colours).casefold():
                return ImageCms.profileToProfile(image, colours, ImageCms.createProfile("sRGB"), outputMode="RGB")
    return image


def _ends(values: npt.NDArray[Any]) -> tuple[float, float]:
    """The darkest and the brightest of 16-bit values, but for a few: a hot pixel is no picture."""
    low, high = np.percentile(values, (0.1, 99.9)).tolist() if values.size else (0, 0)
    return low, high


def _eight_bits(values: npt.NDArray[Any], low: float, high: float) -> npt.NDArray[np.uint8]:
    """The high byte of 16-bit values, as of RGB PNGs; stretched where their ends are a narrow part of the range."""
    if low == high or high - low >= NARROW:
        return np.asarray(values >> 8, dtype=np.uint8)
    return np.asarray(np.clip((values - low) * (255 / (high - low)), 0, 255), dtype=np.uint8)
