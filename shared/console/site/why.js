// Shows why a value was chosen: each field's candidates with source, score and outcome.

import { classes, html } from "./ui.js";
import { inline } from "./format.js";

const MAX_SHOWN = 5;

export function Explanation({ explained }) {
  return html`<section class="why" aria-label="Why these values">
    <h3>Why these values</h3>
    <p class="muted">Candidates of each field, best first. The first that can be read as the field's type becomes its value.</p>
    ${explained.map(({ field, meaning, candidates }) => html`<details key=${field}>
      <summary><strong>${field}</strong> <span class="muted">${meaning && `understood as ${meaning} · `}${candidates.length} found</span></summary>
      ${candidates.length === 0 ? html`<p class="muted">Nothing on the page matched it.</p>` : html`<div class="scroll" tabindex="0" role="region" aria-label=${`Candidates of ${field}`}><table><thead>
        <tr><th scope="col">Score</th><th scope="col">Source</th><th scope="col">Found by</th><th scope="col">Text</th><th scope="col">Outcome</th></tr></thead><tbody>
        ${candidates.slice(0, MAX_SHOWN).map((seen, at) => html`<tr key=${at} class=${classes(seen.outcome.startsWith("chosen") && "first")}>
          <td class="figures">${seen.score}</td><td>${seen.source}</td><td>${seen.reason}</td><td>${inline(seen.text)}</td><td>${seen.outcome}</td></tr>`)}
      </tbody></table></div>`}
      ${candidates.length > MAX_SHOWN && html`<p class="muted">and ${candidates.length - MAX_SHOWN} more</p>`}
    </details>`)}
  </section>`;
}
