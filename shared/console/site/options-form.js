// A form with a control for each option.

import { html } from "./ui.js";
import { Check, Field } from "./parts.js";

export function OptionsForm({ options, values, change, problems = {} }) {
  const setter = (name) => (value) => change({ ...values, [name]: value });
  const flags = options.filter(({ kind }) => kind === "flag");
  return html`<div class="options">
    ${options.filter(({ kind }) => kind !== "flag").map((option) => html`<${Field} key=${option.name} label=${option.label} help=${option.help}
      problem=${problems[option.name]} wide=${option.kind === "headers"}>${(attributes) => control(option, values[option.name], setter(option.name), attributes)}<//>`)}
    <div class="flags">${flags.map(({ name, label, help }) => html`<${Check} key=${name} label=${label} help=${help} checked=${values[name]} onChange=${setter(name)} />`)}</div>
  </div>`;
}

function control({ kind, choices, min, max }, value, onValue, attributes) {
  const onInput = (event) => onValue(event.target.value);
  if (kind === "choice") {
    return html`<select ...${attributes} value=${value} onChange=${onInput}>${choices.map((choice) => html`<option key=${choice}>${choice}</option>`)}</select>`;
  }
  if (kind === "headers") return html`<textarea ...${attributes} rows="2" class="code" spellcheck="false" value=${value} onInput=${onInput}></textarea>`;
  if (kind === "number") return html`<input ...${attributes} type="number" min=${min} max=${max} value=${value} onInput=${onInput} />`;
  return html`<input ...${attributes} spellcheck="false" value=${value} onInput=${onInput} />`;
}
