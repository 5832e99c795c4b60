/** Sends calls: retries after transient failures and keeps to the caller's deadline. */

import type { Call } from "./calls.js";
import { InvalidRequest, ProtocolError, refusal, RunoError, WaitTimeout } from "./errors.js";
import { Attempts } from "./retry.js";

export const VERSION = "0.2.0";
const DEFAULT_BASE_URL = "http://127.0.0.1:8080";
/** Retries of the first connection. A service that has never responded is likely not there. */
const FIRST_CONTACT = 2;

export interface ClientOptions {
  /** API key. Default: the environment's `RUNO_API_KEY`. */
  apiKey?: string;
  /** Base URL of the service. Default: the environment's `RUNO_BASE_URL`, else the local server's address. */
  baseUrl?: string;
  /** How often a call is retried after failures without progress in between; 8 by default. */
  maxRetries?: number;
  /** How long a connection may be silent before it counts as broken: 45 s by default (the service sends something every
   * 15 s). */
  silenceMs?: number;
  /** Replacement of the global `fetch`. */
  fetch?: typeof fetch;
  /** Replacement of the sleep between attempts; for tests. */
  sleep?: (milliseconds: number) => Promise<void>;
}

/** The caller's deadline and signal. */
export class Waiting {
  jobId: string | undefined;
  readonly #until: number | undefined;

  constructor(readonly timeoutMs: number | undefined, readonly signal: AbortSignal | undefined) {
    this.#until = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  get left(): number | undefined {
    return this.#until === undefined ? undefined : this.#until - performance.now();
  }

  /** Throws after the deadline or once the signal is aborted. */
  check(): void {
    this.signal?.throwIfAborted();
    if (this.left !== undefined && this.left <= 0) throw this.#over();
  }

  /** Returns `delay` if it ends before the deadline; throws WaitTimeout otherwise. */
  within(delay: number): number {
    if (this.left !== undefined && delay >= this.left) throw this.#over();
    return delay;
  }

  #over(): WaitTimeout {
    const goesOn = this.jobId === undefined ? "" : "; the job keeps running";
    const text = `not finished after ${this.timeoutMs} ms${goesOn}`;
    return new WaitTimeout(text, { code: "WAIT_TIMEOUT", retryable: true, jobId: this.jobId });
  }
}

/** A response whose body is not read yet. */
export class Answer {
  constructor(readonly response: Response, readonly watch: Watch) {}

  get jobId(): string | undefined {
    return this.response.headers.get("X-Job-ID") ?? undefined;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const reader = this.response.body?.getReader();
    try {
      while (reader !== undefined) {
        const { done, value } = await this.watch.during(reader.read());
        if (done) return;
        yield value;
      }
    } finally {
      this.close();
    }
  }

  async bytes(): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const chunk of this.chunks()) pieces.push(chunk);
    const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    pieces.reduce((at, piece) => (whole.set(piece, at), at + piece.length), 0);
    return whole;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** Closes the connection. */
  close(): void {
    this.watch.end();
  }
}

/** Aborts a request if the connection is silent for too long or the caller's signal is aborted. */
class Watch {
  readonly #controller = new AbortController();
  readonly #abort = () => this.#controller.abort(this.caller?.reason);

