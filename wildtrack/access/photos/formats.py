"""Which photos are read: formats by content, suffixes by name, and what to say of the others."""

try:
    import pillow_heif
except ImportError:
    HAS_HEIF = False
else:
    pillow_heif.register_heif_opener()
    HAS_HEIF = True

_HEIF_SUFFIXES = frozenset({".heic", ".heif"})
_RAW_SUFFIXES = frozenset({".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".raw", ".rw2", ".srw"})
_OTHER_SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".jp2", ".jxl", ".psd", ".tif", ".tiff"})
_USUAL_SUFFIXES = frozenset({".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp"})
PHOTO_SUFFIXES = _USUAL_SUFFIXES | _HEIF_SUFFIXES if HAS_HEIF else _USUAL_SUFFIXES
OTHER_IMAGE_SUFFIXES = (_RAW_SUFFIXES | _HEIF_SUFFIXES | _OTHER_SUFFIXES) - PHOTO_SUFFIXES
VIDEO_SUFFIXES = frozenset({".3gp", ".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".wmv"})

# MPO needs no entry of its own: Pillow's JPEG opener returns it, and naming it raises KeyError for other files.
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF") if HAS_HEIF else ("JPEG", "PNG", "WEBP")
SUFFIX_OF = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "HEIF": ".heic"}

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_OTHER_STARTS = {
    b"II*\0": ".tif",  # raw files mostly begin as TIFF does
    b"MM\0*": ".tif",
    b"GIF8": ".gif",
    b"8BPS": ".psd",
    b"\0\0\0\x0cjP  ": ".jp2",
    b"\0\0\0\x0cJXL ": ".jxl",
    b"\xff\x0a": ".jxl",
}


def other_suffix(head: bytes) -> str | None:
    """The suffix of an image in a format that is not read, found from its first 12 bytes; None for anything else."""
    if head[4:8] == b"ftyp" and head[8:12] in (b"avif", b"avis"):
        return ".avif"
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS and not HAS_HEIF:
        return ".heic"
    if head[:2] == b"BM" and head[6:10] == bytes(4):
        return ".bmp"
    return next((suffix for start, suffix in _OTHER_STARTS.items() if head.startswith(start)), None)


def conversion_hint(suffix: str) -> str:
    """Why photos with this suffix are not read, and what to do."""
    if suffix.lower() in _HEIF_SUFFIXES:
        return "HEIC photos need one more package (pip install pillow-heif) or a JPEG copy"
    if suffix.lower() in VIDEO_SUFFIXES:
        return f"{suffix} is a video: export frames of it as JPEG"
    if suffix.lower() in _RAW_SUFFIXES:
        return f"{suffix} is a raw camera file: export a JPEG copy with the camera's or any photo software"
    return f"{suffix} photos are not read: save a JPEG copy (many at once: magick mogrify -format jpg *{suffix})"
