// What this tab sent, so that its jobs can be run again: without the URLs, and gone with the tab.

const PREFIX = "runo-call-";
const MOST = 50;

export function remember(id, { url, urls, seed_url, crawl, webhook, ...rest }) {
  if (!id) return;
  try {
    const known = Object.keys(sessionStorage).filter((name) => name.startsWith(PREFIX));
    if (known.length >= MOST) sessionStorage.removeItem(known[0]);
    sessionStorage.setItem(PREFIX + id, JSON.stringify(rest));
  } catch {
    // Full: then it is not remembered, and the schema is guessed.
  }
}

export function recall(id) {
  const text = sessionStorage.getItem(PREFIX + id);
  return text ? JSON.parse(text) : null;
}
