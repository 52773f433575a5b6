from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import httpx
import pytest

from folkseq.studio.server import Server
from folkseq.studio.workshop import Workshop


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the studio."""
    return tmp_path_factory.mktemp("studio")


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Serve a studio with the pretrained models, and return its address with the token."""
    server = Server(Workshop(folder))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    yield server.address
    server.stop()
    thread.join(10)


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[httpx.Client]:
    """Return a client that knows the token."""
    base, _, token = address.partition("/?token=")
    transport = httpx.HTTPTransport(retries=5)
    with httpx.Client(base_url=base, headers={"X-Folkseq-Token": token}, transport=transport, timeout=60) as found:
        yield found
