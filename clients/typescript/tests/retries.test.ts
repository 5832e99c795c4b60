/** What is retried and when, and what is not; against a scripted server. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  AuthenticationError, Client, ConnectionFailed, InvalidRequest, PageError, ProtocolError, QuotaExceeded, RateLimited,
  type RunoError, ServerError, WaitTimeout,
} from "runo";
import { Attempts } from "../dist/retry.js";
import { KEY, type Scene, Scripted } from "./support.js";

const ID = "job_0123456789ab";
const JOB_HEADERS = { "X-Job-ID": ID };
const SCHEMA = { a: "integer" } as const;
const EXTRACTED: Scene = {
  body: JSON.stringify({ url: "u", status: "success", render_mode: "fetch", data: { a: 1 }, images_processed: null }),
  headers: JOB_HEADERS,
};

function errorScene(status: number, code: string, retryable: boolean, headers: Record<string, string> = {}): Scene {
  return { status, headers, body: JSON.stringify({ status: "error", error: { code, message: "words", retryable } }) };
}

const line = (index: number): string =>
  `${JSON.stringify({ index, url: `http://h/${index}`, status: "success", render_mode: "fetch", data: {} })}\n`;
const end = (total: number, more: object = {}): string => `${JSON.stringify({ summary: { total, cancelled: false, ...more } })}\n`;

/** Runs a test against a scripted server; records the client's waits instead of sleeping. */
async function script(
  scenes: Scene[], run: (client: Client, server: Scripted, waits: number[]) => Promise<void>, maxRetries = 8,
): Promise<void> {
  const server = await Scripted.start(...scenes);
  const waits: number[] = [];
  const sleep = async (milliseconds: number) => void waits.push(milliseconds);
  try {
    await run(new Client({ apiKey: KEY, baseUrl: server.base, maxRetries, sleep }), server, waits);
  } finally {
    await server.close();
  }
}

test("429 and 5xx are retried with the same idempotency key", async () => {
  const scenes = [
    errorScene(429, "RATE_LIMITED", true, { "Retry-After": "7" }), errorScene(503, "UNAVAILABLE", true, { "Retry-After": "2" }),
    { status: 502, body: "<html>" }, { body: "{", cut: true }, EXTRACTED,
  ];
  await script(scenes, async (client, server, waits) => {
    assert.deepEqual((await client.extract("u", SCHEMA)).data, { a: 1 });
    assert(waits[0]! >= 7_000 && waits[0]! <= 8_000 && waits[1]! >= 2_000 && waits[1]! <= 3_000, String(waits));
    assert.equal(waits.length, 4);
    assert.equal(new Set(server.seen.map((seen) => seen.headers["idempotency-key"])).size, 1);
    assert.equal(new Set(server.seen.map((seen) => seen.body)).size, 1);
  });
});

test("permanent errors are thrown at once", async () => {
  const cases: [Scene, typeof RunoError][] = [
    [errorScene(401, "UNAUTHORIZED", false), AuthenticationError],
    [errorScene(429, "QUOTA_EXCEEDED", false), QuotaExceeded],
    [errorScene(400, "INVALID_REQUEST", false), InvalidRequest],
    [errorScene(429, "RATE_LIMITED", true, { "Retry-After": "3600" }), RateLimited],
    [{ status: 302, headers: { Location: "http://elsewhere.example/" } }, ProtocolError],
    [{ body: "<html>hello</html>" }, ProtocolError],
  ];
  for (const [scene, kind] of cases) {
    await script([scene], async (client, server, waits) => {
      await assert.rejects(client.extract("u", SCHEMA), kind);
      assert.equal(server.seen.length, 1);
      assert.deepEqual(waits, []);
    });
  }
});

test("retries are bounded", async () => {
  await script(Array(4).fill(errorScene(503, "UNAVAILABLE", true)), async (client, server, waits) => {
    await assert.rejects(client.usage(), (error: RunoError) => {
      assert(error instanceof ServerError);
      assert.deepEqual([error.code, error.retryable, error.status], ["UNAVAILABLE", true, 503]);
      return true;
    });
    assert.deepEqual([server.seen.length, waits.length], [4, 3]);
  }, 3);
});

