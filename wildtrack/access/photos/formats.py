"""Which files are photos: by content; and what to say of the others."""

from pathlib import PurePath

try:
    import pillow_heif
except ImportError:
    HAS_HEIF = False
else:
    pillow_heif.register_heif_opener()
    HAS_HEIF = True

_HEIF_SUFFIXES = frozenset({".heic", ".heics", ".heif", ".heifs", ".hif"})
_RAW = "3fr arw cr2 cr3 crw dcr dng erf fff gpr iiq kdc mef mos mrw nef nrw orf pef raf raw rw2 rwl sr2 srf srw x3f"
_RAW_SUFFIXES = frozenset(f".{name}" for name in _RAW.split())
_OTHER_SUFFIXES = frozenset({".avif", ".bmp", ".gif", ".jp2", ".jxl", ".psd", ".tif", ".tiff"})
_USUAL_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".jfi", ".jif", ".pjpeg", ".pjp", ".mpo", ".png", ".webp"}
)
PHOTO_SUFFIXES = _USUAL_SUFFIXES | _HEIF_SUFFIXES if HAS_HEIF else _USUAL_SUFFIXES
OTHER_IMAGE_SUFFIXES = (_RAW_SUFFIXES | _HEIF_SUFFIXES | _OTHER_SUFFIXES) - PHOTO_SUFFIXES
_VIDEOS = "3gp asf avi flv insv lrv m2ts m4v mkv mod mov mp4 mpeg mpg mts tod vob webm wmv"
VIDEO_SUFFIXES = frozenset(f".{name}" for name in _VIDEOS.split())
ARCHIVE_SUFFIXES = frozenset({".zip", ".rar", ".7z", ".tar", ".gz", ".tgz"})
_COPIES = (".bak", ".thm", "_original", "~")  # of cameras (THM: a video's first frame), editors and ExifTool

# MPO needs no entry of its own: Pillow's JPEG opener returns it, and naming it raises KeyError for other files.
FORMATS = ("JPEG", "PNG", "WEBP", "HEIF") if HAS_HEIF else ("JPEG", "PNG", "WEBP")
SUFFIX_OF = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "HEIF": ".heic"}

NO_PHOTO = "no photo"
COPY = f"{NO_PHOTO} of its own: a thumbnail or an earlier copy, kept by a camera or a program"

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1"})
_OTHER_STARTS = {
    b"II*\0": ".tif",  # raw files mostly begin as TIFF does
    b"MM\0*": ".tif",
    b"GIF8": ".gif",
    b"8BPS": ".psd",
    b"\0\0\0\x0cjP  ": ".jp2",
    b"\0\0\0\x0cJXL ": ".jxl",
    b"\xff\x0a": ".jxl",
    b"FUJIFILM": ".raf",
    b"IIU\0": ".rw2",
    b"IIRO": ".orf",
    b"IIRS": ".orf",
    b"FOVb": ".x3f",
}
_VIDEO_STARTS = (b"\x1aE\xdf\xa3", b"0&\xb2u\x8ef\xcf\x11", b"\0\0\x01\xba", b"FLV\x01")  # MKV and WebM, WMV, MPEG


def why_no_photo(name: str, head: bytes) -> str | None:
    """Why a file of that name, which begins with `head` (12 bytes), is no photo; None for a photo.

    A photo by name is one, whatever it holds: the reader says what is wrong with it.
    """
    suffix = PurePath(name).suffix.lower()
    if name.lower().endswith(_COPIES):
        return COPY if _is_photo(head) else NO_PHOTO
    if suffix in PHOTO_SUFFIXES or _is_photo(head):
        return None
    if suffix in OTHER_IMAGE_SUFFIXES | VIDEO_SUFFIXES:
        return conversion_hint(suffix)
    if suffix in ARCHIVE_SUFFIXES:
        return "an archive: unpack it if there are photos in it"
    other = other_suffix(head)
    if other is not None:
        return conversion_hint(other)
    is_video = head[4:8] == b"ftyp" or head.startswith(_VIDEO_STARTS) or (head[:4], head[8:12]) == (b"RIFF", b"AVI ")
    return "a video: export frames of it as JPEG" if is_video else NO_PHOTO


def _is_photo(head: bytes) -> bool:
    """Whether a file that begins so is in one of `FORMATS`."""
    if head.startswith((b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")) or (head[:4], head[8:12]) == (b"RIFF", b"WEBP"):
        return True
    return HAS_HEIF and head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS


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
