"""The web page's server: requests in, typed answers out. What it knows is in `Service`."""

import base64
import hashlib
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal, TypeVar

import anyio
from fastapi import FastAPI, File, Form, HTTPException, Query, Request, UploadFile
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, JSONResponse, Response
from PIL import Image
from sqlalchemy.exc import OperationalError

from wildtrack import __version__
from wildtrack.access.cells import parse_bbox
from wildtrack.access.photos.reader import PhotoError
from wildtrack.address.gallery.answers import Answer
from wildtrack.errors import UserError
from wildtrack.storage.threads import cores
from wildtrack.web.exports import catalogue_csv, write_camtrapdp
from wildtrack.web.responses import (
    EXAMPLE,
    Confirmation,
    Entry,
    Health,
    Identities,
    KnownAnimal,
    Prediction,
    Probability,
    confirmation,
    entry,
    for_the_web,
    shown_name,
)
from wildtrack.web.service import Service
from wildtrack.web.store import ConflictError

PHOTO_LIMIT = 20_000_000  # bytes
MOST_PHOTOS = 50  # in a call
BODY_LIMIT = 100_000_000  # bytes of a call
LONGEST_SIDE = 4096  # pixels, of a photo that is shown
QUALITY = 90  # of its JPEG
MOST_ENTRIES = 1000  # of the trail

ResultT = TypeVar("ResultT")
TopK = Annotated[int, Query(ge=1, le=100, description="How many identities to name.")]
Viewpoint = Annotated[
    str, Query(max_length=50, description="Which side of the animal the photos show, in the catalogue's words.")
]
Photos = Annotated[list[UploadFile], File(description="JPEG, PNG or WebP (HEIC where it is installed), one or many.")]
PhotoId = Annotated[
    str, InPath(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, as answers give it.", examples=["0" * 64])
]
RowId = Annotated[int, InPath(ge=1, le=2**62)]

DESCRIPTION = """
Who is on a photo, and what people said about it. `POST /search` gives what `search.py --json` prints, without paths.
Writing requests must come from the page itself, or from a program, and bring the header `X-WildTrack-Token` where the
server is open to other computers. Where too much is asked at once, the answer is 503 with `Retry-After`.
"""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": said, "content": {"application/json": {"example": {"detail": said}}}}
    for code, said in {
        400: "The request is not well formed.",
        401: "The token is missing.",
        403: "Another page sent this.",
        404: "There is no such photo or sighting.",
        408: "The request came too slowly.",
        409: "It contradicts what is known.",
        413: "Too much at once.",
        421: "The server does not go by this name.",
        503: "Too many requests wait; ask again.",
        507: "The server's disk is full, or cannot be written; nothing was changed.",
    }.items()
}


@dataclass(frozen=True)
class Picture:
    """How to send a photo."""

    longest: int
    bbox: tuple[float, ...] | None