test("waits grow to a bound with jitter", () => {
  const attempts = new Attempts(20);
  const waits = Array.from({ length: 20 }, () => attempts.connectionFailed("gone", undefined));
  waits.slice(0, 5).forEach((wait, n) => assert(wait >= 125 * 2 ** n && wait <= 250 * 2 ** n));
  waits.slice(6).forEach((wait) => assert(wait >= 5_000 && wait <= 10_000));
  assert.equal(new Set(waits).size, 20);
  assert.throws(() => attempts.connectionFailed("gone", undefined), ConnectionFailed);
});

test("an unreachable service is reported after two retries", async () => {
  await script([], async (client, server, waits) => {
    await server.close();
    await assert.rejects(client.usage(), (error: RunoError) => error instanceof ConnectionFailed && error.retryable);
    assert.equal(waits.length, 2);
  });
});

test("a silent connection counts as broken", async () => {
  // The limit applies to every response. On a busy machine the last one may be late too, so it is there for further tries.
  const last = { headers: JOB_HEADERS, body: line(1) + end(2) };
  const server = await Scripted.start({ headers: JOB_HEADERS, body: line(0), hold: true }, last, last, last);
  const client = new Client({ apiKey: KEY, baseUrl: server.base, silenceMs: 3_000, sleep: async () => {} });
  assert.deepEqual((await (await client.batch(["u", "u"], SCHEMA)).results()).map((page) => page.index), [0, 1]);
  await server.close();
});

test("reading resumes where it broke off", async () => {
  const scenes = [
    { headers: JOB_HEADERS, body: `   ${line(1)}${line(0)}${line(2).slice(0, 20)}`, cut: true },
    errorScene(503, "UNAVAILABLE", true),
    { headers: JOB_HEADERS, body: line(3) }, // ends regularly, but without a summary
    { headers: JOB_HEADERS, body: line(4) + end(6, { status: "running", next: "/v1/x" }) },
    { headers: JOB_HEADERS, body: line(5) + line(2) + end(6, { credits_charged: 6 }) },
  ];
  await script(scenes, async (client, server) => {
    const job = await client.batch(Array(6).fill("u"), SCHEMA);
    const indexes: unknown[] = [];
    for await (const page of job) indexes.push(page.index);
    assert.deepEqual(indexes, [1, 0, 3, 4, 5, 2]);
    assert.deepEqual(server.seen.map((seen) => seen.path.split("?")[1]), [undefined, "from=2", "from=2", "from=3", "from=4"]);
    assert(server.seen.every((seen) => seen.headers.accept === "application/x-ndjson"));
    assert.deepEqual([job.summary?.total, job.summary?.credits_charged], [6, 6]);
  });
});

test("results missed by a reordering are read at the end", async () => {
  // While the job ran, 2 ended before 1 but was sent after it: "from=2" then leaves out 2 and has 1 a second time.
  const scenes = [
    { headers: JOB_HEADERS, body: line(0) + line(1), cut: true },
    { headers: JOB_HEADERS, body: line(1) + end(3) },
    { headers: JOB_HEADERS, body: line(0) + line(2) + line(1) + end(3) },
  ];
  await script(scenes, async (client, server) => {
    const pages = await (await client.batch(Array(3).fill("u"), SCHEMA)).results();
    assert.deepEqual(pages.map((page) => page.index), [0, 1, 2]);
    assert(!server.seen.at(-1)!.path.includes("from"));
  });
});

test("a job that never sends all results is an error", async () => {
  await script(Array(3).fill({ headers: JOB_HEADERS, body: line(0) + end(2) }), async (client) => {
    const job = await client.batch(["u", "u"], SCHEMA);
    await assert.rejects(job.results(), (error: RunoError) => error instanceof ProtocolError && error.jobId === ID);
  });
});

test("a crawl that was resumed is read again at the end", async () => {
  const crawl_meta = { cancelled: false, credits_reserved: 5, credits_charged: 3, credits_refunded: 2 };
  const last = `${JSON.stringify({ summary: { seed_url: "u", crawl_meta } })}\n`;
  const scenes = [
    { headers: JOB_HEADERS, body: line(0) + line(2), cut: true },
    { headers: JOB_HEADERS, body: line(2) + last },
    { headers: JOB_HEADERS, body: line(0) + line(1) + line(2) + last },
  ];
  await script(scenes, async (client) => {
    const job = await client.crawl("u", SCHEMA, { follow_pattern: "*", max_pages: 5 });
    const urls: string[] = [];
    for await (const page of job) urls.push(page.url);
    assert.deepEqual(urls, ["http://h/0", "http://h/2", "http://h/1"]);
    assert.equal(job.summary?.credits_refunded, 2);
  });
});

