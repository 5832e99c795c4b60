// The options of a call, with their defaults (docs/API.md, "Options").

const ALL = ["extract", "batch", "crawl"];

export const OPTIONS = [
  { name: "render_js", label: "Browser", kind: "choice", choices: ["auto", "always", "never"], initial: "auto", where: ALL,
    help: "auto: if the page is empty without its scripts" },
  { name: "wait_for", label: "Wait for", kind: "wait", initial: "", where: ALL, help: "CSS selector, or milliseconds after load" },
  { name: "locale", label: "Locale", kind: "text", initial: "en-US", where: ALL, help: "how to read 1.234 and 03/04/2025" },
  { name: "timeout_ms", label: "Timeout (ms)", kind: "number", initial: 15000, min: 1000, max: 120000, where: ALL,
    help: "for the page as a whole" },
  { name: "retries", label: "Retries", kind: "number", initial: 2, min: 0, max: 5, where: ALL, help: "they cost nothing extra" },
  { name: "model", label: "Language model", kind: "choice", choices: ["auto", "never"], initial: "auto", where: ALL,
    help: "auto: for fields that rules cannot read" },
  { name: "concurrency", label: "Concurrency", kind: "number", initial: "", min: 1, max: 100, where: ["batch"],
    help: "pages fetched at once; if empty 8, in async mode 8 per host and up to 32" },
  { name: "headers", label: "Request headers", kind: "headers", initial: "", where: ALL, help: "one “Name: value” per line" },
  { name: "webhook", label: "Webhook", kind: "text", initial: "", where: ["batch", "crawl"], help: "URL to call when the job ends" },
  { name: "async_mode", label: "Async mode", kind: "flag", initial: false, where: ["batch", "crawl"], help: "runs through the queue, on workers, for up to 24 hours" },
  { name: "no_cache", label: "Skip the cache", kind: "flag", initial: false, where: ["extract"], help: "always fetch the page" },
  { name: "fail_fast", label: "Stop at the first failure", kind: "flag", initial: false, where: ["batch"],
    help: "the rest is refunded" },
  { name: "capture", label: "Screenshot", kind: "flag", initial: false, where: ALL, help: "of each page, in a browser",
    value: ["screenshot"] },
  { name: "process_images", label: "Process images", kind: "flag", initial: false, where: ALL, help: "only on plan scale, with a vision model" },
];

export const CRAWL = [
  { name: "follow_pattern", label: "Follow", kind: "text", initial: "", help: "glob over the whole URL: https://site/blog/*" },
  { name: "max_pages", label: "Maximum pages", kind: "number", initial: 25, min: 1, max: 10000, help: "one credit is reserved for each" },
  { name: "max_depth", label: "Maximum depth", kind: "number", initial: 2, min: 0, max: 20, help: "links from the seed" },
  { name: "use_sitemap", label: "Use the sitemap", kind: "flag", initial: true, help: "" },
  { name: "ignore_robots", label: "Ignore robots.txt", kind: "flag", initial: false, help: "only where you are allowed to" },
  { name: "allow_large_crawl", label: "Allow a large crawl", kind: "flag", initial: false, help: "more than a quarter of the credits left this month" },
];

export const initial = (options) => Object.fromEntries(options.map(({ name, initial: value }) => [name, value]));

// Whether the server explains values; the page that it served says so.
export const explains = () => document.documentElement.dataset.explain === "yes";

export const offered = (endpoint) => OPTIONS.filter(({ where }) => where.includes(endpoint));

// Returns the members that differ from their defaults.
export function members(options, values) {
  const found = {};
  for (const option of options) {
    const value = read(option, values[option.name]);
    if (value !== undefined) found[option.name] = value;
  }
  return found;
}

function read({ kind, initial, value: flagValue }, value) {
  if (value === initial || value === undefined || value === "") return undefined;
  if (kind === "flag") return flagValue ?? value;
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
