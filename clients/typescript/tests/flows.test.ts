/** Whole calls against the real local server. */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, test } from "node:test";
import { Client, JobNotFound, PageError, type Result, type RunoError, type Success } from "runo";
import { z } from "zod";
import { FIELDS, KEY, Proxy, Server, Site } from "./support.js";

const Product = z.object({ title: z.string(), price: z.number() });
const Strict = z.object({ title: z.string(), isbn: z.string() });

let server: Server;
let site: Site;
let client: Client;

before(async () => {
  server = await Server.start();
  client = new Client({ apiKey: KEY, baseUrl: server.base });
});
after(() => server.close());
beforeEach(async () => {
  site = await Site.start();
});
afterEach(() => site.close());

const used = async (): Promise<number> => (await client.usage()).monthly.used;
const gates = (count: number): string[] => Array.from({ length: count }, (_, n) => `${site.base}/gate/${n}`);
const codes = (pages: Result<unknown>[]): unknown[] =>
  pages.map((page) => (page.status === "success" ? page.data : page.error.code));

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const listed: T[] = [];
  for await (const item of items) listed.push(item);
  return listed;
}

test("extract", async () => {
  const page: Success<{ title: string; price: number }> = await client.extract(`${site.base}/p/7`, Product, { no_cache: true });
  assert.deepEqual([page.data, page.render_mode], [{ title: "Item 7", price: 7.5 }, "fetch"]);
  assert.deepEqual((await client.extract(`${site.base}/p/8`, FIELDS)).data, { title: "Item 8", price: 8.5 });
  assert.deepEqual((await client.extract(`${site.base}/p/8`, { title: "string" })).data, { title: "Item 8" });
  await assert.rejects(client.extract(`${site.base}/gone/1`, Product), (error: RunoError) => {
    assert(error instanceof PageError && error.jobId !== undefined);
    return error.code === "URL_UNREACHABLE";
  });
  await assert.rejects(client.extract(`${site.base}/p/7`, Strict), { code: "MODEL_MISMATCH", message: /isbn: / });
});

test("a batch of mixed results", async () => {
  const urls = [`${site.base}/p/0`, `${site.base}/gone/1`, `${site.base}/p/2`, `${site.base}/p/0`, "http://10.0.0.1/"];
  const job = await client.batch(urls, Product, { retries: 0, concurrency: 2 });
  const pages = await job.results();
  assert.deepEqual(pages.map((page) => [page.index, page.url]), urls.map((url, n) => [n, url]));
  const [first, third] = [{ title: "Item 0", price: 0.5 }, { title: "Item 2", price: 2.5 }];
  assert.deepEqual(codes(pages), [first, "URL_UNREACHABLE", third, first, "URL_UNREACHABLE"]);
  assert.deepEqual([job.summary?.total, job.summary?.succeeded, job.summary?.failed], [5, 3, 2]);
  assert.deepEqual([job.summary?.credits_charged, job.summary?.cancelled], [5, false]);
  // Results are not kept, and can be read again.
  assert.deepEqual((await all(job.rows())).map((row) => row.price).sort(), [0.5, 0.5, 2.5]);
  const again = await client.result(job.id);
  assert.deepEqual((await again.results()).map((page) => page.url), urls);
  assert.deepEqual(await again.wait(), job.summary);
});

test("a row that does not fit the schema does not end the others", async () => {
  const pages = await (await client.batch(site.urls(2), Strict)).results();
  assert.deepEqual(codes(pages), ["MODEL_MISMATCH", "MODEL_MISMATCH"]);
  assert.deepEqual(pages.map((page) => page.data?.["title" as never]), ["Item 0", "Item 1"]);
});

test("a crawl", async () => {
  const job = await client.crawl(`${site.base}/list/12`, Product, {
    follow_pattern: `${site.base}/p/*`, max_pages: 50, use_sitemap: false,
  });
  const pages = await job.results();
  assert.equal(new Set(pages.map((page) => page.url)).size, 13);
  const { summary } = job;
  assert.equal(summary?.crawl_meta?.pages_visited, 13);
  assert.deepEqual([summary.credits_reserved, summary.credits_charged, summary.credits_refunded], [50, 13, 37]);
});

