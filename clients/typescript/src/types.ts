/** What is sent and what is answered, under the names of the wire. */

import type { ErrorCode } from "./errors.js";

export type FieldType =
  | "string" | "integer" | "float" | "boolean" | "date" | "array<string>" | "array<integer>" | "array<float>";

/** One field of a schema. */
export interface Field {
  field: string;
  type: FieldType;
  example: unknown;
  hint?: string;
  /** A CSS selector, with `::attr(name)` for an attribute, that alone decides where the value is read. */
  selector?: string;
}

/** What rows are where the schema is no typed one. */
export type Row = Record<string, unknown>;

/** How pages are fetched and read: the members of `options`. */
export interface PageOptions {
  /** `auto`: a browser where the plain page shows nothing without its programs. */
  render_js?: "auto" | "always" | "never";
  /** In a browser: a CSS selector to wait for, or milliseconds after load. */
  wait_for?: string | number;
  /** What to keep of the page besides its data. */
  capture?: readonly "screenshot"[];
  /** `never` keeps the operator's language model out. */
  model?: "auto" | "never";
  /** Further tries of a page after a failure that may pass, 0 to 5; one credit whatever happens. */
  retries?: number;
  /** Request fields for the URL's own origin. */
  headers?: Readonly<Record<string, string>>;
  /** BCP 47; decides how `1.234,50` and `03/04/2025` read. */
  locale?: string;
  /** For a whole page, 1000 to 120000. */
  timeout_ms?: number;
  /** Fetch anew, whatever the result cache has. */
  no_cache?: boolean;
  /** Accepted by the service; see its documentation. */
  process_images?: boolean;
}

export interface BatchPageOptions extends PageOptions {
  /** Parallel fetches, 1 to 100. */
  concurrency?: number;
  /** Stop at the first failed URL; what had not started is refunded. */
  fail_fast?: boolean;
}

/** Where a crawl goes: the members of `crawl`. */
export interface CrawlRules {
  /** A glob over the whole URL; `*` crosses `/`. */
  follow_pattern: string;
  /** So many credits are reserved. */
  max_pages: number;
  max_depth?: number;
  use_sitemap?: boolean;
  ignore_robots?: boolean;
  allow_large_crawl?: boolean;
}

/** Where a message goes when the job has ended. */
export interface Webhook {
  url: string;
  events?: readonly ("job.completed" | "job.cancelled" | "job.expired" | "job.failed")[];
}

/** What is said to this client about a call. */
export interface CallOptions {
  /** Names this call: made again with the same body within 24 hours, it is the same job and is paid once. */
  idempotencyKey?: string;
  /** Waits for so long at most, then throws WaitTimeout; the job goes on. */
  timeoutMs?: number;
  /** Ends the waiting; see `onAbort`. */
  signal?: AbortSignal;
}

export interface JobOptions extends CallOptions {
  /** Takes the queue: nothing is held open until results are asked for. */
  async_mode?: boolean;
  webhook?: Webhook;
  /** What becomes of the job when `signal` is aborted; `"cancel"` is the default. */
  onAbort?: "cancel" | "leave";
}

export interface ExtractOptions extends PageOptions, CallOptions {}
export interface BatchOptions extends BatchPageOptions, JobOptions {}
export interface CrawlOptions extends CrawlRules, PageOptions, JobOptions {}

/** Why a page has no data. */
export interface Problem {
  code: ErrorCode;
  message: string;
  retryable: boolean;
  attempts?: number;
}

/** A page that was read. */
export interface Success<T> {
  status: "success";
  url: string;
  data: T;
  render_mode: "fetch" | "headless" | "structured" | "cache";
  images_processed: number | null;
  /** The place in `urls`; of a crawl, the place in the order of completion. */
  index?: number;
  final_url?: string;
  attempts?: number;
  warnings?: string[];
  /** The fields that the operator's language model answered. */
  model_fields?: string[];
  /** What was kept of the page: `client.capture(jobId, n)` has it. */
  captures?: { kind: "screenshot"; n: number }[];
  /** Why each value was chosen, where that was preferred (`Prefer: explain`) and the operator allows it. */
  explain?: Record<string, unknown>[];
}

/** A page that could not be read, never started, or does not fit the schema. */
export interface Failure {
  status: "error";
  url: string;
  error: Problem;
  index?: number;
  final_url?: string;
  attempts?: number;
  /** With code `MODEL_MISMATCH`: the values as they came. */
  data?: Row;
}

/** What a batch or a crawl gives for each page. */
export type Result<T> = Success<T> | Failure;

export interface CrawlMeta {
  pages_visited: number;
  pages_skipped: number;
  pages_failed: number;
  cancelled: boolean;
  stopped_by: "JOB_CANCELLED" | "CRAWL_LIMIT_REACHED" | null;
  credits_reserved: number;
  credits_charged: number | null;
  credits_refunded: number | null;
  sitemaps_read: number;
  sitemaps_failed: number;
}

/** How a job went. The counts are of batches, `seed_url` and `crawl_meta` of crawls, the rest of both. */
export interface Summary {
  cancelled?: boolean;
  credits_reserved?: number;
  credits_charged?: number | null;
  credits_refunded?: number | null;
  total?: number;
  succeeded?: number;
  failed?: number;
  not_run?: number;
  seed_url?: string;
  crawl_meta?: CrawlMeta;
}

/** How far a job is. Lists of jobs tell the first three only. */
export interface Progress {
  total: number;
  done: number;
  failed: number;
  cancelled?: number;
  pending?: number;
}

/** What a job costs; `charged` and `refunded` are known once it has ended. */
export interface Credits {
  reserved: number;
  charged: number | null;
  refunded: number | null;
  monthly: number;
  prepaid: number;
}

/** What became of the message of a job's end. */
export interface WebhookState {
  state: string;
  attempts: number;
  last_status: number | null;
}

/** A job's state. In lists, `ended_at`, `credits`, `result` and `webhook` are left out. */
export interface JobInfo {
  job_id: string;
  endpoint: "/extract" | "/batch" | "/crawl";
  status: "running" | "cancelling" | "completed" | "cancelled" | "expired";
  async_mode: boolean;
  started_at: string;
  progress: Progress;
  ended_at?: string | null;
  credits?: Credits;
  result?: string;
  webhook?: WebhookState;
}

export interface ModelUse {
  calls: number;
  input_tokens: number;
  output_tokens: number;
  refused_values: number;
  failures: Record<string, number>;
}

/** An account's plan and what is left of it. */
export interface Usage {
  account_id: string;
  plan: "free" | "starter" | "pro" | "scale";
  month: string;
  monthly: { limit: number; used: number; remaining: number };
  prepaid: { balance: number };
  /** Calls a minute; `reset` in Unix seconds. */
  rate: { limit: number; remaining: number; reset: number };
  /** What the operator's language model did for the account in the month; `failures` by code. */
  model?: ModelUse;
}
