import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from hypothesis import settings

# Other programs may slow one example down. One commit has one result in CI; everyone else draws new examples each time.
settings.register_profile("busy", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("busy")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # before anything imports torch: small models are faster on one thread


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests go first, so that none is left over when all others are done; the longest first of all."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    longest = ("test_pages.py", "test_notebooks.py")
    items.sort(key=lambda item: (item.path.name not in longest, item.path not in slow))


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests, and the programs that they start, out of the user's own cache."""
    before = os.environ.get("FOLKSEQ_CACHE")
    os.environ["FOLKSEQ_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield
    if before is None:
        del os.environ["FOLKSEQ_CACHE"]
    else:
        os.environ["FOLKSEQ_CACHE"] = before


@pytest.fixture(autouse=True)
def no_status(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine, any command may take two seconds; what it prints should not depend on that."""
    monkeypatch.setattr("folkseq.cli.status.FIRST_S", 3600.0)


@pytest.fixture(scope="session")
def program() -> Callable[[str], str]:
    """Return a function that finds a judge; without it the test is skipped, or fails where FOLKSEQ_JUDGES is 1."""

    def find(name: str) -> str:
        path = shutil.which(name)
        if path is None:
            reason = f"{name} is not on the PATH"
            if os.environ.get("FOLKSEQ_JUDGES") == "1":
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return find


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Small models are slower on two threads than on one."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
