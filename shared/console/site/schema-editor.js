// Edits the schema, row by row or as JSON.

import { classes, Fragment, html, useState } from "./ui.js";
import { Choice, Field } from "./parts.js";
import { EXAMPLES, fromRows, row, toRows, TYPES } from "./schema.js";

const MODES = [{ name: "rows", label: "Fields" }, { name: "json", label: "JSON" }];

export function SchemaEditor({ form, problems, change }) {
  const [fault, setFault] = useState(null);
  const turn = (mode) => {
    try {
      if (mode === "json") change({ schemaMode: mode, json: JSON.stringify(fromRows(form.rows).schema, null, 2) });
      else change({ schemaMode: mode, rows: toRows(JSON.parse(form.json)) });
      setFault(null);
    } catch (error) {
      setFault(error.message);
    }
  };
  const put = (id, changes) => change({ rows: form.rows.map((one) => (one.id === id ? { ...one, ...changes } : one)) });
  return html`<section class="schema" aria-label="Schema">
    <div class="row between"><h2>Fields</h2><${Choice} label="Schema as" value=${form.schemaMode} choices=${MODES} onChange=${turn} /></div>
    ${form.schemaMode === "json" ? html`<${Fragment}>
      <${Field} label="Schema as JSON, or a flat JSON Schema" problem=${fault ?? problems.json}>${(attributes) => html`<textarea ...${attributes} class="code" rows="12" spellcheck="false"
        value=${form.json} onInput=${(event) => change({ json: event.target.value })}></textarea>`}<//>
    <//>` : html`<${Fragment}>
      ${form.rows.map((one, at) => html`<${Row} key=${one.id} one=${one} at=${at} problem=${problems[one.id]}
        put=${(changes) => put(one.id, changes)} drop=${() => change({ rows: form.rows.filter(({ id }) => id !== one.id) })} />`)}
      ${problems.schema && html`<p class="problem">${problems.schema}</p>`}
      <button type="button" class="quiet" onClick=${() => change({ rows: [...form.rows, row()] })}>+ Add a field</button>
    <//>`}
  </section>`;
}

function Row({ one, at, problem, put, drop }) {
  const [more, setMore] = useState(Boolean(one.hint || one.selector));
  const [touched, touch] = useState(false);
  const shown = touched || one.field ? problem : undefined;
  const labelled = (name) => `${name} of field ${at + 1}`;
  const input = (name, label, attributes) => html`<input aria-label=${labelled(label)} value=${one[name]} placeholder=${label.toLowerCase()}
    onInput=${(event) => put({ [name]: event.target.value })} onBlur=${() => touch(true)} spellcheck="false" ...${attributes} />`;
  return html`<div class=${classes("schema-row", shown && "wrong")}>
    ${input("field", "Name", { "aria-invalid": shown ? "true" : undefined })}
    <select aria-label=${labelled("Type")} value=${one.type} onChange=${(event) => put({ type: event.target.value })}>
      ${TYPES.map((type) => html`<option key=${type}>${type}</option>`)}</select>
    ${input("example", "Example", { placeholder: EXAMPLES[one.type] })}
    <button type="button" class="quiet icon" aria-expanded=${more} aria-label=${labelled("Hint and selector")} title="Hint and selector" onClick=${() => setMore(!more)}>⋯</button>
    <button type="button" class="quiet icon" aria-label=${`Remove field ${at + 1}`} title="Remove" onClick=${drop}>✕</button>
    ${more && html`<div class="more">${input("hint", "Hint")}${input("selector", "CSS selector")}</div>`}
    ${shown && html`<p class="problem">${shown}</p>`}
  </div>`;
}
