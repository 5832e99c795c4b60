"""SIGKILL in the middle of a job, and jobs of 10,000 URLs in constant memory."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import FIELDS, KEY, Answer, Scripted, Server, Site, free_port

from runo import AsyncClient, Client

TOTAL = 1_000
# In bytes; a third of what is transferred.
MAX_GROWTH = 26_000_000


@pytest.fixture
def killed_server() -> Iterator[Server]:
    # The leases of jobs and pages end soon after their holder has died.
    server = Server(free_port(), LEASE_SECONDS="1", SWEEP_SECONDS="1")
    yield server
    server.close()


def test_a_job_survives_a_kill_of_the_server(killed_server: Server, site: Site) -> None:
    indexes: list[int] = []
    with Client(KEY, killed_server.base) as client:
        before = client.usage().monthly.used
        # The second half waits at the gate, so that the job does not end before the kill.
        urls = [*site.urls(TOTAL // 2), *(f"{site.base}/gate/{n}" for n in range(TOTAL // 2, TOTAL))]
        # Pages that ran when the server died are read again in a child process, which is slow: 4 at most.
        job = client.batch(urls, FIELDS, concurrency=4, timeout_ms=8_000)
        for found in job:
            assert found.index is not None
            indexes.append(found.index)
            if len(indexes) == 50:
                killed_server.kill()
                site.gate.set()
                killed_server.start()
        assert sorted(indexes) == list(range(TOTAL))
        assert job.summary and (job.summary.total, job.summary.credits_charged) == (TOTAL, TOTAL)
        assert client.usage().monthly.used == before + TOTAL


def lines() -> Iterator[bytes]:
    data = b"x" * 8_000
    for n in range(10_000):
        yield b'{"index":%d,"url":"u","status":"success","render_mode":"fetch","data":{"title":"%s"}}\n' % (n, data)
    yield b'{"summary": {"total": 10000, "cancelled": false}}\n'


def large_job() -> Scripted:
    return Scripted(Answer(pieces=lines, headers={"X-Job-ID": "job_0123456789ab"}))


def test_ten_thousand_results_take_constant_memory() -> None:
    server, urls = large_job(), ["http://h/"] * 10_000
    with Client(KEY, server.base) as client, client.batch(urls, {"title": "string"}) as job:
        assert memory_growth(iter(job)) < MAX_GROWTH
    server.close()


def memory() -> int:
    """Returns the resident set of this process in bytes (other than on Linux, its peak)."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory_growth(results: Iterator[object]) -> int:
    """Returns by how many bytes the process grew at most between the 100th and the last of 10,000 results."""
    before = peak = count = 0
    for count, _ in enumerate(results, 1):
        if count == 100:
            before = peak = memory()
        elif count % 500 == 0:
            peak = max(peak, memory())
    assert count == 10_000
    return peak - before


def test_ten_thousand_results_take_constant_memory_in_the_asynchronous_client() -> None:
    async def main() -> int:
        async with AsyncClient(KEY, server.base) as client:
            job = await client.batch(["http://h/"] * 10_000, {"title": "string"})
            before = peak = memory()
            count = 0
            async for _ in job:
                count += 1
                if count % 500 == 0:
                    peak = max(peak, memory())
            assert count == 10_000
            return peak - before

    server = large_job()
    assert asyncio.run(main()) < MAX_GROWTH
    server.close()


@pytest.mark.skipif(not os.environ.get("RUNO_TEST_FULL"), reason="takes a minute: tests/clients.sh full")
def test_ten_thousand_pages_of_the_real_server(server: Server, site: Site) -> None:
    with Client(KEY, server.base) as client, client.batch(site.urls(10_000), FIELDS, concurrency=64) as job:
        peak = memory_growth(iter(job))
        print(f"10,000 pages: the process grew by {peak:,} bytes at most", file=sys.stderr)
        assert peak < MAX_GROWTH
        assert job.summary and job.summary.credits_charged == 10_000
