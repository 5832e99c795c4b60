// A job that a view follows: its rows, figures and end. Rows come by the thousand; the view is told a few times a second.

import { useEffect, useRef, useState } from "./ui.js";
import { follow } from "./stream.js";

const TELL_EVERY = 120;

const nothing = () => ({ rows: [], progress: null, summary: null, error: null, waiting: null, live: false });

// `followed` is `{ id, response?, stop?, seen? }`, or null. `response` is the call's own, where this tab made it, and `stop`
// ends that; `seen` is how many units are known already.
export function useFollow(followed) {
  const state = useRef(nothing());
  const [, tell] = useState(0);
  useEffect(() => {
    const now = (state.current = nothing());
    if (!followed) {
      tell((n) => n + 1);
      return undefined;
    }
    const { id, response, seen, stop = new AbortController() } = followed;
    // A body is read once; whoever comes back asks for the results again.
    Object.assign(followed, { response: null, stop: undefined });
    let timer = null;
    const soon = () => {
      timer ??= setTimeout(() => {
        timer = null;
        // A new object, so that whoever keeps something about the rows notices.
        state.current = { ...now };
        tell((n) => n + 1);
      }, TELL_EVERY);
    };
    now.live = true;
    soon();
    const on = {
      unit: (row) => { now.rows.push(row); soon(); },
      progress: (progress) => { now.progress = progress; soon(); },
      waiting: (error) => { now.waiting = error; soon(); },
      done: (summary) => { now.summary = summary; soon(); },
    };
    follow({ id, response, seen }, on, stop.signal)
      .catch((error) => { now.error = error; })
      .finally(() => { now.live = false; soon(); });
    return () => {
      stop.abort();
      clearTimeout(timer);
      timer = -1;
    };
  }, [followed]);
  return { ...state.current, count: state.current.rows.length };
}
