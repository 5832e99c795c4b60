/** A job and its stream of results. */

import * as calls from "./calls.js";
import { cancelJob, jobInfo } from "./control.js";
import { Cursor } from "./cursor.js";
import type { Shape } from "./schema.js";
import type { OpenResponse, Sender, Deadline } from "./sender.js";
import type { JobInfo, Result, Row, Summary } from "./types.js";

/** Arguments of a job's constructor, for the client only. */
export interface JobArguments<T> {
  sender: Sender;
  id: string;
  shape: Shape<T>;
  deadline: Deadline;
  crawl: boolean;
  first?: OpenResponse | undefined;
  cancelOnAbort: boolean;
}

/**
 * A started batch or crawl, or an earlier job that is read by its id.
 *
 * `for await (const page of job)` yields each page's result as it comes, across broken connections and restarts of the
 * service, until the job has ended. Results are not kept: iterating again reads them again.
 */
export class Job<T> implements AsyncIterable<Result<T>> {
  readonly id: string;
  /** The summary, once the results have been iterated to the end. */
  summary: Summary | undefined;
  readonly #arguments: JobArguments<T>;
  #cancelling: Promise<unknown> | undefined;

  constructor(args: JobArguments<T>) {
    this.id = args.id;
    this.#arguments = args;
    const { signal } = args.deadline;
    if (args.cancelOnAbort && signal !== undefined) {
      if (signal.aborted) this.#onAbort();
      else signal.addEventListener("abort", this.#onAbort, { once: true });
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Result<T>, void, undefined> {
    for await (const line of this.#lines(false)) yield await this.#arguments.shape.result(line);
  }

  /** Yields the rows of the pages that were read, as they come; skips failures. */
  async *rows(): AsyncGenerator<T, void, undefined> {
    for await (const page of this) if (page.status === "success") yield page.data;
  }

  /** Waits for the job's end and returns all results in input order (for a crawl, in order of completion). */
  async results(): Promise<Result<T>[]> {
    const all: Result<T>[] = [];
    for await (const page of this) all.push(page);
    return all.sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
  }

  /** Waits for the job's end without reading its results. */
  async wait(): Promise<Summary> {
    this.close();
    for await (const _ of this.#lines(true));
    return this.summary ?? {};
  }

  /** Returns the job's current state and progress. */
  info(): Promise<JobInfo> {
    return jobInfo(this.#arguments.sender, this.id);
  }

  /** Cancels the job; pages that had started keep their results. Returns false if the job had already ended. */
  cancel(): Promise<boolean> {
    return cancelJob(this.#arguments.sender, this.id);
  }

  /** Runs `work` and cancels the job if it throws; leaves the job running otherwise. */
  async use<R>(work: (job: this) => R | Promise<R>): Promise<R> {
    try {
      return await work(this);
    } catch (error) {
      // The error of `work` is more important than a failure to cancel.
      await this.cancel().catch(() => {});
      throw error;
    } finally {
      this.close();
    }
  }

  /** Closes the connection. The job keeps running. */
  close(): void {
    this.#arguments.first?.close();
    this.#arguments.first = undefined;
  }

  readonly #onAbort = (): void => {
    this.#cancelling = this.cancel().catch(() => {});
  };

  async *#lines(skip: boolean): AsyncGenerator<Result<Row>, void, undefined> {
    const { sender, deadline, crawl } = this.#arguments;
    const cursor = new Cursor(this.id, crawl, skip);
    const attempts = sender.attempts();
    let opened = this.#arguments.first;
    this.#arguments.first = undefined;
    try {
      while (cursor.summary === undefined) {
        opened ??= await sender.send(calls.result(this.id, cursor.start, deadline.remaining), deadline, (given) => given);
        let delay: number;
        try {
          for await (const chunk of opened.chunks()) {
            for (const line of cursor.feed(chunk)) {
              attempts.progress();
              yield line;
            }
            deadline.check();
          }
          delay = cursor.bodyEnded() ?? attempts.connectionFailed("the response broke off", this.id);
        } catch (error) {
          cursor.connectionLost();
          delay = sender.connectionFailed(attempts, error, deadline);
        }
        opened = undefined;
        await sender.pause(cursor.summary === undefined ? delay : 0, deadline);
      }
      this.summary = cursor.summary;
      deadline.signal?.removeEventListener("abort", this.#onAbort);
    } finally {
      opened?.close();
      // If the signal ended the wait, let the DELETE finish.
      if (deadline.signal?.aborted) await this.#cancelling;
    }
  }
}
