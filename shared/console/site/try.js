// The view "Try": builds a call from a form, shows its results as they arrive, and the same call for other clients.

import { html, useMemo, useRef, useState } from "./ui.js";
import { idempotencyKey } from "./api.js";
import { start } from "./stream.js";
import { isStatic, useKey } from "./session.js";
import { callOf, ENDPOINTS, reserves, urlsOf } from "./calls.js";
import { CRAWL, explains, offered } from "./options.js";
import { plural } from "./format.js";
import { Check, Choice, Empty, Field, ErrorMessage } from "./parts.js";
import { SchemaEditor } from "./schema-editor.js";
import { OptionsForm } from "./options-form.js";
import { JobPanel } from "./live.js";
import { Snippets } from "./snippets-view.js";
import { remember } from "./memory.js";

export function Try({ form, setForm, run, setRun, notice, onRetryFailed }) {
  const [submitted, setSubmitted] = useState(false);
  const [sending, setSending] = useState(false);
  const [error, setError] = useState(null);
  const lostCall = useRef(null);
  const hasBoundSchema = isStatic(useKey());
  const call = useMemo(() => callOf(form, hasBoundSchema), [form, hasBoundSchema]);
  const problems = submitted ? call.problems : withoutEmptyFields(call.problems);
  const change = (changes) => setForm((now) => ({ ...now, ...changes }));
  const submit = async (event) => {
    event.preventDefault();
    setSubmitted(true);
    if (Object.keys(call.problems).length) return;
    setSending(true);
    setError(null);
    setRun(null);
    const stop = new AbortController();
    try {
      // A call whose response was lost or a 5xx may have been accepted: it is sent again with the same idempotency key.
      const text = JSON.stringify([call.path, call.body]);
      if (lostCall.current?.text !== text) lostCall.current = { text, key: idempotencyKey() };
      const begun = await start(call.path, call.body, {
        signal: stop.signal, idempotencyKey: lostCall.current.key, explain: form.explain && form.endpoint === "extract",
      });
      lostCall.current = null;
      remember(begun.id, call.body);
      setRun({ ...begun, stop, body: call.body });
    } catch (refused) {
      if (refused.code !== "UNREACHABLE" && !(refused.status >= 500)) lostCall.current = null;
      setError(refused);
    } finally {
      setSending(false);
    }
  };
  return html`<div class="try">
    <form class="panel form" onSubmit=${submit} noValidate>
      <h1 class="unseen">Try</h1>
      <${Choice} label="What to read" value=${form.endpoint} choices=${ENDPOINTS} onChange=${(endpoint) => change({ endpoint })} />
      ${notice && html`<p class="notice" role="status">${notice}</p>`}
      <${Pages} form=${form} change=${change} problem=${problems.url} />
      ${form.endpoint === "crawl" && html`<${OptionsForm} options=${CRAWL} values=${form.crawl} change=${(crawl) => change({ crawl })} problems=${problems} />`}
      ${hasBoundSchema ? html`<p class="notice">This key has a schema bound to it, so the call has none.</p>` : html`<${SchemaEditor} form=${form} problems=${problems} change=${change} />`}
      <details class="more-options"><summary>Options${call.body.options ? ` (${Object.keys(call.body.options).length} changed)` : ""}</summary>
        <${OptionsForm} options=${offered(form.endpoint)} values=${form.options} change=${(options) => change({ options })} /></details>
      ${explains() && form.endpoint === "extract" && html`<${Check} label="Explain each value" help="shows why it was chosen" checked=${form.explain} onChange=${(explain) => change({ explain })} />`}
      <div class="row between submit"><span class="muted">Reserves ${plural(reserves(call), "credit")}</span>
        <button class="primary" disabled=${sending}>${sending ? "Sending…" : "Send"}</button></div>
      ${submitted && Object.keys(call.problems).length > 0 && html`<p class="problem" role="alert">Please correct the fields above.</p>`}
    </form>
    <div class="answer">
      <${ErrorMessage} error=${error} />
      ${run ? html`<${JobPanel} key=${run.id} followed=${run} body=${run.body} onRetryFailed=${onRetryFailed} />`
        : !error && html`<section class="panel"><${Empty} title="Nothing sent yet"><p class="muted">Enter a URL and the fields that you want. Results appear here as they arrive.</p><//></section>`}
      <${Snippets} call=${call} />
    </div>
  </div>`;
}

// The problems to show before the first attempt to send: wrong entries, not empty ones.
function withoutEmptyFields({ url, follow_pattern, ...rest }) {
  return rest;
}

function Pages({ form, change, problem }) {
  if (form.endpoint === "batch") {
    const count = urlsOf(form.urls).length;
    return html`<${Field} label="URLs, one per line" help=${`${plural(count, "URL")}; up to 10,000`} problem=${problem}>${(attributes) => html`<textarea ...${attributes} rows="6" class="code" spellcheck="false"
      placeholder="https://example.com/p/1" value=${form.urls} onInput=${(event) => change({ urls: event.target.value })}></textarea>`}<//>`;
  }
  const name = form.endpoint === "crawl" ? "seed" : "url";
  return html`<${Field} label=${name === "seed" ? "Seed URL" : "URL"} problem=${problem}>${(attributes) => html`<input ...${attributes} type="url" inputmode="url" spellcheck="false"
    placeholder="https://example.com/p/1" value=${form[name]} onInput=${(event) => change({ [name]: event.target.value })} />`}<//>
    ${!form[name] && html`<p class="help"><button type="button" class="link" onClick=${() => change(example(form))}>Fill in an example</button></p>`}`;
}

// An existing page: the local server's sample, or example.com.
function example(form) {
  const local = ["localhost", "127.0.0.1", "[::1]"].includes(location.hostname);
  const url = local ? `${location.origin}/sample/product` : "https://example.com/";
  return form.endpoint === "crawl" ? { seed: url, crawl: { ...form.crawl, follow_pattern: `${new URL(url).origin}/*`, max_pages: 5 } } : { url };
}
