// Support for the console's tests: the local server, a browser, and a page that may talk only to the server.

import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import assert from "node:assert/strict";
import { chromium } from "playwright-core";

export const KEY = "sk_live_console_tests_0001";
export const REPOSITORY = process.env.RUNO_REPOSITORY;
const TIMEOUT_MS = 30_000;

// Starts the local server on a free port.
export async function startServer(settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), "runo-console-"));
  const child = spawn(process.env.RUNO_LOCAL, [], {
    env: {
      PATH: process.env.PATH, HOME: folder, PORT: "0", DATA_DIR: folder, RUNO_DEV_KEY: KEY, RUNO_DEV_RATE: "100000",
      FETCH_ALLOW: "127.0.0.0/8", HOST_DELAY_MS: "0", BROWSER: "off", RUST_LOG: "info", ...settings,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let log = "";
  // After its end and all of its output.
  const closed = new Promise((resolve) => child.on("close", resolve));
  child.stderr.on("data", (piece) => { log += piece; });
  const lines = createInterface({ input: child.stdout });
  const base = await new Promise((resolve, reject) => {
    lines.on("line", (line) => {
      log += `${line}\n`;
      if (line.startsWith("listening on ")) resolve(line.slice("listening on ".length));
    });
    child.on("exit", (code) => reject(new Error(`the server exited with ${code}: ${log}`)));
  });
  return {
    base,
    log: () => log,
    async stop() {
      child.kill("SIGTERM");
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

// The last two are the page for the address bar that Chromium 156 loads beside each page. The others are Playwright's own list
// (chromiumSwitches in its coreBundle.js), because Chromium obeys only the last --disable-features.
const DISABLED_FEATURES = [
  "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades", "HttpsFirstBalancedModeAutoEnable",
  "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning", "AvoidCorsURLLoaderRestartOnRedirect",
  "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled", "PreconnectToSearch", "WebUIOmniboxPopup", "WebUIOmniboxAimPopup",
];
const ARGS = ["--no-sandbox", "--disable-gpu", `--disable-features=${DISABLED_FEATURES}`];
export const startBrowser = () => chromium.launch({ executablePath: process.env.RUNO_CHROMIUM, args: ARGS });

// Opens the console. Requests to other origins, logged errors and violations of the policy are faults.
export async function openConsole(browser, server, { colours = "light", width = 1280, height = 900, key = KEY, expected = [] } = {}) {
  const context = await browser.newContext({
    viewport: { width, height }, colorScheme: colours, reducedMotion: "reduce", acceptDownloads: true, timezoneId: "UTC", locale: "en-US",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(TIMEOUT_MS);
  const faults = [];
  page.on("pageerror", (error) => faults.push(`${error}`));
  page.on("console", (message) => {
    const text = message.text();
    // The browser logs refused calls, which the tests provoke.
    if (["error", "warning"].includes(message.type()) && !/Failed to load resource/.test(text)) faults.push(text);
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${server.base}/`) && !url.startsWith("blob:")) faults.push(`request to another origin: ${url}`);
    if (url.includes(KEY) || (request.headers().cookie ?? "")) faults.push(`key or cookie in a request: ${url}`);
  });
  page.on("dialog", (dialog) => { faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  await fromFolder(page);
  await page.goto(`${server.base}/`);
  if (key) await enterKey(page, key);
  return {
    page,
    context,
    async close() {
      await context.close();
      assert.deepEqual(faults.filter((fault) => !expected.some((known) => known.test(fault))), []);
    },
  };
}

// With RUNO_CONSOLE_SITE, serves files from that folder instead of the binary, so that changes need no build.
async function fromFolder(page) {
  const folder = process.env.RUNO_CONSOLE_SITE;
  if (!folder) return;
  await page.route(/\/console\/[0-9a-f]+\/[^/]+$/, async (route) => {
    const file = join(folder, new URL(route.request().url()).pathname.split("/").pop());
    if (!existsSync(file)) return route.fulfill({ status: 404, body: "" });
    const answer = await route.fetch().catch(() => null);
    const type = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" }[file.split(".").pop()] ?? "text/plain";
    return route.fulfill({ headers: { ...answer?.headers(), "content-type": type, "content-encoding": "identity" }, body: readFileSync(file) });
  });
}

export async function enterKey(page, key) {
  await page.getByLabel("API key").fill(key);
  await page.getByRole("button", { name: "Open the console" }).click();
  await page.getByRole("navigation", { name: "Views" }).waitFor();
}

// Fills in the schema: name, type, example, and a selector if given.
export async function fields(page, wanted) {
  await page.locator(".choice label", { hasText: "JSON" }).first().click();
  const schema = wanted.map(([field, type, example, selector]) => ({ field, type, example, ...(selector ? { selector } : {}) }));
  await page.getByLabel("Schema as JSON, or a flat JSON Schema").fill(JSON.stringify(schema));
  await page.locator(".choice label", { hasText: "Fields" }).first().click();
}

export const PRODUCT = [["title", "string", "A title"], ["price", "float", 9.99]];

export const pick = (page, label) => page.locator(".choice label", { hasText: label }).first().click();

export const send = (page) => page.getByRole("button", { name: "Send", exact: true }).click();

// Waits until `holds` returns a truthy value; fails with `what` after a timeout.
export async function until(what, holds) {
  const end = Date.now() + TIMEOUT_MS;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > end) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export const api = (server, path, options = {}) =>
  fetch(`${server.base}${path}`, { ...options, headers: { "X-Api-Key": KEY, "Content-Type": "application/json", ...options.headers } });
