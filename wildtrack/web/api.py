"""The routes of the web page's server: requests in, typed answers out. `Service` does the work."""

import io
from collections.abc import Callable
from functools import partial
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
from wildtrack.web.database import Event, Sighting
from wildtrack.web.exports import camtrapdp_zip, catalogue_csv
from wildtrack.web.responses import Confirmation, Entry, Health, Identities, Prediction, for_the_web, shown_name
from wildtrack.web.service import Service
from wildtrack.web.store import ConflictError

PHOTO_LIMIT = 20_000_000  # bytes
MOST_PHOTOS = 50  # in a request
BODY_LIMIT = 100_000_000  # bytes of a request
LONGEST_SIDE = 4096  # pixels, of a photo that is sent
QUALITY = 90  # of its JPEG
MOST_ENTRIES = 1000  # of the history

ResultT = TypeVar("ResultT")
TopK = Annotated[int, Query(ge=1, le=100, description="How many identities to name.")]
Viewpoint = Annotated[
    str, Query(max_length=50, description="Which side of the animal the photos show, in the catalogue's words.")
]
Photos = Annotated[list[UploadFile], File(description="JPEG, PNG or WebP (HEIC where it is installed), one or many.")]
PhotoId = Annotated[
    str, InPath(pattern="^[0-9a-f]{64}$", description="SHA-256 of the file, as in answers.", examples=["0" * 64])
]
RowId = Annotated[int, InPath(ge=1, le=2**62)]
Longest = Annotated[int, Query(ge=16, le=LONGEST_SIDE, description="Pixels of the longer side.")]
Box = Annotated[str, Query(max_length=200, description="Crop to [x, y, width, height], in pixels.")]

DESCRIPTION = """
Which animals photos show, and what people confirmed. `POST /search` gives what `search.py --json` prints, without
paths. Requests that write must come from the page itself or from a program, with the header `X-WildTrack-Token` where
the server is open to other computers. A server with too many requests in work answers 503 with `Retry-After`.
"""
PROBLEMS: dict[int | str, dict[str, Any]] = {
    code: {"description": reason, "content": {"application/json": {"example": {"detail": reason}}}}
    for code, reason in {
        400: "The request is not well formed.",
        401: "The token is missing.",
        403: "Another page sent this.",
        404: "There is no such photo or sighting.",
        408: "The request came too slowly.",
        409: "It contradicts what is known.",
        413: "The request is too large.",
        421: "The server does not have this name.",
        503: "Too many requests are in work; try again.",
        507: "The server's disk is full or read-only; nothing was changed.",
    }.items()
}


