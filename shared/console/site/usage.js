// The view "Usage": credits left and used, keys, and webhook deliveries.

import { Fragment, html, useEffect, useState } from "./ui.js";
import { get, job as jobOf, jobs as jobsOf, usage as usageOf } from "./api.js";
import { number, percent, when } from "./format.js";
import { Badge, Empty, Figure, Progress, ErrorMessage } from "./parts.js";
import { byDay, DayChart } from "./chart.js";

// Limits: pages of jobs for the chart, jobs per page, and jobs whose webhook is requested.
const PAGES = 10;
const PER_PAGE = 100;
const DELIVERIES = 20;

async function allJobs(signal) {
  const found = [];
  let cursor;
  for (let page = 0; page < PAGES; page++) {
    const { jobs, next_cursor } = await jobsOf({ state: "all", limit: PER_PAGE, cursor, signal });
    found.push(...jobs);
    cursor = next_cursor;
    if (!cursor) return { jobs: found, whole: true };
  }
  return { jobs: found, whole: false };
}

async function deliveriesOf(jobs, signal) {
  const ended = jobs.filter(({ endpoint, ended_at }) => endpoint !== "/extract" && ended_at).slice(0, DELIVERIES);
  const infos = await Promise.all(ended.map(({ job_id }) => jobOf(job_id, { signal }).catch(() => ({}))));
  return infos.filter(({ webhook }) => webhook);
}

export function Usage() {
  const [usage, setUsage] = useState(null);
  const [keys, setKeys] = useState(null);
  const [history, setHistory] = useState(null);
  const [deliveries, setDeliveries] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const stop = new AbortController();
    const { signal } = stop;
    const fail = (fault) => signal.aborted || setError(fault);
    usageOf({ signal }).then(setUsage, fail);
    get("v1/keys", { signal }).then(({ keys: all }) => setKeys(all), fail);
    allJobs(signal).then((all) => {
      setHistory(all);
      return deliveriesOf(all.jobs, signal).then(setDeliveries);
    }).catch(fail);
    return () => stop.abort();
  }, []);
  return html`<div class="usage"><h1 class="unseen">Usage</h1>
    <${ErrorMessage} error=${error} />
    ${usage && html`<${Credits} usage=${usage} />`}
    ${history && html`<section class="panel" aria-labelledby="days"><h2 id="days">Credits by day</h2>
      ${history.jobs.length ? html`<${DayChart} days=${byDay(history.jobs)} />` : html`<${Empty} title="No jobs"><p class="muted">Days appear here after the first job.</p><//>`}
      <p class="muted">Covers jobs whose results are still kept: 24 hours after their end, unless the operator has changed that (RESULT_TTL_HOURS).${history.whole ? "" : ` Only the newest ${number(history.jobs.length)} of them.`}</p></section>`}
    <div class="columns">${keys && html`<${Keys} keys=${keys} />`}${deliveries && html`<${Deliveries} deliveries=${deliveries} />`}</div>
  </div>`;
}

function Credits({ usage: { plan, account_id: account, month, monthly, prepaid, rate, model } }) {
  const scarce = monthly.remaining < monthly.limit / 10;
  return html`<section class="panel" aria-labelledby="month"><div class="row between"><h2 id="month">${month}</h2><span><${Badge} kind="plain">${plan}<//> <span class="muted">${account}</span></span></div>
    <${Progress} label="Credits of the month" total=${monthly.limit} parts=${[{ kind: scarce ? "bad" : "accent", count: monthly.used }]} />
    <dl class="figures">
      <${Figure} name="Used this month" value=${monthly.used} note=${`of ${number(monthly.limit)}, ${percent(monthly.used, monthly.limit)}`} />
      <${Figure} name="Left this month" value=${monthly.remaining} />
      <${Figure} name="Prepaid" value=${prepaid.balance} note=${["pro", "scale"].includes(plan) ? "used after the month's credits" : "not on this plan"} />
      <${Figure} name="Calls this minute" value=${rate.limit - rate.remaining} note=${`of ${number(rate.limit)}`} />
      ${model && html`<${Figure} name="Model calls" value=${model.calls} note=${`${number(model.input_tokens)} tokens in, ${number(model.output_tokens)} out`} />`}
    </dl></section>`;
}

function Keys({ keys }) {
  return html`<section class="panel" aria-labelledby="keys"><h2 id="keys">Keys</h2>
    <div class="scroll" tabindex="0" role="region" aria-label="List of keys"><table class="list"><thead><tr><th scope="col">Key</th><th scope="col">Schema</th><th scope="col">State</th></tr></thead>
      <tbody>${keys.map(({ key, kind, active }, at) => html`<tr key=${at}><td><code>${key}</code></td><td>${kind === "static" ? "bound" : kind === "dynamic" ? "in each call" : "–"}</td>
        <td><${Badge} kind=${active ? "completed" : "cancelled"}>${active ? "Active" : "Revoked"}<//></td></tr>`)}</tbody></table></div>
    <p class="muted">The operator creates and revokes keys (“admin key”). Only their hashes are stored.</p></section>`;
}

function Deliveries({ deliveries }) {
  return html`<section class="panel" aria-labelledby="hooks"><h2 id="hooks">Webhook deliveries</h2>
    ${deliveries.length ? html`<div class="scroll" tabindex="0" role="region" aria-label="List of deliveries"><table class="list"><thead><tr><th scope="col">Job</th><th scope="col">State</th><th scope="col">Tries</th><th scope="col">Answer</th><th scope="col">Ended</th></tr></thead>
      <tbody>${deliveries.map(({ job_id: id, webhook, ended_at: ended }) => html`<tr key=${id}><td><a href=${`#/jobs/${id}`}><code>${id}</code></a></td>
        <td><${Badge} kind=${webhook.state === "delivered" ? "completed" : "running"}>${webhook.state}<//></td>
        <td class="figures">${webhook.attempts}</td><td class="figures">${webhook.last_status ?? "–"}</td><td>${when(ended)}</td></tr>`)}</tbody></table></div>`
      : html`<${Fragment}><p class="muted">No job has a webhook. Set <code>webhook</code> in a batch or a crawl.</p><//>`}</section>`;
}
