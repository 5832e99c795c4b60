// Does what an agent does, with the official client: starts a crawl, reads two pages of its results, cancels it.
// Takes RUNO_BASE_URL and RUNO_API_KEY. The crawled site runs in this program. With RUNO_COMMAND, which names the program
// "runo", it repeats the loop over that program's standard streams.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

const SCHEMA = [{ field: "title", type: "string", example: "Page 1", selector: "h1" }];

// Page N links to the next ten.
const server = createServer((request, response) => {
  const number = /^\/page\/(\d+)$/.exec(request.url)?.[1];
  if (number === undefined) return response.writeHead(404).end();
  const links = Array.from({ length: 10 }, (_, n) => `<a href="/page/${Number(number) + n + 1}">on</a>`).join("");
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
  response.end(`<!doctype html><title>Page ${number}</title><h1>Page ${number}</h1><p>${links}`);
});
await new Promise((ready) => server.listen(0, "127.0.0.1", ready));
const site = `http://127.0.0.1:${server.address().port}`;

async function loop(transport, name) {
  const client = new Client({ name: "loop", version: "1.0.0" });
  await client.connect(transport);
  const call = async (tool, args) => {
    const result = await client.callTool({ name: tool, arguments: args });
    return { refused: result.isError === true, content: JSON.parse(result.content[0].text) };
  };
  const succeed = async (tool, args) => {
    const { refused, content } = await call(tool, args);
    assert.ok(!refused, JSON.stringify(content));
    return content;
  };
  assert.equal((await client.listTools()).tools.length, 7);
  const before = (await succeed("usage", {})).monthly.used;
  const crawl = { follow_pattern: `${site}/page/*`, max_pages: 500, max_depth: 20, use_sitemap: false, allow_large_crawl: true };
  const { job_id } = await succeed("start_crawl", { seed_url: `${site}/page/0`, schema: SCHEMA, crawl });
  const seen = [];
  let from = 0;
  for (let n = 0; n < 2; n++) {
    const page = await succeed("job_results", { job_id, from, limit: 3, wait_seconds: 30 });
    assert.ok(page.results.length >= 1 && page.results.length <= 3 && page.status === "running", JSON.stringify(page));
    seen.push(...page.results.map((result) => result.data.title));
    from = page.next_from;
  }
  assert.ok(new Set(seen).size === seen.length && seen.length === from && seen.includes("Page 0"), String(seen));
  assert.equal((await succeed("cancel_job", { job_id })).status, "cancelled");
  let last;
  do {
    last = await succeed("job_results", { job_id, from, limit: 100 });
    from = last.next_from;
  } while (from !== null);
  const { reserved, charged, refunded } = last.credits;
  assert.ok(last.status === "cancelled" && last.summary.crawl_meta.cancelled, JSON.stringify(last));
  assert.ok(reserved === 500 && charged + refunded === 500 && charged < 250, JSON.stringify(last.credits));
  assert.equal((await succeed("usage", {})).monthly.used, before + charged);
  const { refused, content } = await call("extract", { url: `${site}/page/1` });
  assert.ok(refused && content.error.code === "SCHEMA_REQUIRED", JSON.stringify(content));
  await client.close();
  console.log(`@modelcontextprotocol/sdk (${name}): crawled, read ${seen.length} results in two pages, cancelled; ${charged} of 500 charged`);
}

const { RUNO_BASE_URL, RUNO_API_KEY, RUNO_COMMAND } = process.env;
const requestInit = { headers: { "X-API-Key": RUNO_API_KEY } };
await loop(new StreamableHTTPClientTransport(new URL(`${RUNO_BASE_URL}/mcp`), { requestInit }), "HTTP");
if (RUNO_COMMAND) {
  const env = { RUNO_BASE_URL, RUNO_API_KEY };
  await loop(new StdioClientTransport({ command: RUNO_COMMAND, args: ["mcp"], env }), "stdio");
}
server.close();
server.closeAllConnections();
