/** Decides whether and when to retry a call. Every call can be retried: reads and DELETE are idempotent, and each POST
 * has an Idempotency-Key. Times are in milliseconds. */

import { ConnectionFailed, type RunoError } from "./errors.js";

const FIRST_WAIT = 250;
const MAX_WAIT = 10_000;
/** Maximum `Retry-After` to wait for; beyond it the error is thrown at once. */
const MAX_RETRY_AFTER = 120_000;

/** Counts the failures of one call since its last progress. */
export class Attempts {
  #failed = 0;

  constructor(readonly maxRetries: number, readonly random: () => number = Math.random) {}

  /** Resets the count after progress. */
  progress(): void {
    this.#failed = 0;
  }

  /** Returns how long to wait after a failed connection; throws ConnectionFailed after too many. */
  connectionFailed(cause: unknown, jobId: string | undefined, maxRetries?: number): number {
    if (this.#failed >= Math.min(maxRetries ?? this.maxRetries, this.maxRetries)) {
      // Only a service that was never reached has a limit of its own.
      const hint = maxRetries === undefined ? "" : " (check the base URL)";
      const text = `${this.#failed + 1} attempts failed${hint}; the last: ${describe(cause)}`;
      throw new ConnectionFailed(text, { code: "CONNECTION_FAILED", retryable: true, jobId, cause });
    }
    return this.#next();
  }

  /** Returns how long to wait after an error response; throws `error` if it is not to be retried. */
  errorResponse(error: RunoError, retryAfter: string | null): number {
    const requested = milliseconds(retryAfter);
    if (!error.retryable || this.#failed >= this.maxRetries || (requested ?? 0) > MAX_RETRY_AFTER) throw error;
    const wait = this.#next();
    // Not earlier than the service asked for; a little later, so that clients do not all return at once.
    return requested === undefined ? wait : requested + Math.min(wait, 1_000) * this.random();
  }

  #next(): number {
    const maxWait = Math.min(MAX_WAIT, FIRST_WAIT * 2 ** this.#failed);
    this.#failed += 1;
    return maxWait * (0.5 + this.random() / 2);
  }
}

function milliseconds(retryAfter: string | null): number | undefined {
  if (retryAfter === null) return undefined;
  const seconds = Number(retryAfter);
  const wait = Number.isNaN(seconds) ? Date.parse(retryAfter) - Date.now() : seconds * 1_000;
  return Number.isNaN(wait) ? undefined : Math.max(0, wait);
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // fetch itself only says "fetch failed"; its cause says why.
  return cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause.message;
}
