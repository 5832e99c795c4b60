// Hostile page content: the console shows it as text everywhere, and the content security policy blocks anything else.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { openConsole, fields, pick, send, startBrowser, startServer } from "./support.mjs";
import { HOSTILE, startSite } from "./site.mjs";

const SCHEMA = [["title", "string", "x", ".t"], ["link", "string", "x", ".l"], ["script", "string", "x", ".s"]];

let server, site, browser;
before(async () => { [server, site, browser] = await Promise.all([startServer({ EXPLAIN: "1" }), startSite(), startBrowser()]); });
after(async () => { await browser?.close(); await Promise.all([server?.stop(), site?.stop()]); });

const harmed = (page) => page.evaluate(() => window.harmed);

async function shownAsText(scope) {
  const text = await scope.innerText();
  for (const value of Object.values(HOSTILE)) assert.ok(text.includes(value), `${value} in ${text}`);
  assert.equal(await scope.locator("img, script, svg").count(), 0);
  for (const link of await scope.locator("a").all()) assert.match(await link.getAttribute("href"), /^(#\/|https?:\/\/)/);
}

test("hostile values of one page and their reasons are shown as text", async () => {
  const { page, close } = await openConsole(browser, server);
  await page.getByLabel("URL", { exact: true }).fill(`${site.base}/hostile/1`);
  await fields(page, SCHEMA);
  await page.getByLabel("Explain each value").check();
  await send(page);
  const job = page.getByRole("region", { name: "Job" });
  const why = job.getByRole("region", { name: "Why these values" });
  await why.waitFor();
  await why.locator("summary").first().click();
  await why.getByText("Selector").first().waitFor();
  await shownAsText(job);
  assert.equal(await harmed(page), undefined);
  await close();
});

test("hostile values of many pages are text in the table, beside it and in the repeated call", async () => {
  const { page, close } = await openConsole(browser, server);
  await pick(page, "Many pages");
  const url = `${site.base}/nowhere/${encodeURIComponent("<img src=x onerror=window.harmed=1>")}`;
  await page.getByLabel("URLs, one per line").fill([`${site.base}/hostile/1`, `${url}`].join("\n"));
  await fields(page, SCHEMA);
  await send(page);
  const job = page.getByRole("region", { name: "Job" });
  await job.getByText("Completed", { exact: true }).waitFor();
  await shownAsText(job.getByRole("grid"));
  await job.getByRole("row", { name: /hostile/ }).click();
  const dialog = page.getByRole("dialog");
  await shownAsText(dialog);
  await dialog.getByRole("button", { name: "Explain these values" }).click();
  await dialog.getByRole("region", { name: "Why these values" }).waitFor();
  await page.keyboard.press("Escape");
  await job.getByRole("button", { name: "Run 1 failed page again" }).click();
  assert.equal(await page.getByLabel("URLs, one per line").inputValue(), url);
  assert.equal(await harmed(page), undefined);
  await close();
});

// The console does not trust responses of the API either.
test("a hostile response is shown as text", async () => {
  const { page, close } = await openConsole(browser, server);
  const id = "job_0000000000000001";
  const evil = `<img src=x onerror="window.harmed=1">`;
  const row = { index: 0, url: "javascript:window.harmed=1", final_url: "javascript:window.harmed=2", status: "success", render_mode: evil,
    data: { [evil]: evil, constructor: { type: "img", props: { src: "x", onerror: "window.harmed=1" } }, list: [evil, { a: evil }] }, warnings: [evil], images_processed: null };
  await page.route(`**/v1/jobs/${id}`, (route) => route.fulfill({ json: { job_id: id, endpoint: "/batch", status: "completed", async_mode: false, started_at: "2026-11-29T10:00:00Z",
    ended_at: "2026-11-29T10:00:09Z", progress: { total: 1, done: 1, failed: 0, cancelled: 0, pending: 0 }, credits: { reserved: 1, charged: 1, refunded: 0, monthly: 1, prepaid: 0 }, result: evil } }));
  await page.route(`**/v1/jobs/${id}/result`, (route) => route.fulfill({ contentType: "text/event-stream", body: `event: unit\nid: 1\ndata: ${JSON.stringify(row)}\n\nevent: done\ndata: {"total":1}\n\n` }));
  await page.goto(`${server.base}/console#/jobs/${id}`);
  await page.getByRole("gridcell", { name: "javascript:window.harmed=1" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("javascript:window.harmed=2").waitFor();
  assert.equal(await dialog.locator("a, img").count(), 0);
  assert.equal(await harmed(page), undefined);
  await close();
});

test("the policy blocks inline code, markup from text, other origins and frames", async () => {
  const { page, close } = await openConsole(browser, server, { expected: [/Content Security Policy|Trusted|This document requires|request to another origin|Refused|violates/] });
  const policy = (await (await fetch(`${server.base}/console`)).headers.get("content-security-policy"));
  assert.ok(policy.includes("default-src 'none'") && !/unsafe|\*|https?:/.test(policy), policy);
  const outcome = await page.evaluate(async (elsewhere) => {
    const tried = {};
    const attempt = async (name, act) => { try { tried[name] = await act(); } catch { tried[name] = "refused"; } };
    await attempt("markup", () => { document.createElement("div").innerHTML = "<b>x</b>"; return "done"; });
    // In a timer: code that the test itself evaluates is exempt from the policy.
    await attempt("eval", () => new Promise((resolve) => setTimeout(() => { try { resolve((0, eval)("1")); } catch { resolve("refused"); } })));
    await attempt("fetch", () => fetch(elsewhere).then(() => "done"));
    await attempt("handler", () => { const b = document.createElement("button"); b.setAttribute("onclick", "window.harmed=1"); b.click(); return window.harmed ?? "refused"; });
    await attempt("script", () => { const s = document.createElement("script"); s.textContent = "window.harmed=1"; document.head.append(s); return window.harmed ?? "refused"; });
    return tried;
  }, site.base);
  assert.deepEqual(new Set(Object.values(outcome)), new Set(["refused"]), JSON.stringify(outcome));
  assert.equal(await harmed(page), undefined);
  await close();
});
