// Edits the schema, row by row or as JSON.

import { classes, Fragment, html, useState } from "./ui.js";
import { Choice, Field } from "./parts.js";
import { EXAMPLES, fromRows, row, toRows, TYPES } from "./schema.js";

const MODES = [{ name: "rows", label: "Fields" }, { name: "json", label: "JSON" }];

export function SchemaEditor({ form, problems, change }) {
  const [fault, setFault] = useState(null);
  const switchMode = (mode) => {
    try {
      if (mode === "json") change({ schemaMode: mode, json: JSON.stringify(fromRows(form.rows).schema, null, 2) });
      else change({ schemaMode: mode, rows: toRows(JSON.parse(form.json)) });
      setFault(null);
    } catch (error) {
      setFault(error.message);
    }
  };
  const update = (id, changes) => change({ rows: form.rows.map((field) => (field.id === id ? { ...field, ...changes } : field)) });
  return html`<section class="schema" aria-label="Schema">
    <div class="row between"><h2>Fields</h2><${Choice} label="Schema as" value=${form.schemaMode} choices=${MODES} onChange=${switchMode} /></div>
    ${form.schemaMode === "json" ? html`<${Fragment}>
      <${Field} label="Schema as JSON, or a flat JSON Schema" problem=${fault ?? problems.json}>${(attributes) => html`<textarea ...${attributes} class="code" rows="12" spellcheck="false"
        value=${form.json} onInput=${(event) => change({ json: event.target.value })}></textarea>`}<//>
    <//>` : html`<${Fragment}>
      ${form.rows.map((field, at) => html`<${Row} key=${field.id} field=${field} at=${at} problem=${problems[field.id]}
        update=${(changes) => update(field.id, changes)} remove=${() => change({ rows: form.rows.filter(({ id }) => id !== field.id) })} />`)}
      ${problems.schema && html`<p class="problem">${problems.schema}</p>`}
      <button type="button" class="quiet" onClick=${() => change({ rows: [...form.rows, row()] })}>+ Add a field</button>
    <//>`}
  </section>`;
}

function Row({ field, at, problem, update, remove }) {
  const [more, setMore] = useState(Boolean(field.hint || field.selector));
  const [touched, setTouched] = useState(false);
  const shown = touched || field.field ? problem : undefined;
  const labelled = (name) => `${name} of field ${at + 1}`;
  const input = (name, label, attributes) => html`<input aria-label=${labelled(label)} value=${field[name]} placeholder=${label.toLowerCase()}
    onInput=${(event) => update({ [name]: event.target.value })} onBlur=${() => setTouched(true)} spellcheck="false" ...${attributes} />`;
  return html`<div class=${classes("schema-row", shown && "wrong")}>
    ${input("field", "Name", { "aria-invalid": shown ? "true" : undefined })}
    <select aria-label=${labelled("Type")} value=${field.type} onChange=${(event) => update({ type: event.target.value })}>
      ${TYPES.map((type) => html`<option key=${type}>${type}</option>`)}</select>
    ${input("example", "Example", { placeholder: EXAMPLES[field.type] })}
    <button type="button" class="quiet icon" aria-expanded=${more} aria-label=${labelled("Hint and selector")} title="Hint and selector" onClick=${() => setMore(!more)}>⋯</button>
    <button type="button" class="quiet icon" aria-label=${`Remove field ${at + 1}`} title="Remove" onClick=${remove}>✕</button>
    ${more && html`<div class="more">${input("hint", "Hint")}${input("selector", "CSS selector")}</div>`}
    ${shown && html`<p class="problem">${shown}</p>`}
  </div>`;
}
