// The console's files on the wire, and its vendored files.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { openConsole, REPOSITORY, startBrowser, startServer } from "./support.mjs";

const MAX_BYTES = 100 * 1024;

let server, browser;
before(async () => { [server, browser] = await Promise.all([startServer(), startBrowser()]); });
after(async () => { await browser?.close(); await server?.stop(); });

// Requests a path; returns status, headers and the bytes of the body as sent.
const get = (path, headers = {}) => new Promise((resolve, reject) => {
  request(`${server.base}${path}`, { headers }, (response) => {
    let bytes = 0;
    response.on("data", (piece) => { bytes += piece.length; });
    response.on("end", () => resolve({ bytes, status: response.statusCode, headers: response.headers }));
  }).on("error", reject).end();
});

test("a first load is under 100 KB on the wire, and a second one fetches only the page", async () => {
  const { page, context, close } = await openConsole(browser, server, { key: null });
  await page.getByLabel("API key").waitFor();
  const loaded = await page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname));
  const paths = ["/console", ...new Set(loaded)];
  assert.ok(paths.length > 20, paths.join());
  const answers = await Promise.all(paths.map((path) => get(path, { "Accept-Encoding": "gzip" })));
  const sum = answers.reduce((all, { bytes }) => all + bytes, 0);
  console.log(`first load: ${paths.length} files, ${sum} bytes`);
  assert.ok(sum < MAX_BYTES, `${sum} bytes`);
  for (const [at, { status, headers }] of answers.entries()) {
    assert.deepEqual([status, headers["content-encoding"], headers["x-content-type-options"]], [200, "gzip", "nosniff"], paths[at]);
    assert.match(headers["cache-control"], at ? /^public, max-age=31536000, immutable$/ : /^no-cache$/);
    assert.ok(headers["content-security-policy"].includes("default-src 'none'"));
  }
  const again = await context.newPage();
  await again.goto(`${server.base}/console`);
  await again.getByLabel("API key").waitFor();
  const fetched = await again.evaluate(() => performance.getEntriesByType("resource").filter(({ transferSize }) => transferSize > 0).length);
  if (!process.env.RUNO_CONSOLE_SITE) assert.equal(fetched, 0);
  await close();
});

test("vendored files equal those of their packages but for one line", () => {
  const packaged = (path) => readFileSync(join(import.meta.dirname, "node_modules", path), "utf8");
  const ours = (name) => readFileSync(join(REPOSITORY, "shared/console/site", name), "utf8");
  const withoutSourceMap = (text) => text.replace(/^\/\/# sourceMappingURL=.*\n?/m, "");
  assert.equal(ours("preact.js"), withoutSourceMap(packaged("preact/dist/preact.mjs")));
  assert.equal(ours("preact-hooks.js"), withoutSourceMap(packaged("preact/hooks/dist/hooks.mjs")).replace(`from"preact"`, `from"./preact.js"`));
  assert.equal(ours("htm.js"), packaged("htm/dist/htm.mjs"));
  assert.equal(ours("uplot.js"), `${packaged("uplot/dist/uPlot.iife.min.js")}export default uPlot;\n`);
  assert.equal(ours("uplot.css"), packaged("uplot/dist/uPlot.min.css"));
  for (const name of ["preact", "htm", "uplot"]) assert.ok(ours("licences.txt").includes(packaged(`${name}/LICENSE`)), name);
});
