// The full result of one page: each value with its warnings.

import { Fragment, html, own, useEffect, useState } from "./ui.js";
import { send } from "./api.js";
import { inline } from "./format.js";
import { Badge, Dialog, ErrorMessage } from "./parts.js";
import { Explanation } from "./why.js";

// Splits warnings into those that name a field and the others.
function splitWarnings(warnings, fields) {
  const [named, others] = [new Map(), []];
  for (const warning of warnings ?? []) {
    const field = /field "((?:[^"\\]|\\.)*)"/.exec(warning)?.[1];
    if (fields.includes(field)) named.set(field, [...(named.get(field) ?? []), warning]);
    else others.push(warning);
  }
  return [named, others];
}

function Value({ value }) {
  if (value === null) return html`<span class="null">null</span>`;
  if (Array.isArray(value)) return html`<ul class="values">${value.map((item, at) => html`<li key=${at}>${inline(item)}</li>`)}</ul>`;
  return html`<span class=${`value ${typeof value}`}>${inline(value)}</span>`;
}

// A URL as text; a link only if it is http or https.
export function Address({ url }) {
  return /^https?:\/\//i.test(url) ? html`<a class="address" href=${url} target="_blank" rel="noopener noreferrer">${url}</a>` : html`<span class="address">${url}</span>`;
}

export function PageResult({ row }) {
  if (row.status !== "success") return html`<${ErrorMessage} error=${row.error ?? { code: "PENDING", message: "This page is not done yet." }} />`;
  const fields = Object.keys(row.data);
  const [byField, others] = splitWarnings(row.warnings, fields);
  return html`<${Fragment}>
    <dl class="facts">
      <div><dt>Read by</dt><dd><${Badge} kind="plain">${row.render_mode}<//></dd></div>
      ${row.final_url && html`<div><dt>Final URL</dt><dd><${Address} url=${row.final_url} /></dd></div>`}
      ${row.attempts && html`<div><dt>Tries</dt><dd>${row.attempts}</dd></div>`}
      ${row.model_fields && html`<div><dt>By the model</dt><dd>${row.model_fields.join(", ")}</dd></div>`}
      ${row.images_processed !== null && row.images_processed !== undefined && html`<div><dt>Pictures</dt><dd>${row.images_processed}</dd></div>`}
    </dl>
    <table class="fields"><thead><tr><th scope="col">Field</th><th scope="col">Value</th></tr></thead><tbody>
      ${fields.map((name) => html`<tr key=${name}><th scope="row">${name}</th>
        <td><${Value} value=${own(row.data, name)} />${byField.get(name)?.map((text, at) => html`<p key=${at} class="warning">${text}</p>`)}</td></tr>`)}
    </tbody></table>
    ${others.map((text, at) => html`<p key=${at} class="warning">${text}</p>`)}
    ${row.explain && html`<${Explanation} explained=${row.explain} />`}
  <//>`;
}

// Captures need the key too, so they are fetched instead of linked.
function Captures({ job, captures }) {
  const [shown, show] = useState([]);
  const [error, setError] = useState(null);
  useEffect(() => {
    let urls = [];
    const load = ({ n }) => send("GET", `v1/jobs/${job}/captures/${Number(n)}`, { accept: "image/png" })
      .then((response) => response.blob()).then((blob) => URL.createObjectURL(blob));
    Promise.all(captures.map(load)).then((all) => { urls = all; show(all); }, setError);
    return () => urls.forEach((url) => URL.revokeObjectURL(url));
  }, [job, captures]);
  return html`<${Fragment}>${shown.map((url) => html`<img key=${url} class="capture" src=${url} alt="Screenshot of the page" />`)}<${ErrorMessage} error=${error} /><//>`;
}

export function PageDialog({ row, job, onClose, children }) {
  return html`<${Dialog} side title=${`Page ${row.index + 1}`} onClose=${onClose}>
    <p><${Address} url=${row.url} /></p>
    <${PageResult} row=${row} />
    ${row.captures?.length && job ? html`<${Captures} job=${job} captures=${row.captures} />` : null}
    ${children}
  <//>`;
}
