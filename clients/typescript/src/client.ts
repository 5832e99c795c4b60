/** The client. */

import * as calls from "./calls.js";
import type { Call } from "./calls.js";
import { cancelJob, jobInfo, members } from "./control.js";
import { ModelMismatch, PageError, ProtocolError } from "./errors.js";
import { Job } from "./job.js";
import { type RowOf, type Schema, type Shape, shapeOf } from "./schema.js";
import { type ClientOptions, Sender, Deadline } from "./sender.js";
import type {
  BatchOptions, CallOptions, CrawlOptions, ExtractOptions, JobInfo, JobOptions, Result, Row, Success, Usage, WebhookState,
} from "./types.js";

/** Client of a Runo service. Calls can run concurrently. */
export class Client {
  readonly #sender: Sender;

  constructor(options: ClientOptions = {}) {
    this.#sender = new Sender(options);
  }

  get baseUrl(): string {
    return this.#sender.baseUrl;
  }

  /** Reads one page. Throws PageError if the page cannot be read. */
  async extract<S extends Schema = undefined>(
    url: string, schema?: S, options: ExtractOptions = {},
  ): Promise<Success<RowOf<S>>> {
    const shape = shapeOf(schema as S);
    const deadline = new Deadline(options.timeoutMs, options.signal);
    let call = calls.extract(url, shape, options);
    for (;;) {
      const { members: page, jobId } = await this.#sender.json(call, deadline);
      if (page["status"] !== "pending") return successOf(await shape.result(page as never), jobId);
      call = calls.extractResult(String(page["job_id"]));
    }
  }

  /** Starts a batch of up to 10,000 URLs and returns its job. Iterate the job for results as they come. */
  async batch<S extends Schema = undefined>(
    urls: Iterable<string>, schema?: S, options: BatchOptions = {},
  ): Promise<Job<RowOf<S>>> {
    const shape = shapeOf(schema as S);
    return this.#start(calls.batch(urls, shape, options), shape, options, false);
  }

  /** Starts a crawl from a seed along the links that match `follow_pattern`. Otherwise like `batch`. */
  async crawl<S extends Schema>(seed: string, schema: S, options: CrawlOptions): Promise<Job<RowOf<S>>> {
    const shape = shapeOf(schema);
    return this.#start(calls.crawl(seed, shape, options), shape, options, true);
  }

  /** Yields the account's jobs, newest first; fetches further pages of the list on demand. */
  async *jobs(
    { state = "running", pageSize = 100 }: { state?: "running" | "finished" | "all"; pageSize?: number } = {},
  ): AsyncGenerator<JobInfo, void, undefined> {
    let cursor: string | undefined;
    do {
      const page = (await this.#json(calls.jobs(state, pageSize, cursor))) as { jobs: JobInfo[]; next_cursor?: string };
      yield* page.jobs;
      cursor = page.next_cursor;
    } while (cursor !== undefined);
  }

  /** Returns a job's state and progress. */
  async job(id: string): Promise<JobInfo> {
    return jobInfo(this.#sender, id);
  }

  /** Reads the results of an earlier job, running or ended. Aborting `signal` does not cancel the job. */
  async result<S extends Schema = undefined>(
    id: string, schema?: S, options: Omit<CallOptions, "idempotencyKey"> = {},
  ): Promise<Job<RowOf<S>>> {
    const shape = shapeOf(schema as S);
    const deadline = new Deadline(options.timeoutMs, options.signal);
    deadline.jobId = id;
    const crawl = (await this.job(id)).endpoint === "/crawl";
    return new Job({ sender: this.#sender, id, shape, deadline, crawl, cancelOnAbort: false });
  }

  /**
   * Cancels a job. Pages that have started finish; the rest never start and are refunded.
   *
   * Returns false if the job had already ended by itself. Throws JobNotFound if the job does not exist.
   */
  async cancel(id: string): Promise<boolean> {
    return cancelJob(this.#sender, id);
  }

  /**
   * Sends the webhook message of an ended job again, with a full set of tries.
   *
   * Returns the message's state. The service allows this once every 10 s; a call before that waits.
   */
  async resendWebhook(id: string): Promise<WebhookState> {
    return ((await this.#json(calls.resendWebhook(id))) as { webhook: WebhookState }).webhook;
  }

  /** Returns a page's screenshot (`capture: ["screenshot"]`), a PNG, by its number in the result. */
  async capture(id: string, n: number): Promise<Uint8Array> {
    const call = calls.capture(id, n);
    return this.#sender.send(call, new Deadline(undefined, undefined), (opened) => opened.bytes());
  }

  /** Returns the account's plan and what is left of it. */
  async usage(): Promise<Usage> {
    return (await this.#json(calls.usage())) as unknown as Usage;
  }

  async #start<T>(call: Call, shape: Shape<T>, options: JobOptions, crawl: boolean): Promise<Job<T>> {
    const deadline = new Deadline(options.timeoutMs, options.signal);
    const opened = await this.#sender.send(call, deadline, (given) => given);
    const id = opened.jobId;
    if (id === undefined) {
      opened.close();
      throw new ProtocolError("the response has no X-Job-ID", { code: "PROTOCOL_ERROR" });
    }
    deadline.jobId = id;
    const hasBody = opened.response.status !== 202;
    if (!hasBody) opened.close();
    const cancelOnAbort = options.onAbort !== "leave";
    const first = hasBody ? opened : undefined;
    return new Job({ sender: this.#sender, id, shape, deadline, crawl, first, cancelOnAbort });
  }

  #json(call: Call): Promise<Record<string, unknown>> {
    return members(this.#sender, call);
  }
}

/** Returns the page of an extract; throws PageError if it failed. */
function successOf<T>(page: Result<T>, jobId: string | undefined): Success<T> {
  if (page.status === "success") return page;
  const { code, message, retryable } = page.error;
  if (page.data !== undefined) throw new ModelMismatch(message, page.data as Row, jobId);
  throw new PageError(message, { code, retryable, jobId });
}
