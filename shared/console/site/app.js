// The console: chooses the view, and keeps the state that outlives a change of views.

import { html, render, useCallback, useEffect, useState } from "./ui.js";
import { keepKey, masked, useKey } from "./session.js";
import { ThemeButton } from "./theme.js";
import { KeyForm } from "./gate.js";
import { Try } from "./try.js";
import { Jobs } from "./jobs.js";
import { OneJob } from "./job.js";
import { emptyForm } from "./calls.js";
import { initial, OPTIONS } from "./options.js";
import { guessSchema, row, toRows } from "./schema.js";
import { plural } from "./format.js";

const ICON = new URL("./icon.svg", import.meta.url).href;
const VIEWS = [["try", "Try"], ["jobs", "Jobs"], ["usage", "Usage"]];

// The URL's fragment names the view and a job's id, never the key.
const readLocation = () => {
  const [, view = "try", id] = location.hash.split("/");
  return { view: VIEWS.some(([name]) => name === view) ? view : "try", id };
};

function useLocation() {
  const [current, setCurrent] = useState(readLocation);
  useEffect(() => {
    const update = () => setCurrent(readLocation());
    addEventListener("hashchange", update);
    return () => removeEventListener("hashchange", update);
  }, []);
  return current;
}

// The usage view needs a library for charts: it is loaded on demand.
function LazyUsage() {
  const [view, setView] = useState(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    import("./usage.js").then(({ Usage }) => setView(() => Usage), () => setFailed(true));
  }, []);
  if (failed) return html`<p class="trouble" role="alert">This view could not be loaded. The server may have been updated: reload the page.</p>`;
  return view ? html`<${view} />` : html`<p class="muted">Loading…</p>`;
}

function App() {
  const key = useKey();
  const { view, id } = useLocation();
  const [form, setForm] = useState(emptyForm);
  const [run, setRun] = useState(null);
  const [notice, setNotice] = useState(null);
  useEffect(() => {
    document.title = key ? `${VIEWS.find(([name]) => name === view)[1]} · Runo` : "Runo";
  }, [key, view]);
  // Another key is another account.
  useEffect(() => setRun(null), [key]);
  const retryFailed = useCallback((urls, body, rows, job) => {
    const schema = body?.schema ? toRows(body.schema) : guessSchema(rows);
    const options = { ...initial(OPTIONS), ...formValues(body?.options) };
    setForm((now) => ({ ...now, endpoint: "batch", urls: urls.join("\n"), schemaMode: "rows", rows: schema.length ? schema : [row("title")], options }));
    setNotice(`The failed pages of ${job}: ${plural(urls.length, "URL")}. ${body?.schema ? "The schema is that job's." : "The schema is guessed from its results: please check it."} Nothing has been sent yet.`);
    setRun(null);
    location.hash = "#/try";
  }, []);
  const change = useCallback((changes) => { setNotice(null); setForm(changes); }, []);
  return html`
    <header class="top"><a class="brand" href="#/try"><img src=${ICON} alt="" width="22" height="22" />Runo</a>
      ${key && html`<nav aria-label="Views">${VIEWS.map(([name, title]) => html`<a key=${name} href=${`#/${name}`} aria-current=${view === name ? "page" : undefined}>${title}</a>`)}</nav>`}
      <div class="row end">${key && html`<button class="quiet small" title="Forget the key" onClick=${() => keepKey("")}><code>${masked(key)}</code> · Sign out</button>`}<${ThemeButton} /></div></header>
    <main id="main" tabindex="-1">
      ${!key ? html`<${KeyForm} />`
        : view === "jobs" ? (id ? html`<${OneJob} key=${id} id=${id} onRetryFailed=${retryFailed} />` : html`<${Jobs} />`)
          : view === "usage" ? html`<${LazyUsage} />`
            : html`<${Try} form=${form} setForm=${change} run=${run} setRun=${setRun} notice=${notice} onRetryFailed=${retryFailed} />`}
    </main>`;
}

// Converts a call's options to the form's values.
function formValues(options = {}) {
  const { headers, capture, ...plain } = options;
  const lines = Object.entries(headers ?? {}).map(([name, value]) => `${name}: ${value}`).join("\n");
  return { ...plain, headers: lines, capture: Boolean(capture?.length) };
}

render(html`<${App} />`, document.getElementById("app"));
