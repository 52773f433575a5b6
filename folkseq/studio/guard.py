"""Security checks on every request, and headers on every response.

Another web page can make the browser send requests to this machine. Therefore the host must be this machine (against
DNS rebinding), the origin, if any, must be the studio's, and everything except the assets requires the token in the
printed address. The content security policy keeps the page from loading or sending anything elsewhere.
"""

from __future__ import annotations

import hmac
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4 << 20
"""Maximum size of a request."""
TOKEN_HEADER = "x-folkseq-token"
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """ASGI middleware that makes these checks."""

    def __init__(self, app: ASGIApp, token: str, hosts: set[str], policy: str) -> None:
        """Wrap an application; see `folkseq.studio.app.application` for the arguments."""
        self._app, self._token, self._hosts, self._policy = app, token, hosts, policy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in {**_HEADERS, "Content-Security-Policy": self._policy}.items():
                    headers.setdefault(name, value)
            await send(message)

        refused = self._refuse(scope)
        if refused is not None:
            status, reason = refused
            await JSONResponse({"error": reason}, status)(scope, receive, send_guarded)
            return
        await self._app(scope, _limited(receive), send_guarded)

    def _refuse(self, scope: Scope) -> tuple[int, str] | None:
        """Return the status and the reason for refusing a request; None if it is accepted."""
        headers, hosts = Headers(scope=scope), self._hosts
        if headers.get("host", "") not in hosts:
            return 421, "the studio answers only at the address that it printed"
        origin = headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in hosts:
            return 403, "the studio answers only its own page"
        if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return 403, "the studio answers only its own page"
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BYTES:
            return 413, f"a request has at most {MOST_BYTES >> 20} MB; send a shorter piece"
        if scope["path"].startswith("/assets/"):
            return None
        query = parse_qs(scope["query_string"].decode("latin-1"))
        given = headers.get(TOKEN_HEADER) or query.get("token", [""])[0]
        if not hmac.compare_digest(given.encode(), self._token.encode()):
            return 403, "open the address that `folkseq studio` printed, with its token"
        return None


class TooLargeError(Exception):
    """A body larger than its headers said."""


def _limited(receive: Receive) -> Receive:
    """Return `receive` with an error for a body that gets too long without stating its length."""
    size = 0

    async def limited() -> Message:
        nonlocal size
        message = await receive()
        size += len(message.get("body", b""))
        if size > MOST_BYTES:
            raise TooLargeError
        return message

    return limited
