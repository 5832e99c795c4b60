/** Requests and responses, with the names of the wire. */

import type { ErrorCode } from "./errors.js";

export type FieldType =
  | "string" | "integer" | "float" | "boolean" | "date" | "array<string>" | "array<integer>" | "array<float>";

/** One field of a schema. */
export interface Field {
  field: string;
  type: FieldType;
  example: unknown;
  hint?: string;
  /** A CSS selector, with `::attr(name)` for an attribute. It alone decides where the value is read. */
  selector?: string;
}

/** The type of rows without a typed schema. */
export type Row = Record<string, unknown>;

/** How pages are fetched and read: the members of `options`. */
export interface PageOptions {
  /** Whether to render the page in a browser; `auto`: only if the plain page shows nothing until its scripts run. */
  render_js?: "auto" | "always" | "never";
  /** In a browser: a CSS selector to wait for, or milliseconds to wait after load. */
  wait_for?: string | number;
  /** What to capture of the page besides its data. */
  capture?: readonly "screenshot"[];
  /** `never`: do not use the operator's language model. */
  model?: "auto" | "never";
  /** Retries of a page after a transient failure, 0 to 5; the page costs one credit in any case. */
  retries?: number;
  /** Request headers for the URL's own origin. */
  headers?: Readonly<Record<string, string>>;
  /** Language tag (BCP 47) that decides how `1.234,50` and `03/04/2025` are read. */
  locale?: string;
  /** Timeout for a whole page in milliseconds, 1000 to 120000. */
  timeout_ms?: number;
  /** Fetch the page even if the result cache has it. */
  no_cache?: boolean;
  /** Whether the operator's model may read pictures for fields that are still empty (plan scale). */
  process_images?: boolean;
}

export interface BatchPageOptions extends PageOptions {
  /** Pages to fetch at once, 1 to 100. */
  concurrency?: number;
  /** Stop at the first failed URL; pages that have not started are refunded. */
  fail_fast?: boolean;
}

/** Which pages a crawl visits: the members of `crawl`. */
export interface CrawlRules {
  /** Links to follow: a glob over the whole URL; `*` crosses `/`. */
  follow_pattern: string;
  /** Maximum number of pages visited; this many credits are reserved. */
  max_pages: number;
  max_depth?: number;
  use_sitemap?: boolean;
  ignore_robots?: boolean;
  allow_large_crawl?: boolean;
}

/** URL to send a webhook message to when the job has ended. */
export interface Webhook {
  url: string;
  events?: readonly ("job.completed" | "job.cancelled" | "job.expired" | "job.failed")[];
}

/** Options of a call that concern this client, not the service. */
export interface CallOptions {
  /** Idempotency key: the same call within 24 hours joins the same job and is charged once. */
  idempotencyKey?: string;
  /** Limits the wait; then throws WaitTimeout. The job keeps running. */
  timeoutMs?: number;
  /** Ends the wait; see `onAbort`. */
  signal?: AbortSignal;
}

export interface JobOptions extends CallOptions {
  /** Runs the job through the queue: no call is held open until results are read. */
  async_mode?: boolean;
  webhook?: Webhook;
  /** What to do with the job when `signal` is aborted; `"cancel"` is the default. */
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
  /** The page's position in `urls`; for a crawl, in the order of completion. */
  index?: number;
  final_url?: string;
  attempts?: number;
  warnings?: string[];
  /** The fields that the operator's language model answered. */
  model_fields?: string[];
  /** What was captured of the page; `client.capture(jobId, n)` fetches it. */
  captures?: { kind: "screenshot"; n: number }[];
  /** Why each value was chosen, if the call said `Prefer: explain` and the operator allows it. */
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
  /** The raw values, if the code is `MODEL_MISMATCH`. */
  data?: Row;
}

/** The result of one page of a batch or a crawl. */
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

/** The outcome of a job. Batches have the counts, crawls `seed_url` and `crawl_meta`, both have the rest. */
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

/** Pages of a job by state. Lists of jobs have only the first three. */
export interface Progress {
  total: number;
  done: number;
  failed: number;
  cancelled?: number;
  pending?: number;
}

/** Credits of a job; `charged` and `refunded` are known once it has ended. */
export interface Credits {
  reserved: number;
  charged: number | null;
  refunded: number | null;
  monthly: number;
  prepaid: number;
}

/** State of a job's webhook message. */
export interface WebhookState {
  state: string;
  attempts: number;
  last_status: number | null;
}

/** A job's state. Lists leave out `result` and `webhook`. */
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
  /** The rate limit: accepted calls per minute. `reset` is in Unix seconds. */
  rate: { limit: number; remaining: number; reset: number };
  /** What the operator's language model did for the account in the month; `failures` by code. */
  model?: ModelUse;
}
