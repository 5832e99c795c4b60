// The list of running and ended jobs.

import { html, useCallback, useEffect, useState } from "./ui.js";
import { jobs as jobsOf, pause } from "./api.js";
import { useFollow } from "./follow.js";
import { duration, number, when } from "./format.js";
import { stateOf } from "./words.js";
import { Badge, Choice, Empty, Progress, ErrorMessage } from "./parts.js";
import { outcomes } from "./table.js";
import { CancelDialog } from "./live.js";

const STATE_FILTERS = [{ name: "all", label: "All" }, { name: "running", label: "Running" }, { name: "finished", label: "Finished" }];
// Each followed job holds a connection open; a browser allows six per server.
const MAX_FOLLOWED = 2;
const RELOAD_INTERVAL = 3_000;
const MAX_ROWS = 50;

const isRunning = ({ status }) => status === "running" || status === "cancelling";

// Returns the known jobs that follow a reloaded page of the list, if the list continues after that page.
function olderJobs(known, { jobs, next_cursor: cursor }) {
  const last = jobs.at(-1);
  if (!cursor || !last) return [];
  const onPage = new Set(jobs.map(({ job_id }) => job_id));
  return known.filter(({ job_id: id, started_at: started }) => !onPage.has(id) && started <= last.started_at);
}

export function Jobs() {
  const [stateFilter, setStateFilter] = useState("all");
  const [list, setList] = useState(null);
  const [next, setNext] = useState(null);
  const [error, setError] = useState(null);
  const [cancelling, setCancelling] = useState(null);
  const [reloads, reload] = useState(0);
  const read = useCallback(async (signal) => {
    const page = await jobsOf({ state: stateFilter, limit: MAX_ROWS, signal });
    setList((known) => [...page.jobs, ...olderJobs(known ?? [], page)]);
    setNext((now) => now ?? page.next_cursor);
    setError(null);
    return page.jobs.some(isRunning);
  }, [stateFilter]);
  useEffect(() => {
    const stop = new AbortController();
    setNext(null);
    setList(null);
    (async () => {
      // Reloads the list to show new jobs; less often while none runs.
      while (!stop.signal.aborted) {
        const busy = await read(stop.signal).catch((fault) => { if (!stop.signal.aborted) setError(fault); return false; });
        await pause(busy ? RELOAD_INTERVAL : 3 * RELOAD_INTERVAL, stop.signal);
      }
    })();
    return () => stop.abort();
  }, [read, reloads]);
  const loadOlder = () => jobsOf({ state: stateFilter, limit: MAX_ROWS, cursor: next })
    .then((page) => { setList((known) => [...known, ...page.jobs]); setNext(page.next_cursor ?? ""); }, setError);
  const followed = (list ?? []).filter(isRunning).slice(0, MAX_FOLLOWED).map(({ job_id }) => job_id);
  return html`<section class="panel" aria-labelledby="jobs-title">
    <div class="row between"><h1 id="jobs-title">Jobs</h1><${Choice} label="Which jobs" value=${stateFilter} choices=${STATE_FILTERS} onChange=${setStateFilter} /></div>
    <${ErrorMessage} error=${error} onRetry=${() => reload((n) => n + 1)} />
    ${list && (list.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="List of jobs"><table class="list"><thead><tr>
      <th scope="col">Job</th><th scope="col">Call</th><th scope="col">Status</th><th scope="col" class="wide">Progress</th><th scope="col">Credits</th><th scope="col">Started</th><th scope="col"><span class="unseen">Cancel</span></th></tr></thead>
      <tbody>${list.map((job) => html`<${Line} key=${job.job_id} job=${job} live=${followed.includes(job.job_id)} onCancel=${() => setCancelling(job.job_id)} />`)}</tbody></table></div>`
      : html`<${Empty} title=${stateFilter === "running" ? "No jobs are running" : "No jobs yet"}><p class="muted">Jobs that you start appear here until their results are deleted (24 hours after they end, unless the operator has changed that).</p><//>`)}
    ${next && html`<p class="row end"><button class="quiet" onClick=${loadOlder}>Show older jobs</button></p>`}
    ${cancelling && html`<${CancelDialog} id=${cancelling} onClose=${() => { setCancelling(null); reload((n) => n + 1); }} />`}
  </section>`;
}

function Line({ job, live, onCancel }) {
  const { job_id: id, endpoint, status, started_at: started, ended_at: ended, progress, credits } = job;
  return html`<tr>
    <td><a href=${`#/jobs/${id}`}><code>${id}</code></a></td><td>${endpoint.slice(1)}${job.async_mode ? " · async" : ""}</td>
    <td><${Badge} kind=${status}>${stateOf(status)}<//></td>
    <td class="wide">${live ? html`<${Live} key=${id} id=${id} from=${progress} />` : html`<${Bar} ...${progress} />`}</td>
    <td class="figures">${credits ? number(credits.charged ?? credits.reserved) : ""}${credits?.refunded ? html`<span class="muted"> −${number(credits.refunded)}</span>` : null}</td>
    <td>${when(started)}${ended ? html`<span class="muted"> · ${duration(started, ended)}</span>` : null}</td>
    <td>${status === "running" && html`<button class="quiet small danger" aria-label=${`Cancel ${id}`} onClick=${onCancel}>Cancel</button>`}</td>
  </tr>`;
}

function Bar({ total, done, failed, live }) {
  return html`<div class="progress"><${Progress} label="Progress" total=${total} live=${live} parts=${[{ kind: "good", count: done }, { kind: "bad", count: failed }]} />
    <span class="figures">${number(done + failed)} / ${number(total)}</span></div>`;
}

// A live progress bar: starts at the list's figures and advances with each unit that ends.
function Live({ id, from }) {
  const [followed] = useState(() => ({ id, seen: from.done + from.failed, from }));
  const { rows, progress } = useFollow(followed);
  const kinds = outcomes(rows);
  const good = kinds.get("success") ?? 0;
  const bad = rows.length - good - (kinds.get("JOB_CANCELLED") ?? 0);
  return html`<${Bar} total=${Math.max(from.total, progress?.total ?? 0)} done=${followed.from.done + good} failed=${followed.from.failed + bad} live />`;
}
