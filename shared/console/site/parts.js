// Small components that all views use.

import { classes, html, useEffect, useId, useRef, useState } from "./ui.js";
import { errorText } from "./words.js";
import { number } from "./format.js";

export function Badge({ kind, children }) {
  return html`<span class=${`badge ${kind}`}>${children}</span>`;
}

// Shows an error: what went wrong, what helps, and the code.
export function ErrorMessage({ error, onRetry }) {
  if (!error) return null;
  const { title, advice } = errorText(error.code);
  return html`<div class="trouble" role="alert">
    <strong>${title}</strong>
    <p>${error.message}</p>
    ${advice && html`<p class="muted">${advice}</p>`}
    <p class="row"><code>${error.code ?? "ERROR"}</code>${error.retryAfter && html`<span class="muted">retry in ${error.retryAfter} s</span>`}
      ${onRetry && html`<button class="quiet" onClick=${onRetry}>Try again</button>`}</p>
  </div>`;
}

// A field of a form: label, control, and help or problem. `children` is a function of the control's attributes.
export function Field({ label, help, problem, wide, children }) {
  const id = useId();
  const about = help || problem ? `${id}-about` : undefined;
  return html`<div class=${classes("field", wide && "wide")}>
    <label for=${id}>${label}</label>
    ${children({ id, "aria-describedby": about, "aria-invalid": problem ? "true" : undefined })}
    ${(problem || help) && html`<p id=${about} class=${problem ? "problem" : "help"}>${problem || help}</p>`}
  </div>`;
}

export function Check({ label, help, checked, onChange, disabled }) {
  const id = useId();
  return html`<div class="check">
    <input type="checkbox" id=${id} checked=${checked} disabled=${disabled} onChange=${(event) => onChange(event.target.checked)}
      aria-describedby=${help ? `${id}-about` : undefined} />
    <label for=${id}>${label}</label>${help && html`<span id=${`${id}-about`} class="help">${help}</span>`}
  </div>`;
}

// Chooses one of a few options, shown as buttons in a row.
export function Choice({ label, value, choices, onChange }) {
  const name = useId();
  return html`<fieldset class="choice"><legend class="unseen">${label}</legend>
    ${choices.map(({ name: choice, label: text }) => html`<label key=${choice} class=${classes(choice === value && "on")}>
      <input type="radio" name=${name} value=${choice} checked=${choice === value} onChange=${() => onChange(choice)} />${text ?? choice}
    </label>`)}
  </fieldset>`;
}

// A progress bar. `parts` are counts of finished items by kind.
export function Progress({ label, parts, total, live }) {
  const done = parts.reduce((sum, { count }) => sum + count, 0);
  return html`<div class=${classes("bar", live && "live")} role="progressbar" aria-label=${label} aria-valuemin="0"
      aria-valuemax=${total} aria-valuenow=${done} aria-valuetext=${`${number(done)} of ${number(total)}`}>
    ${parts.map(({ kind, count }) => html`<span key=${kind} class=${kind} style=${{ width: `${total ? (100 * count) / total : 0}%` }}></span>`)}
  </div>`;
}

// A modal dialog. It traps the focus, and Escape closes it.
export function Dialog({ title, onClose, side, children }) {
  const dialog = useRef(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current.showModal();
    return () => before?.focus?.();
  }, []);
  const outside = (event) => event.target === dialog.current && onClose();
  return html`<dialog ref=${dialog} class=${classes(side && "side")} aria-labelledby=${id} onClose=${onClose} onClick=${outside}>
    <div class="window"><header><h2 id=${id}>${title}</h2>
      <button class="quiet icon" aria-label="Close" onClick=${onClose}>✕</button></header>${children}</div>
  </dialog>`;
}

// A button that copies a text.
export function Copy({ text, label = "Copy" }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text);
      setCopied(true);
      setTimeout(() => setCopied(false), 1500);
    } catch {
      setCopied(false);
    }
  };
  return html`<button class="quiet small" onClick=${copy}><span aria-live="polite">${copied ? "Copied" : label}</span></button>`;
}

// A number with its name.
export function Figure({ name, value, note, kind }) {
  return html`<div class=${classes("figure", kind)}><dt>${name}</dt><dd>${typeof value === "string" ? value : number(value)}
    ${note && html`<span class="muted">${note}</span>`}</dd></div>`;
}

export function Empty({ title, children }) {
  return html`<div class="empty"><p class="title">${title}</p>${children}</div>`;
}