test("cancel in the middle", async () => {
  const job = await client.batch([...site.urls(1), ...gates(20).slice(1)], Product, { concurrency: 1 });
  const results = job[Symbol.asyncIterator]();
  assert.match((await results.next()).value!.url, /\/p\/0$/);
  await site.waiting;
  assert((await all(client.jobs())).some((listed) => listed.job_id === job.id));
  assert.equal(await job.cancel(), true);
  site.open();
  const rest = codes(await all(results));
  assert.equal(rest.length, 19);
  assert.equal(rest.filter((code) => code === "JOB_CANCELLED").length, 18);
  const { summary } = job;
  assert.deepEqual([summary?.cancelled, summary?.succeeded, summary?.not_run], [true, 2, 18]);
  assert.deepEqual([summary?.credits_charged, summary?.credits_refunded], [2, 18]);
  const info = await job.info();
  assert.deepEqual([info.status, info.credits?.charged], ["cancelled", 2]);
  assert.equal(await job.cancel(), true);
  await assert.rejects(client.cancel("job_0123456789ab"), JobNotFound);
  const finished = await all(client.jobs({ state: "finished", pageSize: 1 }));
  assert(finished.some((listed) => listed.job_id === job.id));
});

test("only work that throws cancels its job", async () => {
  const dropped = await client.batch(gates(5), Product, { concurrency: 1 });
  await assert.rejects(dropped.use(async () => {
    await site.waiting;
    throw new RangeError("of the work");
  }), RangeError);
  const left = await client.batch(gates(5), Product, { concurrency: 1 });
  await left.use(() => site.waiting);
  site.open();
  assert.equal((await dropped.wait()).cancelled, true);
  const { cancelled, succeeded, credits_charged } = await left.wait();
  assert.deepEqual([cancelled, succeeded, credits_charged], [false, 5, 5]);
});

test("an aborted signal ends the wait and cancels the job unless onAbort is leave", async () => {
  for (const [onAbort, cancelled] of [["cancel", true], ["leave", false]] as const) {
    const own = await Site.start();
    const urls = Array.from({ length: 4 }, (_, n) => `${own.base}/gate/${n}`);
    const abort = new AbortController();
    const job = await client.batch(urls, Product, { concurrency: 1, signal: abort.signal, onAbort });
    const reading = all(job);
    await own.waiting;
    abort.abort(new RangeError("enough"));
    await assert.rejects(reading, RangeError);
    own.open();
    assert.equal((await (await client.result(job.id)).wait()).cancelled, cancelled);
    await own.close();
  }
  const signal = AbortSignal.abort(new RangeError("before"));
  await assert.rejects(client.extract(`${site.base}/p/1`, Product, { signal }), RangeError);
});

for (const async_mode of [false, true]) {
  test(`a call whose response is lost runs and is charged once${async_mode ? " in async mode" : ""}`, async () => {
    const proxy = await Proxy.start(server.port, 0, 0);
    const before = await used();
    const job = await new Client({ apiKey: KEY, baseUrl: proxy.base }).batch(site.urls(3), Product, { async_mode });
    assert.deepEqual((await job.results()).map((page) => page.status), ["success", "success", "success"]);
    assert(proxy.connections >= 3);
    assert.equal(await used(), before + 3);
    for await (const newest of client.jobs({ state: "finished" })) {
      assert.equal(newest.job_id, job.id);
      break;
    }
    await proxy.close();
  });
}

test("reading resumes after a cut body", async () => {
  const proxy = await Proxy.start(server.port, 9_000, 5_000, 5_000);
  const job = await new Client({ apiKey: KEY, baseUrl: proxy.base }).batch(site.urls(200), Product, { concurrency: 8 });
  const indexes = (await all(job)).map((page) => page.index!).sort((a, b) => a - b);
  assert.deepEqual(indexes, Array.from({ length: 200 }, (_, n) => n));
  assert.equal(job.summary?.credits_charged, 200);
  assert(proxy.connections >= 4);
  await proxy.close();
});
