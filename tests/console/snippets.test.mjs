// The console shows each call as a command of `runo`: each option has a flag, and `runo` knows each flag.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";

const { RUNO_LOCAL, RUNO_REPOSITORY } = process.env;
const file = (path) => readFileSync(join(RUNO_REPOSITORY, path), "utf8");
globalThis.location = { href: "http://127.0.0.1:1/console/" };
const { snippets } = await import(`data:text/javascript,${encodeURIComponent(file("shared/console/site/snippets.js"))}`);
const { schemas } = JSON.parse(file("shared/api/openapi.json")).components;

function resolved(schema) {
  return schema.$ref ? resolved(schemas[schema.$ref.split("/").at(-1)]) : schema;
}

// Returns a value other than the default.
function other(name, given) {
  const schema = resolved(given);
  if (name === "headers") return { Accept: "text/html" };
  if (schema.type === "boolean") return !schema.default;
  if (schema.type === "array") return [resolved(schema.items).enum?.[0] ?? "x"];
  if (schema.enum) return schema.enum.find((value) => value !== schema.default);
  return schema.type === "integer" ? schema.minimum : "main";
}

for (const [endpoint, name, target] of [["extract", "ExtractRequest", { url: "http://a.test/" }], ["batch", "BatchRequest", { urls: ["http://a.test/"] }], ["crawl", "CrawlRequest", { seed_url: "http://a.test/" }]]) {
  test(`each option of ${endpoint} is a flag of runo`, () => {
    const { options, crawl } = resolved(schemas[name]).properties;
    const given = (members) => Object.fromEntries(Object.entries(members && resolved(members).properties || {}).map(([member, schema]) => [member, other(member, schema)]));
    const body = { ...target, options: given(options), crawl: given(crawl) };
    const { CLI } = snippets({ path: `v1/${endpoint}`, body });
    const flags = [...CLI.matchAll(/^ +(--[a-z-]+)/gm)].map(([, flag]) => flag);
    const expected = Object.keys(body.options).length + Object.keys(body.crawl).length;
    assert.ok(expected > 5 && flags.length === expected, CLI);
    const help = execFileSync(join(dirname(RUNO_LOCAL), "runo"), [endpoint, "--help"], { encoding: "utf8" });
    for (const flag of flags) assert.match(help, new RegExp(`${flag}\\b`));
  });
}
