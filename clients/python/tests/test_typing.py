"""The types of the calls, checked by mypy; nothing under TYPE_CHECKING runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from typing_extensions import assert_type

from runo import AsyncClient, AsyncJob, Client, Failure, Job, Success


class Product(BaseModel):
    title: str


if TYPE_CHECKING:

    def sync(client: Client) -> None:
        assert_type(client.extract("u", Product), Success[Product])
        assert_type(client.extract("u", {"title": "string"}).data, dict[str, Any])
        assert_type(client.batch(["u"], Product, concurrency=3), Job[Product])
        assert_type(client.crawl("u", follow_pattern="*", max_pages=1), Job[dict[str, Any]])
        assert_type(client.result("job_0123456789ab", Product), Job[Product])
        for found in client.batch(["u"], Product):
            if found.ok:
                assert_type(found, Success[Product])
            else:
                assert_type(found, Failure)
        client.batch(["u"], concurrency="3")  # type: ignore[call-overload]

    async def asynchronous(client: AsyncClient) -> None:
        assert_type(await client.extract("u", Product), Success[Product])
        assert_type(await client.batch(["u"], Product), AsyncJob[Product])
        async with client.crawl("u", Product, follow_pattern="*", max_pages=1) as job:
            assert_type(job, AsyncJob[Product])
            async for row in job.rows():
                assert_type(row, Product)


def test_the_package_has_py_typed() -> None:
    from importlib.resources import files

    assert files("runo").joinpath("py.typed").is_file()
