// The user's key: kept in this tab only (sessionStorage), never in a URL, a cookie or a log.

import { useEffect, useState } from "./ui.js";

const NAME = "runo-key";
const listeners = new Set();

export const key = () => sessionStorage.getItem(NAME) ?? "";

export function keepKey(text) {
  if (text) sessionStorage.setItem(NAME, text);
  else sessionStorage.clear();
  listeners.forEach((listener) => listener(text));
}

// A hook that returns the key and re-renders when it changes.
export function useKey() {
  const [known, setKnown] = useState(key());
  useEffect(() => {
    listeners.add(setKnown);
    return () => listeners.delete(setKnown);
  }, []);
  return known;
}

// The masked key, as the operator's tool shows it: its prefix and its last characters.
export function masked(text) {
  const kind = /^sk_[a-z]+_/.exec(text)?.[0] ?? "";
  return `${kind}…${text.length - kind.length > 8 ? text.slice(-4) : ""}`;
}

// A static key has a schema bound to it; a request must not contain another.
export const isStatic = (text) => text.startsWith("sk_static_");
