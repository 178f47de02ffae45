"""Valid photos, each damaged in its own way: `mutated` gives the bytes for a number, and what was done to them."""

import random
import struct
import zlib

import numpy as np

from tests.helpers.malformed import DATE, LONG, ORIENTATION, SHORT, TEXT, encoded, tagged

EXIF = tagged((ORIENTATION, SHORT, 1, b"\0\6\0\0"), (DATE, TEXT, 20, b"\0\0\0\x32"), (0x8825, LONG, 1, b"\0\0\0\x08"))
PHOTO = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
ROWS, COLUMNS = np.mgrid[:48, :64]
SMOOTH = np.stack([ROWS * 5, COLUMNS * 4, ROWS + COLUMNS], -1).astype(np.uint8)

VALID = {
    "jpeg": encoded(PHOTO, "JPEG", exif=EXIF, icc_profile=bytes(range(200))),
    "jpeg, smooth": encoded(SMOOTH, "JPEG"),
    "jpeg, progressive": encoded(PHOTO, "JPEG", progressive=True),
    "mpo": encoded(SMOOTH, "MPO", save_all=True, append_images=[]),
    "png": encoded(PHOTO, "PNG", exif=EXIF),
    "png, smooth": encoded(SMOOTH, "PNG"),
    "png, grey, 16 bits": encoded(PHOTO[..., 0].astype(np.uint16) * 257, "PNG"),
    "webp": encoded(PHOTO, "WEBP", exif=EXIF),
    "webp, lossless": encoded(SMOOTH, "WEBP", lossless=True),
    "webp, clear": encoded(np.dstack([SMOOTH, SMOOTH[..., 0]]), "WEBP"),
}
EXTREMES = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)


WAYS = ("flip", "overwrite", "truncate", "insert", "leave out", "swap", "header", "size")


def mutate(way: str, data: bytearray, chance: random.Random) -> None:
    """Damage a photo in one of `WAYS`, in place."""
    start, length = chance.randrange(len(data)), chance.choice((1, 7, 32, 256))
    match way:
        case "flip":
            for _ in range(length):
                data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        case "overwrite":
            data[start : start + length] = chance.choice((bytes(length), b"\xff" * length, chance.randbytes(length)))
        case "truncate":
            del data[start:]
        case "insert":
            data[start:start] = chance.randbytes(length * chance.choice((1, 12)))
        case "leave out":
            del data[start : start + length]
        case "swap":  # two parts of the file: in a PNG, two whole chunks
            places = chunk_starts(data) if data.startswith(b"\x89PNG") else []
            if len(places) < 4:
                places = [chance.randrange(len(data)) for _ in range(4)]
            first, middle, last, end = sorted(chance.sample(places, 4))
            data[first:end] = data[last:end] + data[middle:last] + data[first:middle]
        case "header":  # one of the numbers at the beginning becomes an extreme
            start, form = chance.randrange(min(len(data), 64)), chance.choice((">H", "<H", ">I", "<I"))
            number = struct.pack(form, chance.choice(EXTREMES) & (0xFFFF if form.endswith("H") else 0xFFFFFFFF))
            data[start : start + len(number)] = number
        case "size":
            claim_size(data, chance)


def claim_size(data: bytearray, chance: random.Random) -> None:
    """Claim another width or height, with a checksum that fits."""
    if data.startswith(b"\x89PNG"):
        start = chance.choice((16, 20))
        data[start : start + 4] = struct.pack(">I", chance.choice(EXTREMES))
        data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
        return
    is_webp = data.startswith(b"RIFF")
    frame = data.find(b"VP8") if is_webp else max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    start = frame + chance.choice(range(12, 18) if is_webp else (5, 7))
    data[start : start + 2] = struct.pack("<H" if is_webp else ">H", chance.choice(EXTREMES) & 0xFFFF)


def chunk_starts(data: bytearray) -> list[int]:
    """Where the chunks of a PNG begin, and its end."""
    starts, place = [], 8
    while place + 8 <= len(data):
        starts.append(place)
        place += 12 + int(struct.unpack(">I", data[place : place + 4])[0])
    return [*starts, len(data)]


def mutated(number: int) -> tuple[str, bytes]:
    """What was done to which photo, and the file; the same for the same number, and no two kinds left out."""
    names = list(VALID)
    way, name = WAYS[number % len(WAYS)], names[number // len(WAYS) % len(names)]
    data = bytearray(VALID[name])
    mutate(way, data, random.Random(number))
    return f"{way} {name}", bytes(data)
