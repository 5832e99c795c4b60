// Converts the form to a call: path, body, and problems.

import { CRAWL, initial, members, offered, OPTIONS } from "./options.js";
import { fromRows, row } from "./schema.js";

export const ENDPOINTS = [
  { name: "extract", label: "One page" },
  { name: "batch", label: "Many pages" },
  { name: "crawl", label: "Crawl a site" },
];

export const emptyForm = () => ({
  endpoint: "extract",
  url: "",
  urls: "",
  seed: "",
  schemaMode: "rows",
  rows: [row("title"), row("price", "float")],
  json: "",
  options: initial(OPTIONS),
  explain: false,
  crawl: initial(CRAWL),
});

export const urlsOf = (text) => text.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));

function schemaOf(form) {
  if (form.schemaMode === "rows") return fromRows(form.rows);
  try {
    return { schema: JSON.parse(form.json), problems: {} };
  } catch (error) {
    return { schema: null, problems: { json: `This is not valid JSON: ${error.message}` } };
  }
}

// Returns `{ path, body, problems }`: the call, and why it cannot be sent, by field.
export function callOf(form, withoutSchema) {
  const { endpoint } = form;
  const { schema, problems } = withoutSchema ? { problems: {} } : schemaOf(form);
  if (form.schemaMode === "rows" && !withoutSchema && !form.rows.length) problems.schema = "Add at least one field.";
  const body = {};
  if (endpoint === "extract") body.url = form.url.trim();
  if (endpoint === "batch") body.urls = urlsOf(form.urls);
  if (endpoint === "crawl") body.seed_url = form.seed.trim();
  if (schema !== undefined) body.schema = schema;
  if (endpoint === "crawl") {
    const given = members(CRAWL, form.crawl);
    body.crawl = { follow_pattern: form.crawl.follow_pattern.trim(), max_pages: Number(form.crawl.max_pages), ...given };
    if (!body.crawl.follow_pattern) problems.follow_pattern = "Enter a pattern for the links to follow.";
  }
  const { webhook, ...options } = members(offered(endpoint), form.options);
  if (webhook) body.webhook = { url: webhook };
  if (Object.keys(options).length) body.options = options;
  const [first] = endpoint === "batch" ? body.urls : [body.url ?? body.seed_url];
  if (!first) problems.url = "Enter at least one URL.";
  else if (!/^https?:\/\//i.test(first)) problems.url = "A URL must begin with http:// or https://.";
  return { path: `v1/${endpoint}`, body, problems };
}

// Number of credits that a call reserves.
export const reserves = ({ body }) => body.urls?.length ?? body.crawl?.max_pages ?? 1;
