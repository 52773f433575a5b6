"""The server: create an address with a token, open the browser, and run uvicorn until an interrupt."""

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
_SHUTDOWN_S = 2  # time for open streams when the server ends
_BROWSER_S = 0.3  # delay until the server answers


class Server:
    """A studio with an address; the port is taken on construction."""

    def __init__(self, workshop: Workshop, port: int = 0) -> None:
        """Take a port, by default a free one. Raises RequestError if it is in use."""
        token = secrets.token_urlsafe(16)
        # asyncio sends small packets at once only on a socket declared as TCP; others wait 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind((HOST, port))
        except OSError as error:
            self._socket.close()
            raise RequestError(f"--port {port}: cannot be used ({error.strerror}); leave it out") from None
        port = self._socket.getsockname()[1]
        self.address = f"http://{HOST}:{port}/?token={token}"
        """The address of the page, with the token that every request needs."""
        hosts = {f"{name}:{port}" for name in (HOST, "localhost")}
        app = application(workshop, token, hosts)
        config = uvicorn.Config(app, log_level="error", lifespan="on", timeout_graceful_shutdown=_SHUTDOWN_S)
        self._server = uvicorn.Server(config)

    def run(self) -> None:
        """Serve until an interrupt, or until `stop` is called."""
        with self._socket, suppress(KeyboardInterrupt):
            self._server.run(sockets=[self._socket])

    def stop(self) -> None:
        """End `run`, from another thread."""
        self._server.should_exit = True


def serve(workshop: Workshop, port: int = 0, browser: bool = True, on_start: Callable[[str], None] = print) -> None:
    """Serve the studio until an interrupt.

    Args:
        workshop: the models and the folder.
        port: the port; by default, a free one.
        browser: whether to open the page in the browser.
        on_start: called with the address.

    Raises:
        RequestError: the port is in use.
    """
    server = Server(workshop, port)
    on_start(server.address)
    if browser:
        timer = Timer(_BROWSER_S, webbrowser.open, [server.address])
        timer.daemon = True
        timer.start()
    server.run()
