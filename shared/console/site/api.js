// Calls of the public API. The key is sent in a header only.

import { key } from "./session.js";

// A refused call, with the members of the error envelope.
export class ApiError extends Error {
  constructor(status, { code, message, retryable }, retryAfter) {
    super(message);
    Object.assign(this, { status, code, retryable: Boolean(retryable), retryAfter });
  }
}

// The service did not answer.
export class Unreachable extends Error {
  constructor() {
    super("The service does not answer. Is it running?");
    Object.assign(this, { code: "UNREACHABLE", retryable: true });
  }
}

// Sends a request; resolves to the response once its head has arrived.
export async function send(method, path, { body, accept = "application/json", headers = {}, signal, apiKey = key() } = {}) {
  const fields = { "X-Api-Key": apiKey, Accept: accept, ...headers };
  if (body !== undefined) fields["Content-Type"] = "application/json";
  let response;
  try {
    response = await fetch(path, {
      method,
      headers: fields,
      body: body === undefined ? undefined : JSON.stringify(body),
      signal,
      credentials: "omit",
      cache: "no-store",
      referrerPolicy: "no-referrer",
    });
  } catch (error) {
    throw signal?.aborted ? error : new Unreachable();
  }
  if (response.ok) return response;
  throw await refusalError(response);
}

async function refusalError(response) {
  const body = await response.json().catch(() => ({}));
  const fallback = { code: `HTTP ${response.status}`, message: response.statusText, retryable: response.status >= 500 };
  return new ApiError(response.status, body.error ?? fallback, Number(response.headers.get("Retry-After")) || undefined);
}

export const get = (path, options) => send("GET", path, options).then((response) => response.json());

export const usage = (options) => get("v1/usage", options);
export const job = (id, options) => get(`v1/jobs/${encodeURIComponent(id)}`, options);
export const cancel = (id) => send("DELETE", `v1/jobs/${encodeURIComponent(id)}`).then((response) => response.json());

export function jobs({ state = "all", limit = 50, cursor, signal } = {}) {
  const query = new URLSearchParams({ state, limit, ...(cursor ? { cursor } : {}) });
  return get(`v1/jobs?${query}`, { signal });
}

// A random idempotency key, so that a call that is sent twice is charged once.
export function idempotencyKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
}

export function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => { clearTimeout(timer); resolve(); }, { once: true });
  });
}
