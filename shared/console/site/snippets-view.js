// Shows the call for other clients, to copy.

import { html, useState } from "./ui.js";
import { Choice, Copy } from "./parts.js";
import { snippets } from "./snippets.js";

export function Snippets({ call }) {
  const [shown, show] = useState("curl");
  const texts = snippets(call);
  return html`<section class="panel snippets" aria-label="The same call in code">
    <div class="row between"><h2>The same call in code</h2><${Copy} text=${texts[shown]} /></div>
    <${Choice} label="Language" value=${shown} choices=${Object.keys(texts).map((name) => ({ name }))} onChange=${show} />
    <pre tabindex="0" aria-label=${`The call with ${shown}`}><code>${texts[shown]}</code></pre>
  </section>`;
}
