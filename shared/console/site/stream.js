// Streams results: events over fetch (an EventSource cannot send the key), resumed where the connection broke off.

import { ApiError, pause, send } from "./api.js";

const EVENTS = "text/event-stream";
const MIN_PAUSE = 500;
const MAX_PAUSE = 10_000;

// Yields the events of a response's body.
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const pieces = (rest + value).split("\n\n");
    rest = pieces.pop();
    for (const piece of pieces) {
      const found = read(piece);
      if (found.data !== undefined) yield found;
    }
  }
}

function read(piece) {
  const found = {};
  for (const line of piece.split("\n")) {
    const [, name, value] = /^(event|id|data): ?(.*)$/.exec(line) ?? [];
    if (name === "data") found.data = JSON.parse(value);
    else if (name) found[name] = value;
  }
  return found;
}

// Sends a call that creates a job. Returns the job's id at once, and the response with its results.
// `explain`: asks the server to say why it chose each value, which it does only for a single page.
export async function start(path, body, { signal, idempotencyKey, explain }) {
  const headers = { "Idempotency-Key": idempotencyKey, ...(explain ? { Prefer: "explain" } : {}) };
  const response = await send("POST", path, { body, accept: EVENTS, signal, headers });
  return { response, id: response.headers.get("X-Job-ID") };
}

// Follows a job to its end. Calls `unit`, `progress` and `done`, and `waiting` while the connection is lost.
export async function follow({ id, response, seen = 0 }, handlers, signal) {
  let wait = MIN_PAUSE;
  for (;;) {
    let requestedWait = 0;
    try {
      response ??= await send("GET", `v1/jobs/${encodeURIComponent(id)}/result`, {
        accept: EVENTS, signal, headers: seen ? { "Last-Event-ID": String(seen) } : {},
      });
      handlers.waiting?.(null);
      for await (const { event, id: eventId, data } of events(response)) {
        wait = MIN_PAUSE;
        if (event === "unit") {
          seen = Number(eventId);
          handlers.unit(data);
        } else if (event === "progress") {
          handlers.progress?.(data);
        } else if (event === "done" && data.status !== "running") {
          handlers.done?.(data);
          return;
        }
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof ApiError && !error.retryable) throw error;
      handlers.waiting?.(error);
      requestedWait = 1_000 * (error.retryAfter ?? 0);
    }
    response = null;
    await pause(Math.max(wait, requestedWait), signal);
    if (signal.aborted) return;
    wait = Math.min(wait * 2, MAX_PAUSE);
  }
}
