/** The types of the calls; most of this file only has to compile. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { type Client, type Failure, type Job, type Row, type Success, VERSION } from "runo";
import { z } from "zod";

const Product = z.object({ title: z.string(), price: z.number().nullable() });
type Expected = { title: string; price: number | null };

export async function compiled(client: Client): Promise<void> {
  const one: Success<Expected> = await client.extract("u", Product);
  const row: Success<Row> = await client.extract("u", { title: "string" });
  const bound: Job<Row> = await client.batch(["u"]);
  const job: Job<Expected> = await client.batch(new Set(["u"]), Product, { concurrency: 3 });
  for await (const page of job) {
    if (page.status === "success") page.data.price?.toFixed();
    else ((failure: Failure) => failure.error.code)(page);
  }
  for await (const product of (await client.result("job_0123456789ab", Product)).rows()) product.title.trim();
  // @ts-expect-error: must be a number
  await client.batch(["u"], Product, { concurrency: "3" });
  // @ts-expect-error: follow_pattern and max_pages are required
  await client.crawl("u", Product, {});
  // @ts-expect-error: unknown type
  await client.extract("u", { title: "text" } satisfies import("runo").ShortSchema);
  void [one, row, bound];
}

test("the version is the package's", () => {
  const own = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  assert.equal(VERSION, own.version);
});
