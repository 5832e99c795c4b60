"""Whole calls against the real local server."""

from __future__ import annotations

import asyncio
import builtins
from typing import Any

import pytest
from pydantic import BaseModel
from support import FIELDS, KEY, Proxy, Server, Site

from runo import AsyncClient, Client, Failure, Job, JobNotFound, PageError, Success


class Product(BaseModel):
    title: str
    price: float


class Strict(BaseModel):
    title: str
    isbn: str


def used(client: Client) -> int:
    return client.usage().monthly.used


def test_extract(client: Client, site: Site) -> None:
    page = client.extract(f"{site.base}/p/7", Product, no_cache=True)
    assert page.data == Product(title="Item 7", price=7.5) and page.render_mode == "fetch"
    assert client.extract(f"{site.base}/p/8", FIELDS).data == {"title": "Item 8", "price": 8.5}
    assert client.extract(f"{site.base}/p/8", {"title": "string"}).data == {"title": "Item 8"}
    with pytest.raises(PageError) as raised:
        client.extract(f"{site.base}/gone/1", Product)
    assert raised.value.code == "URL_UNREACHABLE" and raised.value.job_id
    with pytest.raises(PageError) as raised:
        client.extract(f"{site.base}/p/7", Strict)
    assert raised.value.code == "MODEL_MISMATCH" and "isbn" in raised.value.message


def test_a_batch_of_mixed_results(client: Client, site: Site) -> None:
    urls = [f"{site.base}/p/0", f"{site.base}/gone/1", f"{site.base}/p/2", f"{site.base}/p/0", "http://10.0.0.1/"]
    with client.batch(urls, Product, retries=0, concurrency=2) as job:
        found = job.results()
    assert [(one.index, one.url) for one in found] == list(enumerate(urls))
    assert [one.data if one.ok else one.error.code for one in found] == [
        Product(title="Item 0", price=0.5), "URL_UNREACHABLE", Product(title="Item 2", price=2.5),
        Product(title="Item 0", price=0.5), "URL_UNREACHABLE",
    ]
    assert job.summary and (job.summary.total, job.summary.succeeded, job.summary.failed) == (5, 3, 2)
    assert job.summary.credits_charged == 5 and job.summary.cancelled is False
    # Results are not kept, and can be read again.
    assert sorted(row.price for row in job.rows()) == [0.5, 0.5, 2.5]
    again: Job[dict[str, Any]] = client.result(job.id)
    assert [one.url for one in again.results()] == urls and again.wait() == job.summary


def test_a_row_that_does_not_fit_the_model_does_not_end_the_others(client: Client, site: Site) -> None:
    found = [one for one in client.batch(site.urls(2), Strict).results() if isinstance(one, Failure)]
    assert [one.error.code for one in found] == ["MODEL_MISMATCH"] * 2
    assert [one.data["title"] for one in found if one.data] == ["Item 0", "Item 1"]


def test_a_crawl(client: Client, site: Site) -> None:
    job = client.crawl(
        f"{site.base}/list/12", Product, follow_pattern=f"{site.base}/p/*", max_pages=50, use_sitemap=False
    )
    pages = job.results()
    assert len(pages) == 13 and len({page.url for page in pages}) == 13
    assert job.summary and job.summary.crawl_meta and job.summary.crawl_meta.pages_visited == 13
    assert (job.summary.credits_reserved, job.summary.credits_charged, job.summary.credits_refunded) == (50, 13, 37)
    assert {page.data.title for page in pages if isinstance(page, Success)} >= {f"Item {n}" for n in range(12)}


def test_cancel_in_the_middle(client: Client, site: Site) -> None:
    job = client.batch([*site.urls(1), *(f"{site.base}/gate/{n}" for n in range(1, 20))], Product, concurrency=1)
    results = iter(job)
    assert next(results).url.endswith("/p/0")
    assert site.waiting.acquire(timeout=30)
    assert job.id in [listed.job_id for listed in client.jobs()]
    assert job.cancel() is True
    site.gate.set()
    rest = list(results)
    assert [one.ok for one in rest].count(True) == 1
    assert {one.error.code for one in rest if not one.ok} == {"JOB_CANCELLED"} and len(rest) == 19
    assert job.summary and job.summary.cancelled and (job.summary.succeeded, job.summary.not_run) == (2, 18)
    assert (job.summary.credits_charged, job.summary.credits_refunded) == (2, 18)
    info = job.info()
    assert info.ended and info.status == "cancelled" and info.credits and info.credits.charged == 2
    assert job.cancel() is True
    with pytest.raises(JobNotFound):
        client.cancel("job_0123456789ab")
    assert job.id in [listed.job_id for listed in client.jobs("finished", page_size=1)]


