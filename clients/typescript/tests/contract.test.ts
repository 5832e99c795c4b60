/** Compares the client's types with the OpenAPI document. Each table below must have exactly the members of its type to
 * compile, and the document may name none that the table lacks. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import {
  type BatchOptions, CLIENT_CODES, type CrawlMeta, type CrawlOptions, type CrawlRules, type Credits, ERROR_CODES,
  type ExtractOptions, type Failure, type Field, type FieldType, type JobInfo, type ModelUse, type PageOptions, type Problem,
  type Progress, type Row, type Success, type Summary, type Usage, type Webhook,
} from "runo";
import { REPOSITORY } from "./support.js";

type Members<T> = Record<keyof T, true>;
type Document = { enum?: unknown[]; properties: Record<string, any> };

const { schemas } = JSON.parse(readFileSync(join(REPOSITORY, "shared/api/openapi.json"), "utf8")).components as {
  schemas: Record<string, Document>;
};

function named(name: string, ...path: string[]): string[] {
  let found = schemas[name]!;
  for (const part of path) {
    found = found.properties[part];
    found = (found as { items?: Document }).items ?? found;
    const reference = (found as { $ref?: string }).$ref;
    if (reference !== undefined) found = schemas[reference.split("/").at(-1)!]!;
  }
  return Object.keys(found.properties);
}

function knows(known: object, names: unknown[], ...besides: string[]): void {
  const missing = names.filter((name) => name !== null && !(String(name) in known) && !besides.includes(String(name)));
  assert.deepEqual(missing, [], "src/types.ts, and the list of the type in this file, lack members of openapi.json");
}

const page: Members<PageOptions> = {
  render_js: true, wait_for: true, capture: true, model: true, retries: true, headers: true, locale: true,
  timeout_ms: true, no_cache: true, process_images: true,
};
const call = { idempotencyKey: true, timeoutMs: true, signal: true } as const;
const job = { ...call, async_mode: true, webhook: true, onAbort: true } as const;
const rules: Members<CrawlRules> = {
  follow_pattern: true, max_pages: true, max_depth: true, use_sitemap: true, ignore_robots: true, allow_large_crawl: true,
};
const extract: Members<ExtractOptions> = { ...page, ...call };
const batch: Members<BatchOptions> = { ...page, ...job, concurrency: true, fail_fast: true };
const crawl: Members<CrawlOptions> = { ...page, ...job, ...rules };
const webhook: Members<Webhook> = { url: true, events: true };
const field: Members<Field> = { field: true, type: true, example: true, hint: true, selector: true };
const problem: Members<Problem> = { code: true, message: true, retryable: true, attempts: true };
const success: Members<Success<Row>> = {
  status: true, url: true, data: true, render_mode: true, images_processed: true, index: true, final_url: true,
  attempts: true, warnings: true, model_fields: true, captures: true, explain: true,
};
const failure: Members<Failure> = {
  status: true, url: true, error: true, index: true, final_url: true, attempts: true, data: true,
};
const meta: Members<CrawlMeta> = {
  pages_visited: true, pages_skipped: true, pages_failed: true, cancelled: true, stopped_by: true, credits_reserved: true,
  credits_charged: true, credits_refunded: true, sitemaps_read: true, sitemaps_failed: true,
};
const summary: Members<Summary> = {
  cancelled: true, credits_reserved: true, credits_charged: true, credits_refunded: true, total: true, succeeded: true,
  failed: true, not_run: true, seed_url: true, crawl_meta: true,
};
const progress: Members<Progress> = { total: true, done: true, failed: true, cancelled: true, pending: true };
const credits: Members<Credits> = { reserved: true, charged: true, refunded: true, monthly: true, prepaid: true };
const info: Members<JobInfo> = {
  job_id: true, endpoint: true, status: true, async_mode: true, started_at: true, progress: true, ended_at: true,
  credits: true, result: true, webhook: true,
};
const usage: Members<Usage> = { account_id: true, plan: true, month: true, monthly: true, prepaid: true, rate: true, model: true };
const modelUse: Members<ModelUse> = {
  calls: true, input_tokens: true, output_tokens: true, refused_values: true, failures: true,
};
const types: Record<FieldType, true> = {
  string: true, integer: true, float: true, boolean: true, date: true, "array<string>": true, "array<integer>": true,
  "array<float>": true,
};

test("every option and member of a request is known", () => {
  knows(extract, named("ExtractRequest", "options"), "async_mode");
  knows(batch, named("BatchRequest", "options"));
  knows(crawl, named("CrawlRequest", "options"));
  knows(crawl, named("CrawlRequest", "crawl"));
  knows(extract, named("ExtractRequest"), "url", "schema", "options");
  knows(batch, named("BatchRequest"), "urls", "schema", "options");
  knows(crawl, named("CrawlRequest"), "seed_url", "schema", "options", "crawl");
  if (named("BatchRequest").includes("webhook")) knows(webhook, named("BatchRequest", "webhook"));
  knows(field, named("Field"));
});

test("every error code is known", () => {
  const codes = schemas["ErrorCode"]!.enum!;
  assert.deepEqual(codes.filter((code) => !(ERROR_CODES as readonly unknown[]).includes(code)), []);
  assert.deepEqual(CLIENT_CODES.filter((code) => codes.includes(code)), []);
});

test("every member of an answer is known", () => {
  const running = ["status", "job_id", "next"];
  knows(success, named("Success"));
  knows(failure, named("Failure"));
  knows(problem, named("UnitError"));
  knows(summary, named("BatchAnswer"), "results", ...running);
  knows(summary, named("CrawlAnswer"), "results", ...running);
  knows(summary, named("SummaryLine", "summary"), ...running);
  knows(meta, named("CrawlMeta"));
  knows(info, named("Job"));
  knows(progress, named("Job", "progress"));
  knows(credits, named("Job", "credits"));
  knows(info, named("JobList", "jobs"));
  knows(progress, named("JobList", "jobs", "progress"));
  knows(usage, named("Usage"));
  knows(modelUse, named("Usage", "model"));
  knows({ limit: true, used: true, remaining: true } satisfies Members<Usage["monthly"]>, named("Usage", "monthly"));
  knows({ balance: true } satisfies Members<Usage["prepaid"]>, named("Usage", "prepaid"));
  knows({ limit: true, remaining: true, reset: true } satisfies Members<Usage["rate"]>, named("Usage", "rate"));
});

test("every value is known", () => {
  const values = (name: string, member: string): unknown[] => schemas[name]!.properties[member].enum;
  knows(types, values("Field", "type"));
  const modes: Record<Success<Row>["render_mode"], true> = { fetch: true, headless: true, structured: true, cache: true };
  knows(modes, values("Success", "render_mode"));
  const states: Record<JobInfo["status"], true> = {
    running: true, cancelling: true, completed: true, cancelled: true, expired: true,
  };
  knows(states, values("Job", "status"));
  const endpoints: Record<JobInfo["endpoint"], true> = { "/extract": true, "/batch": true, "/crawl": true };
  knows(endpoints, values("Job", "endpoint"));
  const plans: Record<Usage["plan"], true> = { free: true, starter: true, pro: true, scale: true };
  knows(plans, values("Usage", "plan"));
});
