// Remembers the calls of this tab until the tab is closed, so that their failed pages can be run again. Does not store
// the calls' URLs.

const PREFIX = "runo-call-";
const MAX_ENTRIES = 50;

export function remember(id, { url, urls, seed_url, crawl, webhook, ...rest }) {
  if (!id) return;
  try {
    const known = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
    if (known.length >= MAX_ENTRIES) sessionStorage.removeItem(known[0]);
    sessionStorage.setItem(PREFIX + id, JSON.stringify(rest));
  } catch {
    // The storage is full: the call is not remembered, and the schema will be guessed.
  }
}

export function recall(id) {
  const text = sessionStorage.getItem(PREFIX + id);
  return text ? JSON.parse(text) : null;
}
