/** Errors: one base class, and subclasses for what programs treat differently. */

/** Codes that the service returns. A newer service may return others. */
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

/** Codes that this client adds. */
export const CLIENT_CODES = ["CONNECTION_FAILED", "WAIT_TIMEOUT", "PROTOCOL_ERROR", "MODEL_MISMATCH"] as const;

/** An error code; a newer service may return others. */
export type ErrorCode = (typeof ERROR_CODES)[number] | (typeof CLIENT_CODES)[number] | (string & {});

/** Details of an error besides its message. */
export interface ErrorDetails {
  code: ErrorCode;
  /** Whether the same call may succeed later. */
  retryable?: boolean;
  jobId?: string | undefined;
  /** The HTTP status, if there was a response. */
  status?: number;
  cause?: unknown;
}

/** Base class of all errors of this package. */
export class RunoError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  readonly jobId: string | undefined;
  readonly status: number | undefined;

  constructor(message: string, details: ErrorDetails) {
    const suffix = details.jobId ? ` (${details.jobId})` : "";
    super(`${details.code}: ${message}${suffix}`, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.retryable = details.retryable ?? false;
    this.jobId = details.jobId;
    this.status = details.status;
  }
}

/** The call is invalid; nothing was charged. */
export class InvalidRequest extends RunoError {}
/** The schema is invalid, missing, or has a type that cannot be converted. */
export class SchemaError extends InvalidRequest {}
/** The API key is unknown or revoked, or the account is suspended. */
export class AuthenticationError extends RunoError {}
/** Too many calls, and retrying after the waits that the service asked for did not help. */
export class RateLimited extends RunoError {}
/** Too few credits are left; nothing was charged. */
export class QuotaExceeded extends RunoError {}
/** The job does not exist, or its results are no longer kept. */
export class JobNotFound extends RunoError {}
/** The job belongs to another account. */
export class JobForbidden extends RunoError {}
/** The service failed repeatedly (5xx). */
export class ServerError extends RunoError {}
/** The service could not be reached in several attempts. */
export class ConnectionFailed extends RunoError {}
/** The response does not follow this API. */
export class ProtocolError extends RunoError {}
/** The call's `timeoutMs` has passed. The job keeps running; read it with `client.result(error.jobId)`. */
export class WaitTimeout extends RunoError {}
/** The page of an `extract` could not be read; `code` says why. */
export class PageError extends RunoError {}

/** The page was read, but its values do not fit the schema. `data` has the raw values. */
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

const TRANSIENT = new Set([408, 429, 500, 502, 503, 504]);

/** Makes an error of a response without a 2xx status. */
export function errorOfResponse(status: number, text: string, jobId: string | undefined): RunoError {
  const error = envelope(text);
  let { code, message, retryable } = error ?? {};
  if (code === undefined) {
    // Not the service's envelope: an intermediary answered.
    const codes: Record<number, string> = { 401: "UNAUTHORIZED", 404: "NOT_FOUND", 429: "RATE_LIMITED" };
    code = status >= 500 ? "UNAVAILABLE" : (codes[status] ?? "PROTOCOL_ERROR");
    message = `the response has status ${status} and no error object`;
  }
  retryable ??= TRANSIENT.has(status);
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
