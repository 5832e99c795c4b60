// Light or dark theme: the system's, until the user chooses one.

import { html, useState } from "./ui.js";

const NAME = "runo-theme";
const NEXT_THEME = { system: "light", light: "dark", dark: "system" };
const ICONS = { system: "◐", light: "☀", dark: "☾" };

function applyTheme(theme) {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

const storedTheme = () => (localStorage.getItem(NAME) in NEXT_THEME ? localStorage.getItem(NAME) : "system");

applyTheme(storedTheme());

export function ThemeButton() {
  const [theme, setTheme] = useState(storedTheme());
  const switchTheme = () => {
    localStorage.setItem(NAME, NEXT_THEME[theme]);
    applyTheme(NEXT_THEME[theme]);
    setTheme(NEXT_THEME[theme]);
  };
  return html`<button class="quiet icon" onClick=${switchTheme} aria-label=${`Colours: ${theme}. Change to ${NEXT_THEME[theme]}`} title=${`Colours: ${theme}`}>${ICONS[theme]}</button>`;
}
