// The key of whoever looks: kept for this tab alone (sessionStorage), never in a URL, a cookie or a log.

import { useEffect, useState } from "./ui.js";

const NAME = "runo-key";
const listeners = new Set();

export const key = () => sessionStorage.getItem(NAME) ?? "";

export function keepKey(text) {
  if (text) sessionStorage.setItem(NAME, text);
  else sessionStorage.clear();
  listeners.forEach((listener) => listener(text));
}

// The key, and a view that follows it.
export function useKey() {
  const [known, setKnown] = useState(key());
  useEffect(() => {
    listeners.add(setKnown);
    return () => listeners.delete(setKnown);
  }, []);
  return known;
}

// As the operator's tool shows it: what kind it is, and its end.
export function masked(text) {
  const kind = /^sk_[a-z]+_/.exec(text)?.[0] ?? "";
  return `${kind}…${text.length - kind.length > 8 ? text.slice(-4) : ""}`;
}

// A static key has its schema bound to it; a request must not bring another.
export const isStatic = (text) => text.startsWith("sk_static_");
