"""The application: the page, its assets, and the operations.

An operation takes its values from a JSON body, or from the query of a GET request, and runs in a thread. The response
is JSON, a file, or a stream of server-sent events. Each event is named after its type, and the stream ends with `done`
or `error`. Generation stops when the page closes the connection.
"""

from __future__ import annotations

import errno
import json
from base64 import b64encode
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from functools import partial
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from anyio import to_thread
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from folkseq.errors import FolkseqError, RunError
from folkseq.studio.api import OPERATIONS
from folkseq.studio.errors import BusyError, ConflictError, MissingError
from folkseq.studio.guard import Guard, TooLargeError
from folkseq.studio.jobs import Jobs
from folkseq.studio.openapi import document
from folkseq.studio.operations import File, Operation, StoredFile, to_json
from folkseq.studio.workshop import Workshop

_STATUS: dict[type[Exception], int] = {MissingError: 404, ConflictError: 409, BusyError: 503, RunError: 404}
_FULL = {errno.ENOSPC, errno.EDQUOT}
_PAGE = files("folkseq.studio").joinpath("page")
_VENDOR = files("folkseq.studio").joinpath("vendor")


def application(workshop: Workshop, token: str, hosts: set[str]) -> Starlette:
    """Return the studio as an ASGI application.

    Args:
        workshop: the shared resources of the operations.
        token: the token that each request must contain.
        hosts: the accepted hosts, as `name:port`.
    """
    jobs = Jobs()
    page = _PAGE.joinpath("index.html").read_text("utf-8")

    async def show_page(_: Request) -> Response:
        return Response(page, media_type="text/html")

    async def show_document(_: Request) -> Response:
        return JSONResponse(document(OPERATIONS))

    routes = [
        Route("/", show_page),
        Route("/openapi.json", show_document),
        *(Route(each.path, partial(_answer, each, workshop, jobs), methods=[each.method]) for each in OPERATIONS),
        Mount("/assets/page", _Assets(directory=str(_PAGE))),
        Mount("/assets/vendor", _Assets(directory=str(_VENDOR))),
    ]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Guard, token=token, hosts=hosts, policy=_policy(page))],
        exception_handlers={TooLargeError: _too_large, Exception: _fault},
    )


class _Assets(StaticFiles):
    """Files that a browser revalidates on each use, since another version may run on the same port."""

    def file_response(self, *arguments: Any, **others: Any) -> Response:
        response = super().file_response(*arguments, **others)
        response.headers["Cache-Control"] = "no-cache"
        return response


def _policy(page: str) -> str:
    """Return the content security policy, which allows the page's own files and its inline import map.

    The synthesizer decodes compressed soundfonts with WebAssembly; `wasm-unsafe-eval` allows this, but not `eval`.
    """
    _, _, rest = page.partition('<script type="importmap">')
    inline = rest.partition("</script>")[0]
    digest = b64encode(sha256(inline.encode()).digest()).decode()
    return (
        f"default-src 'self'; script-src 'self' 'wasm-unsafe-eval' 'sha256-{digest}'; img-src 'self' data:; "
        "media-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


async def _answer(operation: Operation, workshop: Workshop, jobs: Jobs, request: Request) -> Response:
    try:
        asked = operation.parse(await _values(request))
        if operation.streams:
            results = jobs.results(lambda: operation.run(workshop, asked))
            first = await anext(results, None)  # so that an early error gets its own HTTP status
            return StreamingResponse(_events(first, results), media_type="text/event-stream")
        answer = await to_thread.run_sync(operation.run, workshop, asked)
    except (FolkseqError, OSError) as error:
        return JSONResponse({"error": _sentence(error)}, _status(error))
    if isinstance(answer, File):
        named = f"attachment; filename*=UTF-8''{quote(answer.name)}"
        return Response(answer.data, media_type=answer.type, headers={"Content-Disposition": named})
    if isinstance(answer, StoredFile):
        response = _Assets().file_response(answer.path, answer.path.stat(), request.scope)
        response.headers["Content-Type"] = answer.type
        return response
    return JSONResponse(to_json(answer))


async def _values(request: Request) -> Mapping[str, Any]:
    """Return the values of a request: its JSON object, or its query with numbers parsed."""
    if request.method == "GET":
        return {name: _number(value) for name, value in request.query_params.items() if name != "token"}
    body = await request.body() or b"{}"
    try:
        values = json.loads(body)
        if rb"\u" in body:
            json.dumps(values, ensure_ascii=False).encode()  # raises for a lone surrogate, which no file can hold
    except (ValueError, RecursionError):
        raise FolkseqError("the request is not JSON") from None
    if not isinstance(values, dict):
        raise FolkseqError("the request must be a JSON object")
    return values


def _number(value: str) -> str | int:
    return int(value) if value.isdecimal() and len(value) < 20 else value


async def _events(first: Any, results: AsyncGenerator[Any]) -> AsyncGenerator[str]:
    async with aclosing(results):
        try:
            if first is not None:
                yield _event(type(first).__name__.lower(), to_json(first))
                async for result in results:
                    yield _event(type(result).__name__.lower(), to_json(result))
            yield _event("done", {})
        except (FolkseqError, OSError) as error:
            yield _event("error", {"error": _sentence(error)})
        except Exception:
            yield _event("error", {"error": "a fault in folkseq; see the terminal"})
            raise


def _event(name: str, value: Any) -> str:
    return f"event: {name}\ndata: {json.dumps(value, ensure_ascii=False)}\n\n"


def _status(error: Exception) -> int:
    if isinstance(error, OSError) or isinstance(error.__cause__, OSError):
        cause = error if isinstance(error, OSError) else error.__cause__
        return 507 if getattr(cause, "errno", None) in _FULL else 500
    return next((status for kind, status in _STATUS.items() if isinstance(error, kind)), 400)


def _sentence(error: Exception) -> str:
    if _status(error) == 507:
        return "the disk is full, so nothing is saved; make room on it and try again"
    if isinstance(error, OSError):
        return f"{error.filename or 'a file'}: cannot be used ({error.strerror or error})"
    return " ".join(str(error).split())


async def _too_large(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": "the request is too large; send a shorter piece"}, 413)


async def _fault(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": "a fault in folkseq; see the terminal"}, 500)
