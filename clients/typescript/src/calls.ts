/** The HTTP requests of the API. Each is built once, so all its attempts are byte-identical. */

import { InvalidRequest } from "./errors.js";
import type { Shape } from "./schema.js";
import type { BatchOptions, BatchPageOptions, CrawlOptions, CrawlRules, ExtractOptions, JobOptions, PageOptions } from "./types.js";

const MAX_URLS = 10_000;
const NDJSON = "application/x-ndjson";

/** One HTTP request. */
export interface Call {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export function extract(url: string, shape: Shape<unknown>, options: ExtractOptions): Call {
  return post("/v1/extract", { url }, shape, pageOptions(options), options.idempotencyKey, {});
}

export function batch(urls: Iterable<string>, shape: Shape<unknown>, options: BatchOptions): Call {
  if (typeof urls === "string") throw invalid("urls must be a list of URLs, not one string");
  const listed = Array.from(urls, String);
  if (listed.length === 0) throw invalid("urls is empty: a batch needs at least one URL");
  if (listed.length > MAX_URLS) {
    throw invalid(
      `a batch takes up to 10,000 URLs, not ${listed.length.toLocaleString("en")}; ` +
        "split them into several batches (nothing was sent)",
    );
  }
  const { concurrency, fail_fast } = options;
  const members = { urls: listed, ...mode(options) };
  const given: BatchPageOptions = { ...pageOptions(options), ...defined({ concurrency, fail_fast }) };
  return post("/v1/batch", members, shape, given, options.idempotencyKey, jobHeaders(options.timeoutMs, options.async_mode));
}

export function crawl(seed: string, shape: Shape<unknown>, options: CrawlOptions): Call {
  const { follow_pattern, max_pages, max_depth, use_sitemap, ignore_robots, allow_large_crawl } = options;
  const rules = { follow_pattern, max_pages, max_depth, use_sitemap, ignore_robots, allow_large_crawl };
  const members = { seed_url: seed, crawl: defined(rules) as unknown as CrawlRules, ...mode(options) };
  const headers = jobHeaders(options.timeoutMs, options.async_mode);
  return post("/v1/crawl", members, shape, pageOptions(options), options.idempotencyKey, headers);
}

export function job(id: string): Call {
  return { method: "GET", path: `/v1/jobs/${validJobId(id)}`, headers: {} };
}

export function cancel(id: string): Call {
  return { method: "DELETE", path: `/v1/jobs/${validJobId(id)}`, headers: {} };
}

/** A repeated call may send the message twice, with the same id. */
export function resendWebhook(id: string): Call {
  return { method: "POST", path: `/v1/jobs/${validJobId(id)}/webhook`, headers: {} };
}

/** Requests a job's results as NDJSON, without the first `start` results. */
export function result(id: string, start: number, waitMs: number | undefined): Call {
  const from = start > 0 ? `?from=${start}` : "";
  return { method: "GET", path: `/v1/jobs/${validJobId(id)}/result${from}`, headers: jobHeaders(waitMs) };
}

/** Requests the result of an extract. */
export function extractResult(id: string): Call {
  return { method: "GET", path: `/v1/jobs/${validJobId(id)}/result`, headers: {} };
}

export function capture(id: string, n: number): Call {
  return { method: "GET", path: `/v1/jobs/${validJobId(id)}/captures/${Math.trunc(n)}`, headers: {} };
}

export function jobs(state: string, limit: number, cursor: string | undefined): Call {
  const query = new URLSearchParams({ state, limit: String(limit), ...(cursor === undefined ? {} : { cursor }) });
  return { method: "GET", path: `/v1/jobs?${query}`, headers: {} };
}

export function usage(): Call {
  return { method: "GET", path: "/v1/usage", headers: {} };
}

function pageOptions(options: PageOptions): PageOptions {
  const { render_js, wait_for, capture, model, retries, headers, locale, timeout_ms, no_cache, process_images } = options;
  return defined({ render_js, wait_for, capture, model, retries, headers, locale, timeout_ms, no_cache, process_images });
}

function mode(options: JobOptions): object {
  return { ...(options.async_mode ? { async_mode: true } : {}), ...(options.webhook ? { webhook: options.webhook } : {}) };
}

function jobHeaders(waitMs?: number, respondAsync?: boolean): Record<string, string> {
  if (respondAsync) return { Accept: NDJSON, Prefer: "respond-async" };
  return { Accept: NDJSON, ...(waitMs === undefined ? {} : { Prefer: `wait=${Math.max(1, Math.ceil(waitMs / 1_000))}` }) };
}

function post(
  path: string,
  members: object,
  shape: Shape<unknown>,
  options: object,
  key: string | undefined,
  headers: Record<string, string>,
): Call {
  const schema = shape.fields === undefined ? {} : { schema: shape.fields };
  const given = Object.keys(options).length === 0 ? {} : { options };
  return {
    method: "POST",
    path,
    // All attempts have one idempotency key, so they create one job and are charged once.
    headers: { "Content-Type": "application/json", "Idempotency-Key": key ?? uuid(), ...headers },
    body: JSON.stringify({ ...members, ...schema, ...given }),
  };
}

/** `crypto.randomUUID` is missing in pages that were not loaded over https. */
function uuid(): string {
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function defined<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const given = Object.entries(members).filter(([, value]) => value !== undefined && value !== null);
  return Object.fromEntries(given) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function validJobId(id: string): string {
  if (!/^job_[0-9a-z]+$/.test(id)) throw invalid(`${JSON.stringify(id)} is not a job id like job_0123456789abcdef`);
  return id;
}

function invalid(text: string): InvalidRequest {
  return new InvalidRequest(text, { code: "INVALID_REQUEST" });
}
