// What a call may say beside its URLs and schema, with its defaults (docs/API.md, "Options").

const ALL = ["extract", "batch", "crawl"];

export const OPTIONS = [
  { name: "render_js", label: "Browser", kind: "choice", choices: ["auto", "always", "never"], initial: "auto", where: ALL,
    help: "auto: where the plain page shows nothing" },
  { name: "wait_for", label: "Wait for", kind: "wait", initial: "", where: ALL, help: "CSS selector, or milliseconds after load" },
  { name: "locale", label: "Locale", kind: "text", initial: "en-US", where: ALL, help: "decides how 1.234 and 03/04/2025 read" },
  { name: "timeout_ms", label: "Timeout (ms)", kind: "number", initial: 15000, min: 1000, max: 120000, where: ALL,
    help: "for a whole page" },
  { name: "retries", label: "Retries", kind: "number", initial: 2, min: 0, max: 5, where: ALL, help: "one credit whatever happens" },
  { name: "model", label: "Language model", kind: "choice", choices: ["auto", "never"], initial: "auto", where: ALL,
    help: "the operator's, for what rules leave open" },
  { name: "concurrency", label: "At once", kind: "number", initial: "", min: 1, max: 100, where: ["batch"],
    help: "empty: 8" },
  { name: "headers", label: "Request headers", kind: "headers", initial: "", where: ALL, help: "one “Name: value” a line" },
  { name: "webhook", label: "Webhook", kind: "text", initial: "", where: ["batch", "crawl"], help: "who is told when it has ended" },
  { name: "async_mode", label: "Through the queue", kind: "flag", initial: false, where: ["batch", "crawl"], help: "workers do it; up to 24 hours" },
  { name: "no_cache", label: "Fetch anew", kind: "flag", initial: false, where: ["extract"], help: "not from the result cache" },
  { name: "fail_fast", label: "Stop at the first failure", kind: "flag", initial: false, where: ["batch"],
    help: "the rest is refunded" },
  { name: "capture", label: "Screenshot", kind: "flag", initial: false, where: ALL, help: "a browser keeps a picture of each page",
    value: ["screenshot"] },
  { name: "process_images", label: "Look at pictures", kind: "flag", initial: false, where: ALL, help: "plan scale, with a model" },
];

export const CRAWL = [
  { name: "follow_pattern", label: "Follow", kind: "text", initial: "", help: "glob over the URL: https://site/blog/*" },
  { name: "max_pages", label: "Pages at most", kind: "number", initial: 25, min: 1, max: 10000, help: "so many credits are reserved" },
  { name: "max_depth", label: "Hops from the seed", kind: "number", initial: 2, min: 0, max: 20, help: "" },
  { name: "use_sitemap", label: "Use the sitemap", kind: "flag", initial: true, help: "" },
  { name: "ignore_robots", label: "Ignore robots.txt", kind: "flag", initial: false, help: "where you may" },
  { name: "allow_large_crawl", label: "Allow a large crawl", kind: "flag", initial: false, help: "over a quarter of what is left" },
];

export const initial = (options) => Object.fromEntries(options.map(({ name, initial: value }) => [name, value]));

// Whether the server explains values, as the page that it served says.
export const explains = () => document.documentElement.dataset.explain === "yes";

export const offered = (endpoint) => OPTIONS.filter(({ where }) => where.includes(endpoint));

// The members that differ from their defaults.
export function members(options, values) {
  const found = {};
  for (const option of options) {
    const value = read(option, values[option.name]);
    if (value !== undefined) found[option.name] = value;
  }
  return found;
}

function read({ kind, initial: usual, value: meant }, value) {
  if (value === usual || value === undefined || value === "") return undefined;
  if (kind === "flag") return meant ?? value;
  if (kind === "number") return Number(value);
  if (kind === "wait") return /^\d+$/.test(value.trim()) ? Number(value) : value.trim();
  if (kind === "headers") return headers(value);
  return typeof value === "string" ? value.trim() : value;
}

function headers(text) {
  const lines = text.split("\n").map((line) => line.trim()).filter(Boolean);
  return Object.fromEntries(lines.map((line) => {
    const at = line.indexOf(":");
    return at < 1 ? [line, ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
  }));
}
