// Writes a call for a shell, Python, TypeScript and the command line.

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;
const json = (value) => JSON.stringify(value, null, 2);

// The API's base URL, relative to this page.
export const base = () => new URL("./", location.href).href.replace(/\/$/, "");

// Returns the call in each language. None contains the key: all read it from the environment.
export function snippets({ path, body }) {
  const { schema, crawl, webhook, ...rest } = body;
  const options = { ...rest.options, ...(webhook ? { webhook } : {}) };
  delete rest.options;
  const endpoint = path.slice(3);
  return {
    curl: `curl -sS ${base()}/${path} \\\n  -H "X-API-Key: $RUNO_API_KEY" -H 'Content-Type: application/json' \\\n  -d ${quoted(json(body))}`,
    Python: python(endpoint, rest, schema, options, crawl),
    TypeScript: typescript(endpoint, rest, schema, options, crawl),
    CLI: commandLine(endpoint, rest, schema, options, crawl),
  };
}

const target = (rest) => rest.url ?? rest.urls ?? rest.seed_url;

// A value in Python syntax.
function py(value) {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(py).join(", ")}]`;
  if (typeof value === "object") return `{${Object.entries(value).map(([name, item]) => `${py(name)}: ${py(item)}`).join(", ")}}`;
  return JSON.stringify(value);
}

function lines(items) {
  return Array.isArray(items) ? `[\n${items.map((item) => `    ${py(item)},`).join("\n")}\n]` : py(items);
}

function python(endpoint, rest, schema, options, crawl) {
  const named = Object.entries({ ...crawl, ...options }).map(([name, value]) => `, ${name}=${py(value)}`).join("");
  const head = `# RUNO_API_KEY and RUNO_BASE_URL=${base()} are read from the environment\nfrom runo import Client\n\n`;
  const given = schema ? `schema = ${lines(schema)}\n` : "schema = None  # the key has one\n";
  const call = `client.${endpoint}(${Array.isArray(target(rest)) ? "urls" : py(target(rest))}, schema${named})`;
  const urls = Array.isArray(target(rest)) ? `urls = ${lines(target(rest))}\n` : "";
  if (endpoint === "extract") return `${head}${given}page = Client().extract(${py(target(rest))}, schema${named})\nprint(page.data)`;
  return `${head}${given}${urls}client = Client()\nwith ${call} as job:\n    for page in job:\n        print(page.url, page.data if page.ok else page.error.code)`;
}

function typescript(endpoint, rest, schema, options, crawl) {
  const all = { ...crawl, ...options };
  const more = Object.keys(all).length ? `, ${json(all)}` : "";
  const head = `// RUNO_API_KEY and RUNO_BASE_URL=${base()} are read from the environment\nimport { Client } from "runo";\n\n`;
  const given = `const schema = ${schema ? json(schema) : "undefined"};\n`;
  const call = `${endpoint}(${json(target(rest))}, schema${more})`;
  if (endpoint === "extract") return `${head}${given}const page = await new Client().${call};\nconsole.log(page.data);`;
  return `${head}${given}const job = await new Client().${call};\nfor await (const page of job) {\n  console.log(page.url, page.status === "success" ? page.data : page.error.code);\n}`;
}

const flag = (name) => name.replaceAll("_", "-");

function commandLine(endpoint, rest, schema, options, crawl) {
  const parts = [];
  for (const [name, value] of Object.entries({ ...crawl, ...options })) {
    if (name === "follow_pattern") parts.push(`--follow ${quoted(value)}`);
    else if (name === "headers") Object.entries(value).forEach(([field, text]) => parts.push(`--header ${quoted(`${field}: ${text}`)}`));
    else if (name === "webhook") parts.push(`--webhook ${quoted(value.url)}`);
    else if (name === "capture") parts.push("--screenshot");
    else if (name === "allow_large_crawl") parts.push("--allow-large");
    else if (name === "use_sitemap") parts.push("--no-sitemap");
    else if (name === "model") parts.push("--no-model");
    else if (value === true) parts.push(`--${flag(name)}`);
    else parts.push(`--${flag(name)} ${quoted(String(value))}`);
  }
  if (schema) parts.push(`--schema ${quoted(JSON.stringify(schema))}`);
  const more = parts.map((part) => ` \\\n  ${part}`).join("");
  const urls = rest.urls ? `printf '%s\\n' ${rest.urls.map(quoted).join(" ")} | ` : "";
  return `export RUNO_BASE_URL=${base()}\n${urls}runo ${endpoint} ${rest.urls ? "-" : quoted(target(rest))}${more}`;
}
