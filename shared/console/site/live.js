// A running or ended job: its progress, cost, results and actions.

import { Fragment, html, useEffect, useMemo, useState } from "./ui.js";
import { cancel, idempotencyKey, job as jobOf } from "./api.js";
import { start } from "./stream.js";
import { useFollow } from "./follow.js";
import { duration, number, plural } from "./format.js";
import { stateOf } from "./words.js";
import { Badge, Copy, Dialog, Figure, Progress, ErrorMessage } from "./parts.js";
import { outcomes, ResultTable } from "./table.js";
import { download, FORMATS } from "./download.js";
import { PageDialog, PageResult } from "./page.js";
import { Explanation } from "./why.js";
import { explains } from "./options.js";

// The job's state. Requests it at first, and again whenever a reload key changes.
function useJob(id, reloadKeys) {
  const [info, setInfo] = useState(null);
  const [error, setError] = useState(null);
  useEffect(() => {
    const stop = new AbortController();
    setError(null);
    jobOf(id, { signal: stop.signal }).then(setInfo, (fault) => stop.signal.aborted || setError(fault));
    return () => stop.abort();
  }, [id, ...reloadKeys]);
  return [info?.job_id === id ? info : null, error];
}

// Failed pages can be run again, including those that never started.
const failedUrls = (rows) => rows.filter(({ status }) => status === "error").sort((a, b) => a.index - b.index).map(({ url }) => url);

