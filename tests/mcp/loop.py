"""Does what an agent does, with the official client: starts a crawl, reads two pages of its results, cancels it.

Takes RUNO_BASE_URL and RUNO_API_KEY. The crawled site runs in this program. Runs twice, because the client speaks both the
current revision of the protocol and earlier ones, and a third time over the standard streams of the program "runo" if
RUNO_COMMAND names it.
"""

import asyncio
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx2
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

SCHEMA = [{"field": "title", "type": "string", "example": "Page 1", "selector": "h1"}]
TOOLS = {"extract", "start_batch", "start_crawl", "job_status", "job_results", "cancel_job", "usage"}


class Page(BaseHTTPRequestHandler):
    """Page N links to the next ten."""

    def do_GET(self):
        number = self.path.removeprefix("/page/")
        if not number.isdigit():
            self.send_error(404)
            return
        links = "".join(f'<a href="/page/{int(number) + n}">on</a>' for n in range(1, 11))
        body = f"<!doctype html><title>Page {number}</title><h1>Page {number}</h1><p>{links}".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def content_of(result):
    """Returns the JSON of a tool's result; fails if the tool reports an error."""
    text = json.loads(result.content[0].text)
    assert not result.is_error, text
    return text


async def loop(client, site, revision):
    assert {tool.name for tool in (await client.list_tools()).tools} == TOOLS
    before = content_of(await client.call_tool("usage", {}))["monthly"]["used"]
    crawl = {"follow_pattern": f"{site}/page/*", "max_pages": 500, "max_depth": 20, "use_sitemap": False, "allow_large_crawl": True}
    started = content_of(await client.call_tool("start_crawl", {"seed_url": f"{site}/page/0", "schema": SCHEMA, "crawl": crawl}))
    job, seen, at = started["job_id"], [], 0
    for _ in range(2):
        page = content_of(await client.call_tool("job_results", {"job_id": job, "from": at, "limit": 3, "wait_seconds": 30}))
        assert 1 <= len(page["results"]) <= 3 and page["status"] == "running", page
        seen += [result["data"]["title"] for result in page["results"]]
        at = page["next_from"]
    assert len(set(seen)) == len(seen) == at and "Page 0" in seen, seen
    assert content_of(await client.call_tool("cancel_job", {"job_id": job}))["status"] == "cancelled"
    while (last := content_of(await client.call_tool("job_results", {"job_id": job, "from": at, "limit": 100})))["next_from"]:
        at = last["next_from"]
    credits = last["credits"]
    assert last["status"] == "cancelled" and last["summary"]["crawl_meta"]["cancelled"], last
    assert credits["reserved"] == 500 == credits["charged"] + credits["refunded"] and credits["charged"] < 250, credits
    used = content_of(await client.call_tool("usage", {}))["monthly"]["used"]
    assert used == before + credits["charged"], (before, used, credits)
    refused = await client.call_tool("extract", {"url": f"{site}/page/1"})
    assert refused.is_error and "SCHEMA_REQUIRED" in refused.content[0].text, refused
    print(f"mcp ({revision}): crawled, read {len(seen)} results in two pages, cancelled; {credits['charged']} of 500 charged")


async def main():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    site = f"http://127.0.0.1:{server.server_port}"
    base, key = os.environ["RUNO_BASE_URL"], os.environ["RUNO_API_KEY"]
    for mode in ("auto", "legacy"):
        async with httpx2.AsyncClient(headers={"X-API-Key": key}, timeout=60) as http:
            async with Client(streamable_http_client(f"{base}/mcp", http_client=http), mode=mode) as client:
                await loop(client, site, f"{mode}, {client.protocol_version}")
    if command := os.environ.get("RUNO_COMMAND"):
        env = {"RUNO_BASE_URL": base, "RUNO_API_KEY": key}
        async with Client(StdioServerParameters(command=command, args=["mcp"], env=env)) as client:
            await loop(client, site, f"stdio, {client.protocol_version}")
    server.shutdown()


asyncio.run(main())
