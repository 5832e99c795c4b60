// Takes the pictures of docs/ that the README shows. Run with "tests/console.sh pictures".

import { join } from "node:path";
import { api, REPOSITORY, fields, openConsole, pick, send, startBrowser, startServer, until } from "./support.mjs";
import { startSite } from "./site.mjs";

const [server, site, browser] = await Promise.all([startServer({ EXPLAIN: "1" }), startSite(), startBrowser()]);
const folder = process.env.RUNO_PICTURES ?? join(REPOSITORY, "docs");
const SCHEMA = [["title", "string", "A title"], ["price", "float", 9.99], ["inStock", "boolean", true]];
const takePicture = (page, name) => page.screenshot({ path: join(folder, `console-${name}.png`) });

async function batch(page, urls) {
  await pick(page, "Many pages");
  const field = page.getByLabel("URLs, one per line");
  await field.fill(urls.join("\n"));
  await field.evaluate((area) => { area.scrollTop = 0; });
  await fields(page, SCHEMA);
  await send(page);
  await page.mouse.move(0, 0);
  return page.getByRole("region", { name: "Job" });
}

// Starts a batch that stays unfinished: some pages wait at the gate.
async function startUnfinishedBatch(page) {
  const urls = [...site.urls("p", 9), `${site.base}/nowhere/1`, ...site.urls("p", 30).slice(9), ...site.urls("gate", 18)];
  const job = await batch(page, urls);
  await until("31 results are shown", async () => Number(await job.getByRole("progressbar").getAttribute("aria-valuenow")) >= 31);
}

// Creates jobs of each kind by calls of the API.
async function createOtherJobs() {
  const schema = SCHEMA.map(([field, type, example]) => ({ field, type, example }));
  const call = (path, body) => api(server, path, { method: "POST", body: JSON.stringify({ schema, ...body }) }).then((answer) => answer.text());
  await call("/v1/crawl", { seed_url: `${site.base}/tree/0`, crawl: { follow_pattern: `${site.base}/tree/*`, max_pages: 40 } });
  await call("/v1/batch", { urls: [...site.urls("p", 60), ...site.urls("nowhere", 14)] });
  await call("/v1/extract", { url: `${server.base}/sample/product` });
  await call("/v1/crawl", { seed_url: `${site.base}/tree/0`, crawl: { follow_pattern: `${site.base}/tree/*`, max_pages: 9 }, async_mode: true });
}

try {
  await createOtherJobs();
  for (const [name, display] of [["light", { width: 1280, height: 860 }], ["dark", { colours: "dark", width: 1280, height: 860 }]]) {
    site.close();
    const { page, context } = await openConsole(browser, server, display);
    await startUnfinishedBatch(page);
    await page.evaluate(() => scrollTo(0, 0));
    await takePicture(page, name);
    await page.getByRole("link", { name: "Jobs" }).click();
    await page.getByRole("row", { name: /job_/ }).nth(4).waitFor();
    await until("the progress bar has moved", async () => (await page.getByRole("progressbar").first().getAttribute("aria-valuenow")) === "31");
    await takePicture(page, `jobs-${name}`);
    site.open();
    await page.getByRole("link", { name: "Try" }).click();
    await page.getByRole("region", { name: "Job" }).getByText("Completed", { exact: true }).waitFor();
    await page.getByRole("gridcell", { name: "Product 4", exact: true }).click();
    await page.getByRole("button", { name: "Explain these values" }).click();
    await page.getByRole("region", { name: "Why these values" }).locator("summary").nth(1).click();
    await takePicture(page, `page-${name}`);
    await page.keyboard.press("Escape");
    await page.getByRole("link", { name: "Usage" }).click();
    await page.getByText("Webhook deliveries").waitFor();
    await page.getByText("sk_live_…0001").last().waitFor();
    await takePicture(page, `usage-${name}`);
    await context.close();
  }
  const { page, context } = await openConsole(browser, server, { width: 390, height: 844 });
  await takePicture(page, "narrow-form");
  await page.getByLabel("URL", { exact: true }).fill(`${server.base}/sample/product`);
  await fields(page, SCHEMA);
  await send(page);
  await page.getByRole("region", { name: "Job" }).getByText("Copper Kettle").waitFor();
  await page.getByRole("region", { name: "Job" }).scrollIntoViewIfNeeded();
  await page.evaluate(() => scrollTo(0, document.querySelector(".job").offsetTop - 100));
  await takePicture(page, "narrow");
  await context.close();
} finally {
  await browser.close();
  await Promise.all([server.stop(), site.stop()]);
}
