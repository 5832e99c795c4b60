// Light or dark theme: the system's, until the user chooses one.

import { html, useState } from "./ui.js";

const NAME = "runo-theme";
const NEXT = { system: "light", light: "dark", dark: "system" };
const SIGNS = { system: "◐", light: "☀", dark: "☾" };

function put(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const kept = () => (localStorage.getItem(NAME) in NEXT ? localStorage.getItem(NAME) : "system");

put(kept());

export function ThemeButton() {
  const [theme, setTheme] = useState(kept());
  const turn = () => {
    localStorage.setItem(NAME, NEXT[theme]);
    put(NEXT[theme]);
    setTheme(NEXT[theme]);
  };
  return html`<button class="quiet icon" onClick=${turn} aria-label=${`Colours: ${theme}. Change to ${NEXT[theme]}`} title=${`Colours: ${theme}`}>${SIGNS[theme]}</button>`;
}
