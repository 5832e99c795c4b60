// Asks for the key, once per tab.

import { html, useState } from "./ui.js";
import { usage } from "./api.js";
import { keepKey } from "./session.js";
import { Field, ErrorMessage } from "./parts.js";

export function KeyForm() {
  const [text, setText] = useState("");
  const [error, setError] = useState(null);
  const [asking, setAsking] = useState(false);
  const enter = async (event) => {
    event.preventDefault();
    const typed = text.trim();
    if (!typed) return;
    setAsking(true);
    setError(null);
    try {
      // No key contains another character, and fetch refuses some of them in a header.
      if (!/^[\x21-\x7e]+$/.test(typed)) throw Object.assign(new Error("A key consists of letters, digits and “_”."), { code: "UNAUTHORIZED" });
      await usage({ apiKey: typed });
      keepKey(typed);
    } catch (fault) {
      setError(fault);
      setAsking(false);
    }
  };
  return html`<form class="panel gate" onSubmit=${enter}>
    <h1>Enter your API key</h1>
    <p class="muted">It stays in this tab until you close it, and is sent to this server only.</p>
    <${Field} label="API key" help="The operator creates keys; a local server (cargo run) prints one when it starts.">${(attributes) => html`<input ...${attributes} type="password" autocomplete="off" spellcheck="false"
      placeholder="sk_live_…" value=${text} onInput=${(event) => setText(event.target.value)} />`}<//>
    <${ErrorMessage} error=${error} />
    <div class="row end"><button class="primary" disabled=${asking}>${asking ? "Checking…" : "Open the console"}</button></div>
  </form>`;
}
