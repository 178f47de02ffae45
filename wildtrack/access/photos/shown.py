"""What a viewer shows of an image that is not simply 8-bit sRGB or grey: deep, transparent, or in other colours."""

import io
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms

NARROW = 2**14  # a quarter of the 16-bit range: what fills less of it would be nearly one grey


def as_shown(image: Image.Image) -> Image.Image | None:
    """A whole image in 8 bits, on white where it is transparent, in sRGB by its profile; None where nothing shows.

    Any other image is returned as it is. A crop would not do: the greys of a thermal photo are those of all its pixels.
    """
    if image.mode.startswith("I"):  # convert() would clip 16-bit values at 255
        return Image.fromarray(_eight_bits(np.asarray(image)))
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


def _eight_bits(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """The high byte of 16-bit values, as of RGB PNGs; stretched where they fill a narrow part of the range."""
    low, high = np.percentile(values, (0.1, 99.9))  # a hot pixel is no picture
    if low == high or high - low >= NARROW:
        return np.asarray(values >> 8, dtype=np.uint8)
    return np.asarray(np.clip((values - low) * (255 / (high - low)), 0, 255), dtype=np.uint8)
