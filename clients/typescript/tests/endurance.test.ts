/** SIGKILL in the middle of a job, and jobs of 10,000 URLs in constant memory. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Client } from "runo";
import { FIELDS, freePort, KEY, Scripted, Server, Site } from "./support.js";

const TOTAL = 1_000;
/** In bytes; a quarter of what is transferred. */
const MAX_GROWTH = 20_000_000;

test("a job survives a kill of the server", async () => {
  // The leases of jobs and pages end soon after their holder has died.
  const server = await Server.start({ LEASE_SECONDS: "1", SWEEP_SECONDS: "1" }, await freePort());
  const site = await Site.start();
  try {
    const client = new Client({ apiKey: KEY, baseUrl: server.base });
    const before = (await client.usage()).monthly.used;
    // The second half waits at the gate, so that the job does not end before the kill.
    const urls = site.urls(TOTAL).map((url, n) => (n < TOTAL / 2 ? url : `${site.base}/gate/${n}`));
    // Pages that ran when the server died are read again in a child process, which is slow: 4 at most.
    const job = await client.batch(urls, FIELDS, { concurrency: 4, timeout_ms: 8_000 });
    const indexes: number[] = [];
    for await (const page of job) {
      indexes.push(page.index!);
      if (indexes.length === 50) {
        await server.kill();
        site.open();
        await server.start();
      }
    }
    assert.deepEqual(indexes.sort((a, b) => a - b), Array.from({ length: TOTAL }, (_, n) => n));
    assert.deepEqual([job.summary?.total, job.summary?.credits_charged], [TOTAL, TOTAL]);
    assert.equal((await client.usage()).monthly.used, before + TOTAL);
  } finally {
    await site.close();
    await server.close();
  }
});

function* lines(): Generator<string> {
  const title = "x".repeat(8_000);
  for (let n = 0; n < 10_000; n++) {
    const result = { index: n, url: "u", status: "success", render_mode: "fetch", data: { title } };
    yield `${JSON.stringify(result)}\n`;
  }
  yield '{"summary": {"total": 10000, "cancelled": false}}\n';
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** Returns by how many bytes memory in use grew at most between the 100th and the last of 10,000 results. */
async function memoryGrowth(results: AsyncIterable<unknown>): Promise<number> {
  const inUse = (): number => {
    collectGarbage();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  let [before, peak, count] = [0, 0, 0];
  for await (const _ of results) {
    count += 1;
    if (count === 100) before = peak = inUse();
    else if (count % 1_000 === 0) peak = Math.max(peak, inUse());
  }
  assert.equal(count, 10_000);
  return peak - before;
}

test("10,000 results take constant memory", async () => {
  const server = await Scripted.start({ headers: { "X-Job-ID": "job_0123456789ab" }, body: lines });
  const client = new Client({ apiKey: KEY, baseUrl: server.base });
  const grown = await memoryGrowth(await client.batch(Array<string>(10_000).fill("http://h/"), { title: "string" }));
  assert(grown < MAX_GROWTH, `${grown} bytes`);
  await server.close();
});

const skip = process.env["RUNO_TEST_FULL"] ? false : "takes a minute: tests/clients.sh full";
test("10,000 pages of the real server take constant memory", { skip }, async () => {
  const server = await Server.start();
  const site = await Site.start();
  try {
    const client = new Client({ apiKey: KEY, baseUrl: server.base });
    const job = await client.batch(site.urls(10_000), FIELDS, { concurrency: 64 });
    const grown = await memoryGrowth(job);
    console.log(`10,000 pages: what is in use grew by ${grown} bytes at most`);
    assert(grown < MAX_GROWTH, `${grown} bytes`);
    assert.equal(job.summary?.credits_charged, 10_000);
  } finally {
    await site.close();
    await server.close();
  }
});
