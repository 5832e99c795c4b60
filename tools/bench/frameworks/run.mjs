// Builds a small product page with each of eight real frameworks, serves them on loopback and reads them with
// `render_js: "auto"` through a local server. Prints a table, and fails if a page was not read. Needs node 20, npm, a
// Chromium and the server: `cargo build -p local && node tools/bench/frameworks/run.mjs [target/debug/local]`. npm
// packages go into target/frameworks; after that, requests go to loopback only.
import { spawn, spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const root = resolve(here, "../../..");
const program = resolve(process.argv[2] ?? join(process.env.CARGO_TARGET_DIR ?? join(root, "target"), "debug/local"));
const built = join(root, "target/frameworks");
const KEY = "sk_live_frameworks";
const API_MS = 150;

const EMPTY = `<div id="root"></div>`;
const FRAGMENT = "/fragment/product";
// Framework, its package, its script, and the page's content before the script runs.
const PAGES = [
  ["react", "react", "react.jsx", EMPTY],
  ["vue", "vue", "vue.js", EMPTY],
  ["svelte", "svelte", "svelte.js", EMPTY],
  ["preact", "preact", "preact.jsx", EMPTY],
  ["solid", "solid-js", "solid.js", EMPTY],
  ["lit", "lit", "lit.js", `<shop-product></shop-product>`],
  ["alpine", "alpinejs", "alpine.js", `<div x-data="shop"><template x-if="product"><main><h1 x-text="product.title"></h1>
    <p class="price" x-text="product.price"></p><p x-text="product.text"></p></main></template></div>`],
  ["htmx", "htmx.org", "htmx.js", `<div hx-get="${FRAGMENT}" hx-trigger="load" hx-swap="innerHTML"></div>`],
];
const TEXT = "Made by hand of one sheet of copper, with a handle of beech that stays cool over any fire. ".repeat(4);
const product = (name) => ({ title: `Copper Kettle (${name})`, price: "$49.90", text: TEXT });

function install() {
  mkdirSync(built, { recursive: true });
  cpSync(join(here, "package.json"), join(built, "package.json"));
  cpSync(join(here, "pages"), join(built, "pages"), { recursive: true });
  const npm = spawnSync("npm", ["install", "--no-audit", "--no-fund", "--no-package-lock", "--loglevel=error"],
    { cwd: built, stdio: "inherit" });
  if (npm.status !== 0) throw new Error("npm install failed");
}

/** Bundles every script. Returns the bundles by framework. */
async function bundle() {
  const load = createRequire(join(built, "package.json"));
  const { build } = load("esbuild");
  const { compile } = load("svelte/compiler");
  const svelte = {
    name: "svelte",
    setup: ({ onLoad }) => onLoad({ filter: /\.svelte$/ }, ({ path }) =>
      ({ contents: compile(readFileSync(path, "utf8"), { filename: path, generate: "client" }).js.code })),
  };
  const programs = {};
  for (const [name, , file] of PAGES) {
    const result = await build({
      entryPoints: [join(built, "pages", file)], absWorkingDir: built, bundle: true, minify: true, write: false,
      format: "iife", jsx: "automatic", conditions: ["browser", "production"], plugins: [svelte], logLevel: "error",
      define: { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false",
        __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "false" },
    });
    programs[name] = result.outputFiles[0].text;
  }
  return programs;
}

/** Serves the site on loopback. The referring page identifies the framework that makes a request. */
function serve(programs) {
  const site = createServer((request, response) => {
    const send = (kind, body) => response.writeHead(200, { "content-type": kind }).end(body);
    const [, kind, name] = request.url.split("/");
    const framework = /\/page\/(\w+)/.exec(request.headers.referer ?? "")?.[1];
    if (kind === "page") {
      const body = PAGES.find(([own]) => own === name)?.[3];
      return send("text/html", `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title></head>
        <body>${body}<script src="/program/${name}" defer></script></body></html>`);
    }
    if (kind === "program") return send("text/javascript", programs[name]);
    if (kind === "api") return setTimeout(() => send("application/json", JSON.stringify(product(framework))), API_MS);
    if (kind === "fragment") {
      const { title, price, text } = product(framework);
      const body = `<title>${title}</title><main><h1>${title}</h1><p class="price">${price}</p><p>${text}</p></main>`;
      return setTimeout(() => send("text/html", body), API_MS);
    }
    response.writeHead(404).end();
  });
  return new Promise((done) => site.listen(0, "127.0.0.1", () => done(site)));
}

/** Starts the server. Returns its process and its address. */
function start(folder) {
  const env = { PATH: process.env.PATH, PORT: "0", DATA_DIR: folder, RUNO_DEV_KEY: KEY, FETCH_ALLOW: "127.0.0.0/8",
    HOST_DELAY_MS: "0", RUST_LOG: "warn" };
  const server = spawn(program, [], { env, stdio: ["ignore", "pipe", "inherit"] });
  return new Promise((done, fail) => {
    server.once("exit", (code) => fail(new Error(`the server exited with code ${code}`)));
    server.once("error", fail);
    createInterface({ input: server.stdout }).on("line", (line) => {
      const address = /listening on (\S+)/.exec(line)?.[1];
      if (address) done([server, address]);
    });
  });
}

async function read(base, url) {
  const schema = [{ field: "title", type: "string", example: "A title" }, { field: "price", type: "float", example: 9.99 }];
  const body = JSON.stringify({ url, schema, options: { timeout_ms: 60_000, no_cache: true } });
  const headers = { "x-api-key": KEY, "content-type": "application/json" };
  const began = performance.now();
  const answer = await fetch(`${base}/v1/extract`, { method: "POST", headers, body });
  return [await answer.json(), Math.round(performance.now() - began)];
}

const version = (name) => JSON.parse(readFileSync(join(built, "node_modules", name, "package.json"), "utf8")).version;
install();
const site = await serve(await bundle());
const folder = mkdtempSync(join(tmpdir(), "runo-frameworks-"));
const [server, base] = await start(folder);
let failures = 0;
try {
  const page = (name) => `http://127.0.0.1:${site.address().port}/page/${name}`;
  await read(base, page(PAGES[0][0])); // Starts the browser.
  console.log("| framework | version | title | price | render_mode | ms |\n|---|---|---|---|---|---|");
  for (const [name, from] of PAGES) {
    const [got, ms] = await read(base, page(name));
    const { title, price } = got.data ?? {};
    if (title !== product(name).title || price !== 49.9) failures += 1;
    console.log(`| ${name} | ${version(from)} | ${title} | ${price} | ${got.render_mode ?? JSON.stringify(got)} | ${ms} |`);
  }
} finally {
  server.removeAllListeners("exit");
  const ended = new Promise((done) => server.once("exit", done));
  server.kill("SIGTERM");
  await ended;
  site.closeAllConnections();
  site.close();
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = failures === 0 ? 0 : 1;