export function JobPanel({ followed, body, onRetryFailed }) {
  const [cancelled, setCancelled] = useState(0);
  const [confirming, setConfirming] = useState(false);
  const [open, setOpen] = useState(null);
  const { rows, count, progress, summary, error, waiting, live } = useFollow(followed);
  // The summary and the error also show that the job has ended: it may end before a view with `live` is rendered.
  const [info, fault] = useJob(followed.id, [cancelled, live, summary, error]);
  const kinds = useMemo(() => outcomes(rows), [rows, count]);
  const single = info?.endpoint === "/extract";
  const [succeeded, cancelledPages] = [kinds.get("success") ?? 0, kinds.get("JOB_CANCELLED") ?? 0];
  const total = Math.max(info?.progress.total ?? 0, progress?.total ?? 0, count);
  const state = live && info?.ended_at ? "running" : info?.status;
  const urls = useMemo(() => failedUrls(rows), [rows, count]);
  return html`<section class="panel job" aria-label="Job">
    <header class="row between">
      <div class="row"><code class="job-id">${followed.id}</code><${Copy} text=${followed.id} />
        <${Badge} kind=${state ?? "running"}>${stateOf(state) ?? "Accepted"}<//></div>
      ${live && (state === "running" || !state) && html`<button class="danger" onClick=${() => setConfirming(true)}>Cancel</button>`}
    </header>
    ${!single && html`<${Progress} label="Progress" total=${total} live=${live} parts=${[
      { kind: "good", count: succeeded }, { kind: "bad", count: count - succeeded - cancelledPages }, { kind: "cut", count: cancelledPages }]} />`}
    <p class="unseen" role="status">${live ? "" : `${stateOf(state) ?? ""}: ${number(count)} of ${number(total)} done`}</p>
    <p class="row between muted"><span>${number(count)} of ${number(total)} done${count - succeeded ? `, ${number(count - succeeded)} not read` : ""}</span>
      <span>${info ? duration(info.started_at, info.ended_at ?? undefined) : ""}</span></p>
    ${waiting && html`<p class="notice">The connection was lost and is retried automatically; the job continues. ${waiting.message}</p>`}
    <${ErrorMessage} error=${error ?? fault} />
    ${info && html`<${Credits} info=${info} />`}
    ${[...kinds].some(([code]) => code !== "success") && !single && html`<${Failures} kinds=${kinds} />`}
    ${single && rows[0] && html`<${PageResult} row=${rows[0]} />`}
    ${!single && count > 0 && html`<${Fragment}>
      <div class="toolbar between"><div class="row"><span class="muted">Download</span>
        ${Object.keys(FORMATS).map((format) => html`<button key=${format} class="quiet small" onClick=${() => download(format, followed.id, rows, summary)}>${format}</button>`)}</div>
        ${urls.length > 0 && !live && html`<button class="quiet small" onClick=${() => onRetryFailed(urls, body, rows, followed.id)}>Run ${plural(urls.length, "failed page")} again…</button>`}
      </div>
      <${ResultTable} rows=${rows} count=${count} onOpen=${setOpen} label=${`Results of ${followed.id}`} />
    <//>`}
    ${open && html`<${PageDialog} row=${open} job=${followed.id} onClose=${() => setOpen(null)}>
      ${explains() && body && open.status === "success" && html`<${Explain} key=${open.index} url=${open.url} body=${body} />`}<//>`}
    ${confirming && html`<${CancelDialog} id=${followed.id} onClose=${(done) => { setConfirming(false); if (done) setCancelled((n) => n + 1); }} />`}
  </section>`;
}

// How a reservation was used, by pool: refunds go to the prepaid balance first.
export function pools({ reserved, charged, refunded, monthly, prepaid }) {
  if (charged === null) return { monthly: { reserved: monthly }, prepaid: { reserved: prepaid } };
  const toPrepaid = Math.min(prepaid, refunded);
  return {
    monthly: { reserved: monthly, charged: monthly - (refunded - toPrepaid), refunded: refunded - toPrepaid },
    prepaid: { reserved: prepaid, charged: prepaid - toPrepaid, refunded: toPrepaid },
    all: { reserved, charged, refunded },
  };
}

function Credits({ info }) {
  const { monthly, prepaid } = pools(info.credits);
  const by = (name) => (info.credits.prepaid ? `${number(monthly[name])} monthly, ${number(prepaid[name])} prepaid` : "monthly");
  return html`<dl class="figures" aria-label="Credits">
    <${Figure} name="Reserved" value=${info.credits.reserved} note=${by("reserved")} />
    <${Figure} name="Charged" value=${info.credits.charged} note=${info.credits.charged === null ? "when it ends" : by("charged")} />
    <${Figure} name="Refunded" value=${info.credits.refunded} note=${info.credits.refunded === null ? "when it ends" : by("refunded")} />
    ${info.webhook && html`<${Figure} name="Webhook" value=${info.webhook.state} note=${`${info.webhook.attempts} tries`} />`}
  </dl>`;
}

function Failures({ kinds }) {
  return html`<ul class="chips" aria-label="Failures by code">${[...kinds].filter(([code]) => code !== "success").map(([code, count]) => html`<li key=${code}>
    <code>${code}</code> <strong>${number(count)}</strong></li>`)}</ul>`;
}

// Explains the values of one page: the page is read again in a call of its own.
function Explain({ url, body }) {
  const [run, setRun] = useState(null);
  const [fault, setFault] = useState(null);
  const { rows, error } = useFollow(run);
  const begin = async () => {
    const { concurrency, fail_fast, capture, async_mode, ...options } = body.options ?? {};
    const call = { url, ...(body.schema ? { schema: body.schema } : {}), options };
    const stop = new AbortController();
    setFault(null);
    try {
      setRun({ ...(await start("v1/extract", call, { signal: stop.signal, idempotencyKey: idempotencyKey(), explain: true })), stop });
    } catch (refused) {
      setFault(refused);
    }
  };
  if (rows[0]?.explain) return html`<${Explanation} explained=${rows[0].explain} />`;
  if (rows[0]) return html`<${PageResult} row=${rows[0]} />`;
  return html`<p><button class="quiet" disabled=${Boolean(run) && !error} onClick=${begin}>${run ? "Reading the page again…" : "Explain these values: read the page again (1 credit)"}</button></p><${ErrorMessage} error=${fault ?? error} />`;
}

export function CancelDialog({ id, onClose }) {
  const [info, fault] = useJob(id, []);
  const [error, setError] = useState(null);
  const refundable = info && info.endpoint !== "/extract" ? info.credits.reserved - info.progress.done - info.progress.failed : 0;
  const confirm = () => cancel(id).then(() => onClose(true), setError);
  return html`<${Dialog} title="Cancel this job?" onClose=${() => onClose(false)}>
    <p><code>${id}</code></p>
    ${info && (info.endpoint === "/extract" ? html`<p>An extract starts as soon as it is accepted, so nothing is refunded.</p>`
      : html`<p>Up to <strong>${plural(refundable, "credit")}</strong> of ${number(info.credits.reserved)} will be refunded. Pages that have started finish, keep their results and are charged; the rest never start.</p>`)}
    <${ErrorMessage} error=${error ?? fault} />
    <footer class="row end"><button class="quiet" onClick=${() => onClose(false)}>Leave it running</button><button class="danger" onClick=${confirm}>Cancel the job</button></footer>
  <//>`;
}
