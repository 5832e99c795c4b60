/** Follows a job's lines over as many connections as it takes, so that each result is given exactly once. Pure: it is
 * told what came, and says what to ask for next. */

import { ProtocolError } from "./errors.js";
import type { Result, Row, Summary } from "./types.js";

const LONGEST_LINE = 64 * 1024 * 1024;
const MOST_CHECKS = 2;
/** Pause after an answer that ended without a result while the job runs, in milliseconds. */
const IDLE = 500;
const EVERYTHING = 4_294_967_295;

type Told = Summary & { status?: "running" };

/**
 * Where the reading of a job stands.
 *
 * After a broken connection the results go on with `from=N`. While a job runs, its order of completion may still shift
 * a little, so what was given is remembered (a number or a URL each, at most 10,000), and where something is missing at
 * the end the results are read once more from the start.
 */
export class Cursor {
  summary: Summary | undefined;
  #seen = new Set<number | string>();
  #place = 0;
  #came = 0;
  #told: Told | undefined;
  #joined = false;
  #checks = 0;
  #rest = "";
  #text = new TextDecoder();

  constructor(readonly jobId: string, readonly crawl: boolean, readonly skip: boolean) {}

  /** How many results to leave out of the next answer. */
  get start(): number {
    return this.skip ? EVERYTHING : this.#place;
  }

  /** The results in a piece of the body that were not given before. */
  *feed(chunk: Uint8Array): Generator<Result<Row>> {
    const lines = (this.#rest + this.#text.decode(chunk, { stream: true })).split("\n");
    this.#rest = lines.pop() ?? "";
    if (this.#rest.length > LONGEST_LINE) throw this.#error("a line of the answer does not end");
    for (const line of lines) {
      const text = line.trim();
      const result = text === "" ? undefined : this.#line(text);
      if (result !== undefined) yield result;
    }
  }

  #line(text: string): Result<Row> | undefined {
    let members: (Result<Row> & { summary?: undefined }) | { summary: Told };
    try {
      members = JSON.parse(text);
    } catch {
      throw this.#error("a line of the answer is not JSON");
    }
    if (members.summary !== undefined) {
      this.#told = members.summary;
      return undefined;
    }
    this.#place += 1;
    this.#came += 1;
    const key = this.crawl ? members.url : members.index;
    if (key === undefined) throw this.#error("a result has neither index nor url");
    if (this.#seen.has(key)) return undefined;
    this.#seen.add(key);
    return members;
  }

  /** To be called when a body has ended well: how long to wait before the next. Undefined: it broke off before its
   * summary. */
  bodyEnded(): number | undefined {
    const told = this.#told;
    const came = this.#came;
    if (told === undefined || this.#rest.trim() !== "") {
      this.broke();
      return undefined;
    }
    this.#told = undefined;
    this.#came = 0;
    if (told.status === "running") {
      this.#joined = true;
      // A service that is about to stop ends what it holds at once.
      return came > 0 ? 0 : IDLE;
    }
    if (this.skip || this.#complete(told)) {
      this.summary = ended(told);
    } else if (this.#checks === MOST_CHECKS) {
      throw this.#error(`the job has ended, but only ${came} of its results are there`);
    } else {
      // What is there now is final and has one order.
      this.#checks += 1;
      this.#place = 0;
      this.#joined = false;
    }
    return 0;
  }

  /** To be called when a connection has failed in the middle of a body. */
  broke(): void {
    this.#joined = true;
    this.#told = undefined;
    this.#came = 0;
    this.#rest = "";
    this.#text = new TextDecoder();
  }

  #complete(told: Told): boolean {
    // The summary of an extract has no counts: it has one result.
    return this.crawl ? !this.#joined : this.#seen.size >= (told.total ?? 1);
  }

  #error(why: string): ProtocolError {
    return new ProtocolError(why, { code: "PROTOCOL_ERROR", jobId: this.jobId });
  }
}

/** The summary of a job that has ended; a crawl's credits at the top too. */
function ended(told: Told): Summary {
  const meta = told.crawl_meta;
  if (meta === undefined) return told;
  const { cancelled, credits_reserved, credits_charged, credits_refunded } = meta;
  return { ...told, cancelled, credits_reserved, credits_charged, credits_refunded };
}
