// User flows: enter a key, read a page, watch and cancel a batch, download a crawl's results.

import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { api, enterKey, fields, KEY, openConsole, pick, PRODUCT, send, startBrowser, startServer, until } from "./support.mjs";
import { startSite } from "./site.mjs";

let server, site, browser;
before(async () => { [server, site, browser] = await Promise.all([startServer(), startSite(), startBrowser()]); });
after(async () => { await browser?.close(); await Promise.all([server?.stop(), site?.stop()]); });

test("the key is typed once, kept for the tab, and appears in no URL, cookie or log", async (t) => {
  // A server of its own, which has written its whole log once it has stopped.
  const own = await startServer();
  t.after(() => own.stop());
  const { page, context, close } = await openConsole(browser, own, { key: null });
  assert.equal(new URL(page.url()).pathname, "/console");
  await page.getByLabel("API key").fill("sk_live_wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("The key is not valid").waitFor();
  await enterKey(page, KEY);
  await page.reload();
  await page.getByRole("navigation", { name: "Views" }).waitFor();
  const stored = await page.evaluate(() => ({ session: Object.values(sessionStorage), local: JSON.stringify({ ...localStorage }), url: location.href }));
  assert.deepEqual(stored.session, [KEY]);
  assert.ok(!stored.local.includes(KEY) && !stored.url.includes(KEY));
  assert.deepEqual(await context.cookies(), []);
  const shown = await page.locator("body").innerText();
  assert.ok(!shown.includes(KEY) && shown.includes("sk_live_…0001"), shown);
  // Another tab does not have the key.
  const other = await context.newPage();
  await other.goto(`${own.base}/console`);
  await other.getByLabel("API key").waitFor();
  await page.getByRole("button", { name: /Sign out/ }).click();
  await page.getByLabel("API key").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await close();
  await own.stop();
  assert.ok(!own.log().split("\n").filter((line) => !line.startsWith("API key") && !line.includes("X-API-Key")).join("\n").includes(KEY));
});

test("a page is read and shown with values, warnings, render mode and snippets of the call", async () => {
  const { page, close } = await openConsole(browser, server);
  await page.getByLabel("URL", { exact: true }).fill(`${server.base}/sample/product`);
  await fields(page, [...PRODUCT, ["inStock", "boolean", true]]);
  await send(page);
  const job = page.getByRole("region", { name: "Job" });
  await job.getByText("Copper Kettle").waitFor();
  const rows = await job.locator("table.fields tr").allInnerTexts();
  assert.match(rows.join("\n"), /price\s+49\.9/);
  assert.match(rows.find((row) => row.startsWith("inStock")), /true\s+field "inStock": .*InStock.* was read as true/);
  await job.getByText("structured").waitFor();
  await job.getByText("Completed", { exact: true }).waitFor();
  const id = await job.locator(".job-id").innerText();
  assert.equal((await (await api(server, `/v1/jobs/${id}`)).json()).status, "completed");
  for (const [name, words] of [["curl", "X-API-Key: $RUNO_API_KEY"], ["Python", "Client().extract("], ["TypeScript", "new Client().extract("], ["CLI", "runo extract"]]) {
    await page.locator(".snippets .choice label", { hasText: name }).click();
    const text = await page.locator(".snippets pre").innerText();
    assert.ok(text.includes(words) && text.includes("/sample/product") && !text.includes(KEY), text);
  }
  await close();
});

test("a batch cancelled midway keeps its results and refunds the rest", async () => {
  site.close();
  const { page, close } = await openConsole(browser, server);
  await pick(page, "Many pages");
  await page.getByLabel("URLs, one per line").fill([...site.urls("p", 3), ...site.urls("gate", 20)].join("\n"));
  await fields(page, PRODUCT);
  await page.getByText("Options").click();
  await page.getByLabel("Concurrency").fill("2");
  // Longer than a page may wait at the gate.
  await page.getByLabel("Timeout (ms)").fill("120000");
  await send(page);
  const job = page.getByRole("region", { name: "Job" });
  // The id is shown at once, and results appear while the job runs.
  await job.locator(".job-id").waitFor();
  await job.getByRole("gridcell", { name: "Product 3", exact: true }).waitFor();
  await until("the progress bar has moved", async () => (await job.getByRole("progressbar").getAttribute("aria-valuenow")) === "3");
  await job.getByRole("button", { name: "Cancel" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("20 credits").waitFor();
  await dialog.getByRole("button", { name: "Cancel the job" }).click();
  await job.getByText("Cancelling", { exact: true }).waitFor();
  site.open();
  await job.getByText("Cancelled", { exact: true }).waitFor();
  const id = await job.locator(".job-id").innerText();
  const { credits, progress } = await (await api(server, `/v1/jobs/${id}`)).json();
  assert.equal(credits.reserved, 23);
  assert.equal(credits.charged, progress.done + progress.failed);
  assert.equal(credits.charged + credits.refunded, 23);
  assert.ok(credits.refunded >= 15, JSON.stringify(credits));
  const figures = await job.locator("dl.figures").innerText();
  assert.ok(figures.includes(`${credits.charged}`) && figures.includes(`${credits.refunded}`), figures);
  assert.match(await job.getByRole("list", { name: "Failures by code" }).innerText(), new RegExp(`JOB_CANCELLED\\s+${credits.refunded}`));
  // Pages that did not run can be sent again; the call is shown first.
  await job.getByRole("button", { name: /Run .* failed pages again/ }).click();
  const again = (await page.getByLabel("URLs, one per line").inputValue()).split("\n");
  assert.equal(again.length, credits.refunded);
  assert.ok(again.every((url) => url.includes("/gate/")));
  assert.equal(await page.getByLabel("Name of field 2").inputValue(), "price");
  const before = (await (await api(server, "/v1/jobs?state=all")).json()).jobs.length;
  await send(page);
  await page.getByRole("region", { name: "Job" }).getByText("Completed", { exact: true }).waitFor();
  assert.equal((await (await api(server, "/v1/jobs?state=all")).json()).jobs.length, before + 1);
  await close();
});

test("a crawl's results can be downloaded in each format", async () => {
  const { page, close } = await openConsole(browser, server);
  await pick(page, "Crawl a site");
  await page.getByLabel("Seed URL").fill(`${site.base}/tree/0`);
  await page.getByLabel("Follow").fill(`${site.base}/tree/*`);
  await page.getByLabel("Maximum pages").fill("20");
  await fields(page, [["title", "string", "A title"]]);
  await page.getByText("Options").click();
  await page.getByLabel("Async mode").check();
  await send(page);
  const job = page.getByRole("region", { name: "Job" });
  await job.getByText("Completed", { exact: true }).waitFor();
  await until("all rows are loaded", async () => (await job.getByRole("grid").getAttribute("aria-rowcount")) === "8");
  const download = async (format) => {
    const [file] = await Promise.all([page.waitForEvent("download"), job.getByRole("button", { name: format, exact: true }).click()]);
    assert.match(file.suggestedFilename(), new RegExp(`^job_[0-9a-z]+\\.${format.toLowerCase()}$`));
    return readFileSync(await file.path(), "utf8");
  };
  const id = await job.locator(".job-id").innerText();
  assert.equal((await (await api(server, `/v1/jobs/${id}`)).json()).async_mode, true);
  const titles = Array.from({ length: 7 }, (_, n) => `Page ${n}`);
  const ndjson = (await download("NDJSON")).trimEnd().split("\n").map((line) => JSON.parse(line));
  assert.deepEqual(ndjson.map((row) => row.data.title).sort(), titles);
  const json = JSON.parse(await download("JSON"));
  assert.deepEqual([json.results.length, json.crawl_meta.pages_visited, json.crawl_meta.credits_refunded], [7, 7, 13]);
  const [head, ...lines] = (await download("CSV")).trimEnd().split("\n");
  assert.equal(head, "title,page_url,page_error");
  assert.deepEqual(lines.map((line) => line.split(",")[0]).sort(), titles);
  await close();
});

test("a job that ends before its view shows that it runs is shown as ended", async () => {
  const { page, close } = await openConsole(browser, server);
  const id = "job_0000000000009998";
  const ended = { job_id: id, endpoint: "/batch", status: "completed", async_mode: false, started_at: "2026-11-29T10:00:00Z", ended_at: "2026-11-29T10:00:01Z",
    progress: { total: 1, done: 1, failed: 0, cancelled: 0, pending: 0 }, credits: { reserved: 1, charged: 1, refunded: 0, monthly: 1, prepaid: 0 }, result: "" };
  const running = { ...ended, status: "running", ended_at: null, progress: { ...ended.progress, done: 0, pending: 1 }, credits: { ...ended.credits, charged: null, refunded: null } };
  let requests = 0;
  await page.route(`**/v1/jobs/${id}`, (route) => route.fulfill({ json: requests++ ? ended : running }));
  const row = { index: 0, url: "https://shop.test/p/1", status: "success", render_mode: "fetch", data: { title: "Product 1" }, images_processed: null };
  await page.route(`**/v1/jobs/${id}/result`, (route) => route.fulfill({ contentType: "text/event-stream", body: `event: unit\nid: 1\ndata: ${JSON.stringify(row)}\n\nevent: done\ndata: {"total":1}\n\n` }));
  // Delays updates of the view, so that all responses have arrived before the first one.
  await page.evaluate((view) => {
    const { setTimeout } = window;
    window.setTimeout = (act, ms, ...rest) => setTimeout.call(window, act, ms > 100 ? Math.max(ms, 2_000) : ms, ...rest);
    location.hash = view;
  }, `#/jobs/${id}`);
  await page.getByRole("region", { name: "Job" }).getByText("Completed", { exact: true }).waitFor();
  await close();
});

test("errors of a page, of a call and of an unreachable server are shown in words", async () => {
  const { page, context, close } = await openConsole(browser, server);
  await page.getByLabel("URL", { exact: true }).fill(`${site.base}/nowhere`);
  await fields(page, PRODUCT);
  await send(page);
  const job = page.getByRole("region", { name: "Job" });
  await job.getByText("The page could not be reached").waitFor();
  await job.getByText("URL_UNREACHABLE").first().waitFor();
  await page.getByText("Options").click();
  await page.getByLabel("Timeout (ms)").fill("5");
  await send(page);
  const alert = page.getByRole("alert");
  await alert.getByText("The request is invalid").waitFor();
  await alert.getByText("options.timeout_ms").waitFor();
  await page.getByLabel("Timeout (ms)").fill("15000");
  await context.setOffline(true);
  await send(page);
  await page.getByRole("alert").getByText("The service does not answer").first().waitFor();
  await context.setOffline(false);
  await page.goto(`${server.base}/console#/jobs/job_000000000000`);
  await page.getByText("There is no such job").first().waitFor();
  await close();
});

const UNAVAILABLE = { status: "error", error: { code: "UNAVAILABLE", message: "try again", retryable: true } };
for (const [what, product, title, lose] of [
  ["whose response was lost", 7, "The service does not answer", (route) => route.abort("connectionreset")],
  ["that was accepted before a 503", 8, "The service is not available", (route) => route.fulfill({ status: 503, json: UNAVAILABLE })],
]) {
  test(`a call ${what} joins the same job when it is sent again`, async () => {
    const { page, close } = await openConsole(browser, server);
    const jobs = async () => (await (await api(server, "/v1/jobs?state=all&limit=100")).json()).jobs.length;
    const before = await jobs();
    let sent = 0;
    await page.route("**/v1/extract", async (route) => {
      if (sent++) return route.continue();
      await route.fetch();
      return lose(route);
    });
    await page.getByLabel("URL", { exact: true }).fill(`${site.base}/p/${product}`);
    await fields(page, PRODUCT);
    await send(page);
    await page.getByRole("alert").getByText(title).first().waitFor();
    await send(page);
    await page.getByRole("region", { name: "Job" }).getByText(`Product ${product}`).waitFor();
    assert.deepEqual([sent, await jobs()], [2, before + 1]);
    await close();
  });
}

test("jobs are listed with live progress and can be cancelled from the list", async () => {
  site.close();
  const body = JSON.stringify({ urls: [...site.urls("p", 2), ...site.urls("gate", 10)], schema: [{ field: "title", type: "string", example: "x" }],
    options: { concurrency: 1, timeout_ms: 120_000 } });
  const held = fetch(`${server.base}/v1/batch`, { method: "POST", body, headers: { "X-Api-Key": KEY, "Content-Type": "application/json" } });
  const id = (await held).headers.get("x-job-id");
  const { page, close } = await openConsole(browser, server);
  await page.getByRole("link", { name: "Jobs" }).click();
  const line = page.getByRole("row", { name: new RegExp(id) });
  await until("the job's progress bar has moved", async () => (await line.getByRole("progressbar").getAttribute("aria-valuenow")) === "2");
  await line.getByRole("button", { name: `Cancel ${id}` }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel the job" }).click();
  // Only now has the server received the cancellation.
  await line.getByText("Cancelling", { exact: true }).waitFor();
  site.open();
  await line.getByText("Cancelled", { exact: true }).waitFor();
  await line.getByRole("link").click();
  await page.getByRole("region", { name: "Job" }).getByText(id).waitFor();
  await (await held).text();
  await close();
});
