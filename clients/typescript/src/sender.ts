/** Sends calls: again after failures that may pass, and never waiting longer than it was told to. */

import type { Call } from "./calls.js";
import { InvalidRequest, ProtocolError, refusal, RunoError, WaitTimeout } from "./errors.js";
import { Attempts } from "./retry.js";

export const VERSION = "0.1.0";
const DEFAULT_BASE_URL = "http://127.0.0.1:8080";
/** So often is a first connection tried again: a service that never answered is likely not there. */
const FIRST_CONTACT = 2;

export interface ClientOptions {
  /** The key; else `RUNO_API_KEY` of the environment. */
  apiKey?: string;
  /** Where the service is; else `RUNO_BASE_URL` of the environment, else the local server's usual address. */
  baseUrl?: string;
  /** How often a call is made again after failures without progress in between. 8 by default. */
  maxRetries?: number;
  /** For how long nothing at all may come before a connection counts as broken: 45 s by default (the service sends
   * something every 15 s). */
  silenceMs?: number;
  /** Another `fetch`. */
  fetch?: typeof fetch;
  /** Another way to wait between attempts; for tests. */
  sleep?: (milliseconds: number) => Promise<void>;
}

/** When a caller wants to wait no longer. */
export class Waiting {
  jobId: string | undefined;
  readonly #until: number | undefined;

  constructor(readonly timeoutMs: number | undefined, readonly signal: AbortSignal | undefined) {
    this.#until = timeoutMs === undefined ? undefined : performance.now() + timeoutMs;
  }

  get left(): number | undefined {
    return this.#until === undefined ? undefined : this.#until - performance.now();
  }

  /** Throws once the time is over or the signal is aborted. */
  check(): void {
    this.signal?.throwIfAborted();
    if (this.left !== undefined && this.left <= 0) throw this.#over();
  }

  /** A delay that is still worth it; or throws WaitTimeout. */
  within(delay: number): number {
    if (this.left !== undefined && delay >= this.left) throw this.#over();
    return delay;
  }

  #over(): WaitTimeout {
    const goesOn = this.jobId === undefined ? "" : "; the job goes on";
    const text = `not done after ${this.timeoutMs} ms${goesOn}`;
    return new WaitTimeout(text, { code: "WAIT_TIMEOUT", retryable: true, jobId: this.jobId });
  }
}

/** An answer whose body is still to be read. */
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

  /** Lets go of the connection. */
  close(): void {
    this.watch.end();
  }
}

/** Ends a request when nothing comes for too long, or when the caller's signal says so. */
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
    const silent = () => this.#controller.abort(new Error(`nothing came for ${this.silenceMs} ms`));
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
    if (!key) throw new InvalidRequest("there is no API key: give apiKey or set RUNO_API_KEY", { code: "UNAUTHORIZED" });
    if (!/^https?:\/\//.test(base)) {
      throw new InvalidRequest(`baseUrl must begin with http:// or https://, not ${base}`, { code: "INVALID_REQUEST" });
    }
    this.baseUrl = base.replace(/\/+$/, "");
    this.#key = key;
    this.#maxRetries = options.maxRetries ?? 8;
    this.#silenceMs = options.silenceMs ?? 45_000;
    // Called as a function of its own: a browser's fetch refuses to be a method of anything else.
    const given = options.fetch ?? globalThis.fetch;
    this.#fetch = (...request) => given(...request);
    this.#sleep = options.sleep;
    // Browsers name themselves.
    this.#agent = process === undefined ? {} : { "User-Agent": `runo-typescript/${VERSION}` };
  }

  attempts(): Attempts {
    return new Attempts(this.#maxRetries);
  }

  /** Sends a call until it is answered with success and `read`; throws what it is refused with. */
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

  /** Sends a call and reads the JSON object that it is answered with, and the job's id. */
  async json(call: Call, waiting: Waiting): Promise<{ members: Record<string, unknown>; jobId: string | undefined }> {
    return this.send(call, waiting, async (answer) => {
      const { jobId } = answer;
      waiting.jobId = jobId ?? waiting.jobId;
      const text = await answer.text();
      try {
        const members = JSON.parse(text);
        if (typeof members === "object" && members !== null) return { members, jobId };
      } catch {
        // Said below.
      }
      throw new ProtocolError("the answer is not a JSON object", { code: "PROTOCOL_ERROR", jobId });
    });
  }

  /** How long to wait after a connection that failed; throws what is no such failure. */
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