test("a held extract is followed", async () => {
  const pending = { url: "u", status: "pending", job_id: ID, next: `/v1/jobs/${ID}/result` };
  await script([{ headers: JOB_HEADERS, body: JSON.stringify(pending) }, EXTRACTED], async (client, server) => {
    assert.deepEqual((await client.extract("u", SCHEMA)).data, { a: 1 });
    assert.equal(server.seen[1]?.path, `/v1/jobs/${ID}/result`);
  });
});

test("the timeout ends the wait", async (t) => {
  // Time stands still, so that the whole timeout is left.
  t.mock.method(performance, "now", () => 1_000);
  const scenes = [{ status: 202, headers: JOB_HEADERS }, errorScene(503, "UNAVAILABLE", true, { "Retry-After": "30" })];
  await script(scenes, async (client, server, waits) => {
    const job = await client.batch(["u"], SCHEMA, { async_mode: true, timeoutMs: 5_000 });
    await assert.rejects(job.results(), (error: RunoError) => error instanceof WaitTimeout && error.jobId === ID);
    assert.deepEqual(server.seen.map((seen) => seen.headers["prefer"]), ["respond-async", "wait=5"]);
    assert.deepEqual(waits, []);
  });
});

test("the error of a page is thrown with its code", async () => {
  const body = JSON.stringify({ url: "u", status: "error", error: { code: "TIMEOUT", message: "slow", retryable: true } });
  await script([{ headers: JOB_HEADERS, body }], async (client) => {
    await assert.rejects(client.extract("u", SCHEMA), (error: RunoError) => {
      assert(error instanceof PageError);
      assert.deepEqual([error.code, error.retryable, error.jobId, error.name], ["TIMEOUT", true, ID, "PageError"]);
      return true;
    });
  });
});

test("captures are fetched by their number", async () => {
  const body = JSON.stringify({ ...JSON.parse(EXTRACTED.body as string), captures: [{ kind: "screenshot", n: 3 }] });
  await script([{ headers: JOB_HEADERS, body }, { body: "PNG" }], async (client, server) => {
    const page = await client.extract("u", SCHEMA, { capture: ["screenshot"] });
    assert.equal(Buffer.from(await client.capture(ID, page.captures![0]!.n)).toString(), "PNG");
    assert.deepEqual(JSON.parse(server.seen[0]!.body).options, { capture: ["screenshot"] });
    assert.equal(server.seen[1]?.path, `/v1/jobs/${ID}/captures/3`);
  });
});

test("a cancel whose response was lost returns true", async () => {
  const job = { job_id: ID, endpoint: "/batch", status: "cancelled" };
  await script([{ cut: true }, errorScene(404, "JOB_NOT_FOUND", false), { body: JSON.stringify(job) }], async (client) => {
    assert.equal(await client.cancel(ID), true);
  });
});

test("more than 10,000 URLs are refused before anything is sent", async () => {
  await script([], async (client, server) => {
    await assert.rejects(client.batch(Array(10_001).fill("u"), SCHEMA), /split them into several batches/);
    await assert.rejects(client.batch("http://h/", SCHEMA), /not one string/);
    assert.equal(server.seen.length, 0);
  });
});

test("the key is in no representation", async () => {
  await script([errorScene(401, "UNAUTHORIZED", false)], async (client, server) => {
    const error = await client.usage().catch((thrown) => thrown);
    assert.equal(server.seen[0]?.headers["x-api-key"], KEY);
    const shown = inspect(client, { depth: 9, showHidden: true }) + inspect(error, { depth: 9 }) + JSON.stringify([client, error]);
    assert(!shown.includes(KEY));
  });
});

test("key and base URL come from the environment", () => {
  delete process.env["RUNO_API_KEY"];
  assert.throws(() => new Client(), /RUNO_API_KEY/);
  process.env["RUNO_API_KEY"] = KEY;
  process.env["RUNO_BASE_URL"] = "https://runo.example/prod/";
  assert.equal(new Client().baseUrl, "https://runo.example/prod");
});