def create_app(service: Service, page: str, needs_token: bool) -> FastAPI:
    """The application, without its guard.

    Args:
        service: What is asked.
        page: The HTML of `/`.
        needs_token: Whether the guard asks for one; `/healthz` says so.
    """
    app = FastAPI(
        title="WildTrack",
        version=__version__,
        description=DESCRIPTION,
        responses=PROBLEMS,
        docs_url=None,  # its pages come from a CDN
        redoc_url=None,
    )
    workers = anyio.CapacityLimiter(cores())

    async def work(function: Callable[..., ResultT], *args: Any) -> ResultT:
        """In a thread, as many as there are cores: the others wait their turn."""
        return await anyio.to_thread.run_sync(partial(function, *args), limiter=workers)

    @app.exception_handler(ConflictError)
    async def conflict(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 409)

    @app.exception_handler(UserError)
    async def cannot(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": str(error)}, 422)

    @app.exception_handler(PhotoError)
    async def unreadable(_: Request, error: Exception) -> JSONResponse:
        return JSONResponse({"detail": f"the photo cannot be read: {error}"}, 422)

    @app.exception_handler(OSError)
    @app.exception_handler(OperationalError)
    async def disk(_: Request, error: Exception) -> JSONResponse:
        """A full or read-only disk; what was there is whole."""
        reason = error.strerror if isinstance(error, OSError) else getattr(error, "orig", None)  # names no folder
        return JSONResponse({"detail": f"the disk of the server says: {reason or 'no'}"}, 507)

    @app.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/healthz")
    async def healthz() -> Health:
        """Whether the server can answer."""
        gallery = service.searcher.gallery
        return Health(
            "ok",
            __version__,
            "" if gallery.source is None else gallery.source.fingerprint,
            service.searcher.matcher,
            len(gallery),
            len(gallery.identities.names),
            len(gallery) - len(gallery.embeddings),
            len(service.store.lost),
            needs_token,
        )

    @app.post("/search", responses={200: {"content": {"application/json": {"example": [asdict(EXAMPLE)]}}}})
    async def search(
        photos: Photos,
        topk: TopK = 5,
        viewpoint: Viewpoint = "",
        points: Annotated[bool, Query(description="Also where the points lie that two photos share.")] = False,
    ) -> list[Answer]:
        """Who is on each photo: ranked identities, P(same animal), and a decision."""
        check_size(photos)
        answers = [await work(service.answer, shown_name(each.filename), each.file, topk, viewpoint) for each in photos]
        return [for_the_web(answer, points) for answer in answers]

    @app.post("/predict")
    async def predict(photos: Photos, topk: TopK = 5) -> list[Prediction]:
        """What the model's classifier says; it knows only the animals it was trained on, and `note` says so."""
        check_size(photos)
        return [await work(_predict, service, photo, topk) for photo in photos]

    @app.get("/identities")
    async def identities() -> Identities:
        """Who can be found."""
        return await work(_identities, service)

    @app.get("/photos/{photo_id}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
    async def photo(
        photo_id: PhotoId,
        longest: Annotated[int, Query(ge=16, le=LONGEST_SIDE, description="Pixels of the longer side.")] = LONGEST_SIDE,
        bbox: Annotated[str, Query(max_length=200, description="Cut out [x, y, width, height], in pixels.")] = "",
    ) -> Response:
        """A known photo, upright and without metadata."""
        try:
            box = parse_bbox(bbox) if bbox else None
        except ValueError as error:
            raise UserError(f"bbox {bbox!r} is not [x, y, width, height]") from error
        return Response(await work(_jpeg, service, photo_id, Picture(longest, box)), media_type="image/jpeg")

    @app.post("/sightings", status_code=201)
    async def confirm(
        photo: Annotated[UploadFile, File(description="The photo.")],
        identity: Annotated[str, Form(max_length=1000, description="Who it shows.", examples=["ID_0001"])],
        new_individual: Annotated[
            bool, Form(description="Whether this names an animal that is not known yet.")
        ] = False,
        viewpoint: Annotated[str, Form(max_length=50, description="Which side of the animal shows.")] = "",
    ) -> Confirmation:
        """Say who a photo shows. It is searched from then on, and can be undone."""
        check_size([photo])
        return confirmation(await work(service.confirm, photo.file, identity, new_individual, viewpoint))

    @app.get("/sightings")
    async def sightings() -> list[Confirmation]:
        """What was said and not undone, the oldest first."""
        return [confirmation(each) for each in await work(service.store.sightings)]

    @app.post("/sightings/{number}/undo")
    async def undo(number: RowId) -> Confirmation:
        """Take back what was said. The trail keeps both."""
        return confirmation(await work(service.undo, number))

    @app.get("/events")
    async def events(most: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100) -> list[Entry]:
        """The trail of what was said and undone, the newest first."""
        return [entry(each) for each in await work(service.store.events, most)]

    @app.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}, "application/zip": {}}}})
    async def export(
        form: Annotated[Literal["csv", "camtrapdp"], Query(description="A catalogue, or Camtrap DP.")] = "csv",
        positions: Annotated[bool, Query(description="With positions: they get rare animals poached.")] = False,
    ) -> Response:
        """Everything that is known, with what was confirmed: tables, no photos, and no positions unless asked for."""
        if form == "csv":
            return _download(await work(catalogue_csv, service, positions), "text/csv; charset=utf-8", "catalogue.csv")
        content, left_out = await work(_camtrapdp, service, positions)
        answer = _download(content, "application/zip", "camtrapdp.zip")
        answer.headers["x-left-out"] = str(left_out)  # rows; see left_out.csv in it
        return answer

    return app


def check_size(photos: list[UploadFile]) -> None:
    """Refuse what is too large, before anything looks at it."""
    if len(photos) > MOST_PHOTOS:
        raise HTTPException(413, f"{len(photos)} photos at once; at most {MOST_PHOTOS}")
    for photo in photos:
        if (photo.size or 0) > PHOTO_LIMIT:
            name, size = shown_name(photo.filename), (photo.size or 0) / 1e6
            raise HTTPException(413, f"{name} has {size:.1f} MB; at most {PHOTO_LIMIT / 1e6:.0f}: save a smaller copy")


def _predict(service: Service, photo: UploadFile, topk: int) -> Prediction:
    name = shown_name(photo.filename)
    try:
        query = service.read(name, photo.file)
    except PhotoError as error:
        return Prediction(name, "unreadable", str(error), [])
    return Prediction(name, "ok", None, [Probability(*each) for each in service.probabilities(query, topk)])


def _identities(service: Service) -> Identities:
    animals = [
        KnownAnimal(row["identity"], int(row["photos"]), row["photo_id"], row["bbox"], row["last_seen"] or None)
        for row in service.identities().to_dict("records")
    ]
    return Identities(len(service.searcher.gallery), service.viewpoints(), animals)


def _jpeg(service: Service, photo_id: str, wanted: Picture) -> bytes:
    """Drawn anew, so that nothing of the file but its pixels leaves."""
    pixels = service.picture(photo_id, wanted.bbox, wanted.longest)
    if pixels is None:
        raise HTTPException(404, "there is no such photo")
    drawn = io.BytesIO()
    Image.fromarray(pixels).save(drawn, "JPEG", quality=QUALITY)
    return drawn.getvalue()


def _camtrapdp(service: Service, positions: bool) -> tuple[bytes, int]:
    packed = io.BytesIO()
    with TemporaryDirectory() as folder:
        written = Path(folder) / "camtrapdp"
        left_out = write_camtrapdp(service, written, positions)
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for file in sorted(written.iterdir()):
                archive.write(file, file.name)
    return packed.getvalue(), left_out


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})


def inline_hashes(page: str) -> tuple[str, str]:
    """The page's own script and style as sources of a Content-Security-Policy: nothing else runs on it."""

    def hashes(tag: str) -> str:
        blocks = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return " ".join(
            f"'sha256-{base64.b64encode(hashlib.sha256(each.encode()).digest()).decode()}'" for each in blocks
        )

    return hashes("script"), hashes("style")
