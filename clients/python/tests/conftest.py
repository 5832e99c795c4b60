from __future__ import annotations

from collections.abc import Iterator

import pytest
from support import KEY, Server, Site

from runo import Client


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.gate.set()
    site.close()


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(KEY, server.base) as client:
        yield client


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits of the synchronous client, recorded instead of slept."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    return waited
