"""The server: an address on this machine with a token, a browser, and uvicorn until an interrupt."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from threading import Timer

import uvicorn

from folkseq.errors import RequestError
from folkseq.studio.app import application
from folkseq.studio.workshop import Workshop

HOST = "127.0.0.1"
_SHUTDOWN_S = 2  # for streams that are open when the server ends
_BROWSER_S = 0.3  # until the server answers


def serve(workshop: Workshop, port: int = 0, browser: bool = True, on_start: Callable[[str], None] = print) -> None:
    """Serve the studio until an interrupt.

    Args:
        workshop: the models and the folder.
        port: a free one by default.
        browser: whether to open the page in the browser.
        on_start: called with the address.

    Raises:
        RequestError: the port is taken.
    """
    token = secrets.token_urlsafe(16)
    with socket.socket() as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listening.bind((HOST, port))
        except OSError as error:
            raise RequestError(
                f"--port {port}: cannot be used ({error.strerror}); leave it out for a free one"
            ) from None
        port = listening.getsockname()[1]
        hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        address = f"http://{HOST}:{port}/?token={token}"
        config = uvicorn.Config(
            application(workshop, token, lambda: hosts),
            log_level="error",
            lifespan="on",
            timeout_graceful_shutdown=_SHUTDOWN_S,
        )
        on_start(address)
        if browser:
            timer = Timer(_BROWSER_S, webbrowser.open, [address])
            timer.daemon = True
            timer.start()
        with suppress(KeyboardInterrupt):
            uvicorn.Server(config).run(sockets=[listening])