def test_only_an_exception_that_leaves_the_block_cancels_the_job(client: Client, site: Site) -> None:
    urls = [f"{site.base}/gate/{n}" for n in range(5)]
    with pytest.raises(ZeroDivisionError), client.batch(urls, Product, concurrency=1) as dropped:
        assert site.waiting.acquire(timeout=30)
        raise ZeroDivisionError
    with client.batch(urls, Product, concurrency=1) as left:
        assert site.waiting.acquire(timeout=30)
    site.gate.set()
    assert dropped.wait().cancelled is True
    summary = left.wait()
    assert (summary.cancelled, summary.succeeded, summary.credits_charged) == (False, 5, 5)


@pytest.mark.parametrize("async_mode", [False, True])
def test_a_call_whose_response_is_lost_runs_and_is_charged_once(server: Server, site: Site, async_mode: bool) -> None:
    proxy = Proxy(server.port, 0, 0)
    with Client(KEY, proxy.base) as client, Client(KEY, server.base) as direct:
        before = used(direct)
        job = client.batch(site.urls(3), Product, async_mode=async_mode)
        assert [one.ok for one in job.results()] == [True] * 3
        assert proxy.connections >= 3 and used(direct) == before + 3
        jobs = [listed.job_id for listed in direct.jobs("finished")]
        assert jobs[0] == job.id
    proxy.close()


def test_reading_resumes_after_a_cut_body(server: Server, site: Site) -> None:
    proxy = Proxy(server.port, 9_000, 5_000, 5_000)
    with Client(KEY, proxy.base) as client:
        job = client.batch(site.urls(200), Product, concurrency=8)
        assert sorted(one.index for one in job if one.index is not None) == list(range(200))
        assert job.summary and job.summary.credits_charged == 200
    assert proxy.connections >= 4
    proxy.close()


def test_to_dataframe(client: Client, site: Site) -> None:
    pytest.importorskip("pandas")
    frame = client.batch([f"{site.base}/gone/0", *site.urls(2)], FIELDS, retries=0).to_dataframe()
    assert list(frame.columns) == ["title", "price", "page_url", "page_error"]
    assert list(frame["title"][1:]) == ["Item 0", "Item 1"] and list(frame["price"][1:]) == [0.5, 1.5]
    assert list(frame["page_error"])[0] == "URL_UNREACHABLE"


def test_to_dataframe_without_pandas_says_so(client: Client, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return real(name, *args, **more)

    job = client.batch(site.urls(1), FIELDS)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"pip install 'runo\[pandas\]'"):
        job.to_dataframe()
    job.close()


def test_the_asynchronous_client(server: Server, site: Site) -> None:
    async def main() -> None:
        async with AsyncClient(KEY, server.base) as client:
            assert (await client.extract(f"{site.base}/p/7", Product)).data.price == 7.5
            async with client.batch(site.urls(30), Product) as job:
                assert {page.data.title async for page in job if page.ok} == {f"Item {n}" for n in range(30)}
            assert job.summary and job.summary.credits_charged == 30
            again = await client.result(job.id, Product)
            assert [row.title async for row in again.rows()].count("Item 3") == 1
            crawled = await client.crawl(f"{site.base}/list/3", Product, follow_pattern="*/p/*", max_pages=9)
            assert len(await crawled.results()) == 4
            both = await asyncio.gather(*(client.extract(url, Product) for url in site.urls(8)))
            assert [page.data.title for page in both] == [f"Item {n}" for n in range(8)]
            assert (await client.usage()).account_id == "dev"
            assert [info.job_id async for info in client.jobs("finished")].count(job.id) == 1
            assert len(await (await client.batch(site.urls(2), FIELDS)).to_dataframe()) == 2

    asyncio.run(main())


def test_cancelling_a_task_cancels_its_job(server: Server, site: Site) -> None:
    async def read(client: AsyncClient, started: asyncio.Future[str]) -> None:
        async with client.batch([f"{site.base}/gate/{n}" for n in range(5)], Product, concurrency=1) as job:
            started.set_result(job.id)
            async for _ in job:
                pass

    async def main() -> None:
        async with AsyncClient(KEY, server.base) as client:
            started: asyncio.Future[str] = asyncio.get_running_loop().create_future()
            task = asyncio.create_task(read(client, started))
            job_id = await started
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            site.gate.set()
            assert (await (await client.result(job_id)).wait()).cancelled is True

    asyncio.run(main())
