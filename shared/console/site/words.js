// Titles and advice for error codes. The service's own message adds the details.

import { own } from "./ui.js";

const ERROR_TEXTS = {
  INVALID_REQUEST: ["The request is invalid", "Correct what the message names and send it again. Nothing was charged."],
  SCHEMA_INVALID: ["The schema is invalid", "Correct the field that the message names. Nothing was charged."],
  SCHEMA_NOT_ALLOWED: ["This key has its own schema", "Send the call without a schema, or use a key that begins with sk_live_."],
  SCHEMA_REQUIRED: ["A schema is missing", "Add the fields that you want. Nothing was charged."],
  IDEMPOTENCY_MISMATCH: ["The idempotency key was used for another call", "Send it again: it gets a new key."],
  UNAUTHORIZED: ["The key is not valid", "Enter another key. The operator creates one with “admin key create”; a local server (cargo run) prints one when it starts."],
  ACCOUNT_SUSPENDED: ["The account is suspended", "Contact the operator of this service."],
  JOB_FORBIDDEN: ["The job belongs to another account", "Use a key of the account that started it."],
  TIER_REQUIRED: ["The plan does not include this", "Remove the option, or contact the operator for another plan."],
  JOB_NOT_FOUND: ["There is no such job", "Check its id: a job is kept as long as its results. One that has ended cannot be cancelled."],
  METHOD_NOT_ALLOWED: ["The method is not allowed", ""],
  NOT_FOUND: ["This path does not exist", ""],
  PAYLOAD_TOO_LARGE: ["The request is too large", "Send a smaller body: fewer URLs, or a smaller schema."],
  RATE_LIMITED: ["Too many calls", "Wait a moment and send it again. Nothing was charged."],
  QUOTA_EXCEEDED: ["Too few credits are left", "Request fewer pages, or get more credits. Nothing was charged."],
  INTERNAL: ["The service failed", "Try again. If it keeps failing, contact the operator."],
  UNAVAILABLE: ["The service is not available", "Send it again in a moment. The same call is charged only once."],
  UNREACHABLE: ["The service does not answer", "Check that it is running and that you are online."],
  FETCH_BLOCKED: ["The site refused the request", "It may require a login or block automated requests. options.headers can send a cookie or a token."],
  URL_UNREACHABLE: ["The page could not be reached", "Check the URL. Private addresses are refused unless the operator allows them (FETCH_ALLOW)."],
  TIMEOUT: ["The page took too long", "Raise timeout_ms, or shorten wait_for."],
  UNSUPPORTED_CONTENT: ["The content is not supported", "Only HTML, XML, JSON and text up to 10 MiB can be read."],
  ROBOTS_DENIED: ["robots.txt denies the page", "It denies the page, or its server failed to send it. Try again later, or set ignore_robots if you are allowed to crawl it anyway."],
  JOB_CANCELLED: ["The job was stopped", "It was cancelled, or stopped at the first failure. Pages that had not started were not charged."],
  JOB_EXPIRED: ["The job ran out of time", "Run the unfinished pages again."],
  PENDING: ["The page is not read yet", "Its job still runs: open the job again to see the result."],
};

// Title and advice for a code.
export function errorText(code) {
  const [title, advice] = own(ERROR_TEXTS, code) ?? ["The call failed", ""];
  return { title, advice };
}

const STATES = {
  running: "Running",
  cancelling: "Cancelling",
  completed: "Completed",
  cancelled: "Cancelled",
  expired: "Expired",
};

export const stateOf = (state) => own(STATES, state) ?? state;