def create_app(service: Service, page: str, needs_token: bool) -> FastAPI:
    """The application, without its guard; `/healthz` says whether that needs a token."""
    app = FastAPI(
        title="WildTrack",
        version=__version__,
        description=DESCRIPTION,
        responses=PROBLEMS,
        docs_url=None,  # this page and the next come from a CDN
        redoc_url=None,
    )
    workers = anyio.CapacityLimiter(cores())

    async def work(function: Callable[..., ResultT], *args: Any) -> ResultT:
        """Call a function in a thread; at most one thread a core works, the others wait."""
        return await anyio.to_thread.run_sync(partial(function, *args), limiter=workers)

    @app.exception_handler(ConflictError)
    @app.exception_handler(UserError)
    @app.exception_handler(PhotoError)
    @app.exception_handler(OSError)
    @app.exception_handler(OperationalError)
    async def refuse(_: Request, error: Exception) -> JSONResponse:
        status, reason = _refusal(error)
        return JSONResponse({"detail": reason}, status)

    @app.get("/", include_in_schema=False)
    async def index() -> HTMLResponse:
        return HTMLResponse(page)

    @app.get("/healthz")
    async def healthz() -> Health:
        """Whether the server can answer."""
        gallery = service.searcher.gallery
        return Health(
            status="ok",
            version=__version__,
            model="" if gallery.source is None else gallery.source.fingerprint,
            matcher=service.searcher.matcher,
            photos=len(gallery),
            identities=len(gallery.identities.names),
            confirmed=len(gallery) - len(gallery.embeddings),
            lost=len(service.store.lost),
            writes_need_token=needs_token,
        )

    @app.post("/search")
    async def search(
        photos: Photos,
        topk: TopK = 5,
        viewpoint: Viewpoint = "",
        points: Annotated[bool, Query(description="Also the positions of matching points.")] = False,
    ) -> list[Answer]:
        """Which animal each photo shows: ranked identities, P(same animal), and a decision."""
        check_size(photos)
        answers = [await work(service.answer, shown_name(each.filename), each.file, topk, viewpoint) for each in photos]
        return [for_the_web(answer, points) for answer in answers]

    @app.post("/predict")
    async def predict(photos: Photos, topk: TopK = 5) -> list[Prediction]:
        """The probabilities of the model's classes, which are only the animals it was trained on."""
        check_size(photos)
        return [await work(service.predict, shown_name(each.filename), each.file, topk) for each in photos]

    @app.get("/identities")
    async def identities() -> Identities:
        """The known animals."""
        animals = await work(service.identities)
        return Identities(len(service.searcher.gallery), service.viewpoints(), animals)

    @app.get("/photos/{photo_id}", response_class=Response, responses={200: {"content": {"image/jpeg": {}}}})
    async def photo(photo_id: PhotoId, longest: Longest = LONGEST_SIDE, bbox: Box = "") -> Response:
        """A known photo, upright and without metadata."""
        try:
            box = parse_bbox(bbox) if bbox else None
        except ValueError as error:
            raise UserError(f"bbox {bbox!r} is not [x, y, width, height]") from error
        return Response(await work(_jpeg, service, photo_id, box, longest), media_type="image/jpeg")

    @app.post("/sightings", status_code=201, response_model=Confirmation)
    async def confirm(
        photo: Annotated[UploadFile, File(description="The photo.")],
        identity: Annotated[str, Form(max_length=1000, description="Who it shows.", examples=["ID_0001"])],
        new_individual: Annotated[bool, Form(description="Whether the animal is not known yet.")] = False,
        viewpoint: Annotated[str, Form(max_length=50, description="Which side of the animal shows.")] = "",
        another: Annotated[bool, Form(description="Whether another animal has been confirmed on the photo.")] = False,
    ) -> Sighting:
        """Confirm which animal a photo shows. The photo is searched from then on; this can be undone."""
        check_size([photo])
        return await work(service.confirm, photo.file, identity, new_individual, viewpoint, another)

    @app.get("/sightings", response_model=list[Confirmation])
    async def sightings() -> list[Sighting]:
        """The sightings that were not undone, the oldest first."""
        return await work(service.store.sightings)

    @app.post("/sightings/{number}/undo", response_model=Confirmation)
    async def undo(number: RowId) -> Sighting:
        """Undo a sighting. The history keeps both."""
        return await work(service.undo, number)

    @app.get("/events", response_model=list[Entry])
    async def events(most: Annotated[int, Query(ge=1, le=MOST_ENTRIES)] = 100) -> list[Event]:
        """The history of sightings made and undone, the newest first."""
        return await work(service.store.events, most)

    @app.get("/export", response_class=Response, responses={200: {"content": {"text/csv": {}, "application/zip": {}}}})
    async def export(
        form: Annotated[Literal["csv", "camtrapdp"], Query(description="A catalogue, or Camtrap DP.")] = "csv",
        positions: Annotated[bool, Query(description="With positions: they get rare animals poached.")] = False,
    ) -> Response:
        """The catalogue with the confirmed photos: tables without photos, and without positions unless asked for."""
        if form == "csv":
            return _download(await work(catalogue_csv, service, positions), "text/csv; charset=utf-8", "catalogue.csv")
        content, left_out = await work(camtrapdp_zip, service, positions)
        answer = _download(content, "application/zip", "camtrapdp.zip")
        answer.headers["x-left-out"] = str(left_out)  # rows; see left_out.csv in it
        return answer

    return app


def check_size(photos: list[UploadFile]) -> None:
    """Refuse too many or too large photos before they are read."""
    if len(photos) > MOST_PHOTOS:
        raise HTTPException(413, f"{len(photos)} photos at once; at most {MOST_PHOTOS}")
    for photo in photos:
        if (photo.size or 0) > PHOTO_LIMIT:
            name, size = shown_name(photo.filename), (photo.size or 0) / 1e6
            raise HTTPException(413, f"{name} has {size:.1f} MB; at most {PHOTO_LIMIT / 1e6:.0f}: save a smaller copy")


def _refusal(error: Exception) -> tuple[int, str]:
    """The status and reason for an error that is not the server's fault, or that its disk causes."""
    if isinstance(error, ConflictError | UserError):
        return 409 if isinstance(error, ConflictError) else 422, str(error)
    if isinstance(error, PhotoError):
        return 422, f"the photo cannot be read: {error}"
    reason = error.strerror if isinstance(error, OSError) else getattr(error, "orig", None)  # names no folder
    return 507, f"the server's disk refuses to write: {reason or 'no reason given'}"


def _jpeg(service: Service, photo_id: str, bbox: tuple[float, ...] | None, longest: int) -> bytes:
    """A photo encoded anew, so that only its pixels are sent."""
    pixels = service.picture(photo_id, bbox, longest)
    if pixels is None:
        raise HTTPException(404, "there is no such photo")
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, "JPEG", quality=QUALITY)
    return encoded.getvalue()


def _download(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={"content-disposition": f'attachment; filename="{name}"'})
