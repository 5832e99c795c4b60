// One job, by its id.

import { html, useMemo } from "./ui.js";
import { JobPanel } from "./live.js";
import { recall } from "./memory.js";

export function OneJob({ id, onRetryFailed }) {
  const followed = useMemo(() => ({ id }), [id]);
  return html`<div><p><a href="#/jobs">← All jobs</a></p><h1 class="unseen">Job ${id}</h1><${JobPanel} key=${id} followed=${followed} body=${recall(id)} onRetryFailed=${onRetryFailed} /></div>`;
}
