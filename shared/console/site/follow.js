// Follows a job for a view: its rows, progress and end. Rows may come by the thousand, so the view is updated only a
// few times per second.

import { useEffect, useRef, useState } from "./ui.js";
import { follow } from "./stream.js";

const RERENDER_EVERY = 120;

const emptyState = () => ({ rows: [], progress: null, summary: null, error: null, waiting: null, live: false });

// `followed` is `{ id, response?, stop?, seen? }`, or null. `response` is the call's own, if this tab made the call,
// and `stop` aborts it. `seen` is the number of units that are known already.
export function useFollow(followed) {
  const state = useRef(emptyState());
  const [, rerender] = useState(0);
  useEffect(() => {
    const now = (state.current = emptyState());
    if (!followed) {
      rerender((n) => n + 1);
      return undefined;
    }
    const { id, response, seen, stop = new AbortController() } = followed;
    // A body can be read only once; a view that is opened again requests the results again.
    Object.assign(followed, { response: null, stop: undefined });
    let timer = null;
    const scheduleRerender = () => {
      timer ??= setTimeout(() => {
        timer = null;
        // A new object, so that views that memoize the rows notice the change.
        state.current = { ...now };
        rerender((n) => n + 1);
      }, RERENDER_EVERY);
    };
    now.live = true;
    scheduleRerender();
    const handlers = {
      unit: (row) => { now.rows.push(row); scheduleRerender(); },
      progress: (progress) => { now.progress = progress; scheduleRerender(); },
      waiting: (error) => { now.waiting = error; scheduleRerender(); },
      done: (summary) => { now.summary = summary; scheduleRerender(); },
    };
    follow({ id, response, seen }, handlers, stop.signal)
      .catch((error) => { now.error = error; })
      .finally(() => { now.live = false; scheduleRerender(); });
    return () => {
      stop.abort();
      clearTimeout(timer);
      timer = -1;
    };
  }, [followed]);
  return { ...state.current, count: state.current.rows.length };
}
