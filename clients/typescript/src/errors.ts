/** What can go wrong: one base class, and subclasses for what programs treat differently. */

/** The codes that the service gives. A newer service may give others. */
export const ERROR_CODES = [
  "INVALID_REQUEST",
  "SCHEMA_INVALID",
  "SCHEMA_NOT_ALLOWED",
  "SCHEMA_REQUIRED",
  "IDEMPOTENCY_MISMATCH",
  "UNAUTHORIZED",
  "ACCOUNT_SUSPENDED",
  "TIER_REQUIRED",
  "JOB_FORBIDDEN",
  "JOB_NOT_FOUND",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "PAYLOAD_TOO_LARGE",
  "RATE_LIMITED",
  "QUOTA_EXCEEDED",
  "KEY_LIMIT_REACHED",
  "INTERNAL",
  "UNAVAILABLE",
  "FETCH_BLOCKED",
  "URL_UNREACHABLE",
  "TIMEOUT",
  "UNSUPPORTED_CONTENT",
  "ROBOTS_DENIED",
  "CRAWL_LIMIT_REACHED",
  "JOB_CANCELLED",
  "JOB_EXPIRED",
] as const;

/** The codes that this client gives by itself. */
export const CLIENT_CODES = ["CONNECTION_FAILED", "WAIT_TIMEOUT", "PROTOCOL_ERROR", "MODEL_MISMATCH"] as const;

/** A code; others than the known ones may come of a newer service. */
export type ErrorCode = (typeof ERROR_CODES)[number] | (typeof CLIENT_CODES)[number] | (string & {});

/** What an error says besides its message. */
export interface ErrorDetails {
  code: ErrorCode;
  /** Whether the same call may succeed later. */
  retryable?: boolean;
  jobId?: string | undefined;
  /** The HTTP status, if there was one. */
  status?: number;
  cause?: unknown;
}

/** Base of every error of this package. */
export class RunoError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly jobId: string | undefined;
  readonly status: number | undefined;

  constructor(message: string, details: ErrorDetails) {
    const about = details.jobId ? ` (${details.jobId})` : "";
    super(`${details.code}: ${message}${about}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.retryable = details.retryable ?? false;
    this.jobId = details.jobId;
    this.status = details.status;
  }
}

/** The call itself is wrong; nothing was charged. */
export class InvalidRequest extends RunoError {}
/** The schema is wrong, missing, or has something that cannot be converted. */
export class SchemaError extends InvalidRequest {}
/** No key, an unknown one, a revoked one, or a suspended account. */
export class AuthenticationError extends RunoError {}
/** Too many calls, and waiting as long as the service asked did not help. */
export class RateLimited extends RunoError {}
/** Too few credits are left; nothing was charged. */
export class QuotaExceeded extends RunoError {}
/** There is no such job, or its results are no longer kept. */
export class JobNotFound extends RunoError {}
/** The job belongs to another account. */
export class JobForbidden extends RunoError {}
/** The service failed (5xx), repeatedly. */
export class ServerError extends RunoError {}
/** The service could not be reached, repeatedly. */
export class ConnectionFailed extends RunoError {}
/** What answered does not speak this API. */
export class ProtocolError extends RunoError {}
/** The call's `timeoutMs` is over. The job goes on: take it up with `client.result(error.jobId)`. */
export class WaitTimeout extends RunoError {}
/** The page of an `extract` could not be had; `code` says why. */
export class PageError extends RunoError {}

/** The page was read, but the values do not fit the schema. `data` has them as they came. */
export class ModelMismatch extends PageError {
  readonly data: Record<string, unknown>;

  constructor(message: string, data: Record<string, unknown>, jobId: string | undefined) {
    super(message, { code: "MODEL_MISMATCH", jobId });
    this.data = data;
  }
}

const CLASSES: Record<string, typeof RunoError> = {
  SCHEMA_INVALID: SchemaError,
  SCHEMA_NOT_ALLOWED: SchemaError,
  SCHEMA_REQUIRED: SchemaError,
  UNAUTHORIZED: AuthenticationError,
  ACCOUNT_SUSPENDED: AuthenticationError,
  RATE_LIMITED: RateLimited,
  QUOTA_EXCEEDED: QuotaExceeded,
  JOB_NOT_FOUND: JobNotFound,
  JOB_FORBIDDEN: JobForbidden,
  INTERNAL: ServerError,
  UNAVAILABLE: ServerError,
  PROTOCOL_ERROR: ProtocolError,
};

const PASSING = new Set([408, 429, 500, 502, 503, 504]);

/** The error that an answer without success stands for. */
export function refusal(status: number, text: string, jobId: string | undefined): RunoError {
  const told = envelope(text);
  let { code, message, retryable } = told ?? {};
  if (code === undefined) {
    // Not the service's own envelope: something on the way answered.
    const codes: Record<number, string> = { 401: "UNAUTHORIZED", 404: "NOT_FOUND", 429: "RATE_LIMITED" };
    code = status >= 500 ? "UNAVAILABLE" : (codes[status] ?? "PROTOCOL_ERROR");
    message = `the answer has status ${status} and no error that is known`;
  }
  retryable ??= PASSING.has(status);
  const kind = CLASSES[code] ?? InvalidRequest;
  return new kind(message ?? "", { code, retryable, jobId, status });
}

function envelope(text: string): { code: string; message: string; retryable: boolean } | undefined {
  try {
    const { error } = JSON.parse(text);
    return typeof error?.code === "string" ? error : undefined;
  } catch {
    return undefined;
  }
}