  constructor(readonly silenceMs: number, readonly caller: AbortSignal | undefined) {
    caller?.addEventListener("abort", this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async during<T>(work: Promise<T>): Promise<T> {
    const silent = () => this.#controller.abort(new Error(`nothing was received for ${this.silenceMs} ms`));
    const timer = setTimeout(silent, this.silenceMs);
    try {
      return await work;
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void {
    this.caller?.removeEventListener("abort", this.#abort);
    this.#controller.abort();
  }
}

export class Sender {
  readonly baseUrl: string;
  readonly #key: string;
  readonly #maxRetries: number;
  readonly #silenceMs: number;
  readonly #fetch: typeof fetch;
  readonly #sleep: ((milliseconds: number) => Promise<void>) | undefined;
  readonly #agent: Record<string, string>;
  #reached = false;

  constructor(options: ClientOptions) {
    const process = (globalThis as { process?: { env?: Record<string, string | undefined> } }).process;
    const key = options.apiKey ?? process?.env?.["RUNO_API_KEY"];
    const base = options.baseUrl ?? process?.env?.["RUNO_BASE_URL"] ?? DEFAULT_BASE_URL;
    if (!key) throw new InvalidRequest("there is no API key: pass apiKey or set RUNO_API_KEY", { code: "UNAUTHORIZED" });
    if (!/^https?:\/\//.test(base)) {
      throw new InvalidRequest(`baseUrl must begin with http:// or https://, not ${base}`, { code: "INVALID_REQUEST" });
    }
    this.baseUrl = base.replace(/\/+$/, "");
    this.#key = key;
    this.#maxRetries = options.maxRetries ?? 8;
    this.#silenceMs = options.silenceMs ?? 45_000;
    // Called as a plain function: a browser's fetch throws if it is called as a method of another object.
    const given = options.fetch ?? globalThis.fetch;
    this.#fetch = (...request) => given(...request);
    this.#sleep = options.sleep;
    // Browsers set their own User-Agent.
    this.#agent = process === undefined ? {} : { "User-Agent": `runo-typescript/${VERSION}` };
  }

  attempts(): Attempts {
    return new Attempts(this.#maxRetries);
  }

  /** Sends a call until it succeeds and `read` has read the response; throws the error that ends the attempts. */
  async send<T>(call: Call, waiting: Waiting, read: (answer: Answer) => Promise<T> | T): Promise<T> {
    const attempts = this.attempts();
    for (;;) {
      waiting.check();
      let delay: number;
      try {
        const answer = await this.#once(call, waiting);
        const { status } = answer.response;
        if (answer.response.ok) return await read(answer);
        const error = refusal(status, await answer.text(), answer.jobId ?? waiting.jobId);
        delay = attempts.refused(error, answer.response.headers.get("Retry-After"));
      } catch (error) {
        delay = this.broken(attempts, error, waiting);
      }
      await this.pause(delay, waiting);
    }
  }

  /** Sends a call; returns the JSON object of the response and the job's id. */
  async json(call: Call, waiting: Waiting): Promise<{ members: Record<string, unknown>; jobId: string | undefined }> {
    return this.send(call, waiting, async (answer) => {
      const { jobId } = answer;
      waiting.jobId = jobId ?? waiting.jobId;
      const text = await answer.text();
      try {
        const members = JSON.parse(text);
        if (typeof members === "object" && members !== null) return { members, jobId };
      } catch {
        // Reported below.
      }
      throw new ProtocolError("the response is not a JSON object", { code: "PROTOCOL_ERROR", jobId });
    });
  }

  /** Returns how long to wait after a failed connection; rethrows other errors. */
  broken(attempts: Attempts, error: unknown, waiting: Waiting): number {
    if (error instanceof RunoError) throw error;
    waiting.check();
    return attempts.broken(error, waiting.jobId, this.#reached ? undefined : FIRST_CONTACT);
  }

  async pause(delay: number, waiting: Waiting): Promise<void> {
    if (delay <= 0) return;
    const wait = waiting.within(delay);
    if (this.#sleep !== undefined) return this.#sleep(wait);
    await new Promise<void>((resolve) => {
      const over = () => {
        clearTimeout(timer);
        waiting.signal?.removeEventListener("abort", over);
        resolve();
      };
      const timer = setTimeout(over, wait);
      waiting.signal?.addEventListener("abort", over, { once: true });
    });
  }

  async #once(call: Call, waiting: Waiting): Promise<Answer> {
    const watch = new Watch(this.#silenceMs, waiting.signal);
    try {
      const headers = { ...this.#agent, ...call.headers, "X-API-Key": this.#key };
      const { method, body = null } = call;
      const request = { method, headers, body, redirect: "manual", signal: watch.signal } as const;
      const response = await watch.during(this.#fetch(this.baseUrl + call.path, request));
      this.#reached = true;
      return new Answer(response, watch);
    } catch (error) {
      watch.end();
      throw error;
    }
  }
}
