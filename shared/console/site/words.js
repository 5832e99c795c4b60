// Errors in words: what happened, and what helps. The service's own message says the rest.

import { own } from "./ui.js";

const WORDS = {
  INVALID_REQUEST: ["The request is not right", "Change what the message names and send it again. Nothing was charged."],
  SCHEMA_INVALID: ["The schema is not right", "Change the field that the message names. Nothing was charged."],
  SCHEMA_NOT_ALLOWED: ["This key has its own schema", "Send the call without one, or use a key that begins with sk_live_."],
  SCHEMA_REQUIRED: ["A schema is missing", "Say which fields you want. Nothing was charged."],
  IDEMPOTENCY_MISMATCH: ["This call was sent before with other content", "Send it again."],
  UNAUTHORIZED: ["The key is not known", "Enter another key. An operator makes one with “admin key create”; cargo run prints one."],
  ACCOUNT_SUSPENDED: ["The account is suspended", "Ask whoever operates this service."],
  JOB_FORBIDDEN: ["The job is another account's", "Use a key of the account that started it."],
  JOB_NOT_FOUND: ["There is no such job", "It may have ended before, or its results are no longer kept."],
  NOT_FOUND: ["There is no such page", ""],
  PAYLOAD_TOO_LARGE: ["The request is too long", "Send fewer URLs in a call."],
  RATE_LIMITED: ["Too many calls", "Wait a moment and send it again. Nothing was charged."],
  QUOTA_EXCEEDED: ["Too few credits are left", "Ask for fewer pages, or for more credits. Nothing was charged."],
  INTERNAL: ["Something failed in the service", "Try again; if it stays, tell whoever operates it."],
  UNAVAILABLE: ["The service is busy", "Try again in a moment."],
  UNREACHABLE: ["The service does not answer", "See whether it runs, and whether you are connected."],
  FETCH_BLOCKED: ["The site refused", "It may ask for a login or turn away programs. options.headers can carry a cookie or a token."],
  URL_UNREACHABLE: ["The page could not be reached", "Look at the address. Addresses that are not public are refused unless FETCH_ALLOW opens them."],
  TIMEOUT: ["The page took too long", "Raise timeout_ms, or wait for less."],
  UNSUPPORTED_CONTENT: ["This is no page", "HTML, XML, JSON and text can be read, up to 10 MB."],
  ROBOTS_DENIED: ["robots.txt denies it", "ignore_robots crawls all the same, where you may."],
  JOB_CANCELLED: ["It was cancelled before it started", "It was not charged."],
  JOB_EXPIRED: ["The job's time was over", "Run the open pages again."],
};

// Title and advice for a code.
export function words(code) {
  const [title, advice] = own(WORDS, code) ?? ["The call failed", ""];
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
