/** Reads a job's NDJSON lines over any number of connections and yields each result exactly once. Sans-IO: takes received
 * bytes and returns what to request next. */

import { ProtocolError } from "./errors.js";
import type { Result, Row, Summary } from "./types.js";

const MAX_LINE = 64 * 1024 * 1024;
const MAX_REREADS = 2;
/** Pause after a response that ended without a result while the job runs, in milliseconds. */
const IDLE_PAUSE = 500;
const SKIP_ALL = 4_294_967_295;

type RawSummary = Summary & { status?: "running" };

/**
 * The state of reading a job.
 *
 * After a broken connection reading resumes with `from=N`. While a job runs, its order of completion may still shift a
 * little, so the cursor remembers the results it has yielded (a number or a URL each, at most 10,000). If any is missing
 * at the end, it reads all results again from the start.
 */
export class Cursor {
  summary: Summary | undefined;
  #seen = new Set<number | string>();
  #position = 0;
  #received = 0;
  #lastSummary: RawSummary | undefined;
  #interrupted = false;
  #rereads = 0;
  #partialLine = "";
  #decoder = new TextDecoder();

  constructor(readonly jobId: string, readonly crawl: boolean, readonly skip: boolean) {}

  /** How many results the next response should leave out. */
  get start(): number {
    return this.skip ? SKIP_ALL : this.#position;
  }

  /** Yields those results of a piece of the body that are new. */
  *feed(chunk: Uint8Array): Generator<Result<Row>> {
    const lines = (this.#partialLine + this.#decoder.decode(chunk, { stream: true })).split("\n");
    this.#partialLine = lines.pop() ?? "";
    if (this.#partialLine.length > MAX_LINE) throw this.#error("a line of the response is longer than 64 MiB");
    for (const line of lines) {
      const text = line.trim();
      const result = text === "" ? undefined : this.#line(text);
      if (result !== undefined) yield result;
    }
  }

  #line(text: string): Result<Row> | undefined {
    let members: (Result<Row> & { summary?: undefined }) | { summary: RawSummary };
    try {
      members = JSON.parse(text);
    } catch {
      throw this.#error("a line of the response is not JSON");
    }
    if (members.summary !== undefined) {
      this.#lastSummary = members.summary;
      return undefined;
    }
    this.#position += 1;
    this.#received += 1;
    const key = this.crawl ? members.url : members.index;
    if (key === undefined) throw this.#error("a result has neither index nor url");
    if (this.#seen.has(key)) return undefined;
    this.#seen.add(key);
    return members;
  }

  /** Handles the regular end of a body. Returns the milliseconds to wait before the next request, or undefined if the
   * body ended before its summary. */
  bodyEnded(): number | undefined {
    const summary = this.#lastSummary;
    const received = this.#received;
    if (summary === undefined || this.#partialLine.trim() !== "") {
      this.connectionLost();
      return undefined;
    }
    this.#lastSummary = undefined;
    this.#received = 0;
    if (summary.status === "running") {
      this.#interrupted = true;
      // A service that shuts down ends the calls that it holds at once.
      return received > 0 ? 0 : IDLE_PAUSE;
    }
    if (this.skip || this.#hasAllResults(summary)) {
      this.summary = ended(summary);
    } else if (this.#rereads === MAX_REREADS) {
      throw this.#error(`the job has ended, but only ${received} of its results were received`);
    } else {
      // The job has ended: results and their order are final now.
      this.#rereads += 1;
      this.#position = 0;
      this.#interrupted = false;
    }
    return 0;
  }

  /** Handles a connection that failed in the middle of a body. */
  connectionLost(): void {
    this.#interrupted = true;
    this.#lastSummary = undefined;
    this.#received = 0;
    this.#partialLine = "";
    this.#decoder = new TextDecoder();
  }

  #hasAllResults(summary: RawSummary): boolean {
    // The summary of an extract has no counts; an extract has one result.
    return this.crawl ? !this.#interrupted : this.#seen.size >= (summary.total ?? 1);
  }

  #error(why: string): ProtocolError {
    return new ProtocolError(why, { code: "PROTOCOL_ERROR", jobId: this.jobId });
  }
}

/** Builds the summary of an ended job; copies a crawl's credits to the top level. */
function ended(summary: RawSummary): Summary {
  const meta = summary.crawl_meta;
  if (meta === undefined) return summary;
  const { cancelled, credits_reserved, credits_charged, credits_refunded } = meta;
  return { ...summary, cancelled, credits_reserved, credits_charged, credits_refunded };
}
