/** Sends calls: retries after transient failures and keeps to the caller's deadline. */

import type { Call } from "./calls.js";
import { InvalidRequest, ProtocolError, errorOfResponse, RunoError, WaitTimeout } from "./errors.js";
import { Attempts } from "./retry.js";

export const VERSION = "0.2.0";
const DEFAULT_BASE_URL = "http://127.0.0.1:8080";
/** Retries of the first connection. A service that has never responded is probably not running. */
const MAX_FIRST_CONNECT_RETRIES = 2;

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
export class Deadline {
  jobId: string | undefined;
  readonly #until: number | undefined;

  constructor(readonly timeoutMs: number | undefined, readonly signal: AbortSignal | undefined) {
    this.#until = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  get remaining(): number | undefined {
    return this.#until === undefined ? undefined : this.#until - performance.now();
  }

  /** Throws after the deadline or once the signal is aborted. */
  check(): void {
    this.signal?.throwIfAborted();
    if (this.remaining !== undefined && this.remaining <= 0) throw this.#timeoutError();
  }

  /** Returns `delay` if it ends before the deadline; throws WaitTimeout otherwise. */
  checkDelay(delay: number): number {
    if (this.remaining !== undefined && delay >= this.remaining) throw this.#timeoutError();
    return delay;
  }

  #timeoutError(): WaitTimeout {
    const note = this.jobId === undefined ? "" : "; the job keeps running: read it with client.result(jobId, schema)";
    const text = `the call was not finished after ${this.timeoutMs} ms${note}`;
    return new WaitTimeout(text, { code: "WAIT_TIMEOUT", retryable: true, jobId: this.jobId });
  }
}

/** A response whose body is not read yet. */
export class OpenResponse {
  constructor(readonly response: Response, readonly silence: SilenceTimeout) {}

  get jobId(): string | undefined {
    return this.response.headers.get("X-Job-ID") ?? undefined;
  }

  async *chunks(): AsyncGenerator<Uint8Array> {
    const reader = this.response.body?.getReader();
    try {
      while (reader !== undefined) {
        const { done, value } = await this.silence.run(reader.read());
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
    const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
    pieces.reduce((at, piece) => (bytes.set(piece, at), at + piece.length), 0);
    return bytes;
  }

  async text(): Promise<string> {
    return new TextDecoder().decode(await this.bytes());
  }

  /** Closes the connection. */
  close(): void {
    this.silence.end();
  }
}

/** Aborts a request if the connection is silent for too long or the caller's signal is aborted. */
class SilenceTimeout {
  readonly #controller = new AbortController();
  readonly #abort = () => this.#controller.abort(this.caller?.reason);

  constructor(readonly silenceMs: number, readonly caller: AbortSignal | undefined) {
    caller?.addEventListener("abort", this.#abort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async run<T>(work: Promise<T>): Promise<T> {
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
    const fetchFunction = options.fetch ?? globalThis.fetch;
    this.#fetch = (...request) => fetchFunction(...request);
    this.#sleep = options.sleep;
    // Browsers set their own User-Agent.
    this.#agent = process === undefined ? {} : { "User-Agent": `runo-typescript/${VERSION}` };
  }

  attempts(): Attempts {
    return new Attempts(this.#maxRetries);
  }

  /** Sends a call until it succeeds and `read` has read the response; throws the error that ends the attempts. */
  async send<T>(call: Call, deadline: Deadline, read: (opened: OpenResponse) => Promise<T> | T): Promise<T> {
    const attempts = this.attempts();
    for (;;) {
      deadline.check();
      let delay: number;
      try {
        const opened = await this.#sendOnce(call, deadline);
        const { status } = opened.response;
        if (opened.response.ok) return await read(opened);
        const error = errorOfResponse(status, await opened.text(), opened.jobId ?? deadline.jobId);
        delay = attempts.errorResponse(error, opened.response.headers.get("Retry-After"));
      } catch (error) {
        delay = this.connectionFailed(attempts, error, deadline);
      }
      await this.pause(delay, deadline);
    }
  }

  /** Sends a call; returns the JSON object of the response and the job's id. */
  async json(call: Call, deadline: Deadline): Promise<{ members: Record<string, unknown>; jobId: string | undefined }> {
    return this.send(call, deadline, async (opened) => {
      const { jobId } = opened;
      deadline.jobId = jobId ?? deadline.jobId;
      const text = await opened.text();
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
  connectionFailed(attempts: Attempts, error: unknown, deadline: Deadline): number {
    if (error instanceof RunoError) throw error;
    deadline.check();
    return attempts.connectionFailed(error, deadline.jobId, this.#reached ? undefined : MAX_FIRST_CONNECT_RETRIES);
  }

  async pause(delay: number, deadline: Deadline): Promise<void> {
    if (delay <= 0) return;
    const wait = deadline.checkDelay(delay);
    if (this.#sleep !== undefined) return this.#sleep(wait);
    await new Promise<void>((resolve) => {
      const finish = () => {
        clearTimeout(timer);
        deadline.signal?.removeEventListener("abort", finish);
        resolve();
      };
      const timer = setTimeout(finish, wait);
      deadline.signal?.addEventListener("abort", finish, { once: true });
    });
  }

  async #sendOnce(call: Call, deadline: Deadline): Promise<OpenResponse> {
    const silence = new SilenceTimeout(this.#silenceMs, deadline.signal);
    try {
      const headers = { ...this.#agent, ...call.headers, "X-API-Key": this.#key };
      const { method, body = null } = call;
      const request = { method, headers, body, redirect: "manual", signal: silence.signal } as const;
      const response = await silence.run(this.#fetch(this.baseUrl + call.path, request));
      this.#reached = true;
      return new OpenResponse(response, silence);
    } catch (error) {
      silence.end();
      throw error;
    }
  }
}
