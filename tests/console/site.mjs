// A site on loopback for the console's tests: products, pages that wait at a gate, a tree to crawl, and a hostile page.

import { createServer } from "node:http";

const product = (n) => `<!doctype html><html lang="en"><head><title>Product ${n} | Shop</title>
<script type="application/ld+json">${JSON.stringify({ "@context": "https://schema.org", "@type": "Product", name: `Product ${n}`, offers: { "@type": "Offer", price: `${n}.90`, priceCurrency: "EUR" } })}</script>
</head><body><h1>Product ${n}</h1><p class="price">${n}.90 €</p></body></html>`;

// Values that contain code. The console must show the code as text and never run it.
export const HOSTILE = {
  title: `<img src=x onerror="window.harmed=1">`,
  link: `javascript:window.harmed=1`,
  script: `<script>window.harmed=1</script><svg onload=window.harmed=1>`,
};
const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
const hostile = `<!doctype html><html><head><title>x</title></head><body><h1 class="t">${escaped(HOSTILE.title)}</h1>
<p class="l">${escaped(HOSTILE.link)}</p><p class="s">${escaped(HOSTILE.script)}</p></body></html>`;

const tree = (n) => {
  const links = [2 * n + 1, 2 * n + 2].filter((to) => to < 7).map((to) => `<a href="/tree/${to}">Page ${to}</a>`).join(" ");
  return `<!doctype html><html><head><title>Page ${n}</title></head><body><h1>Page ${n}</h1>${links}</body></html>`;
};

export async function startSite() {
  let gate = deferred();
  const server = createServer(async (request, response) => {
    const [, kind, n] = new URL(request.url, "http://x").pathname.split("/");
    if (kind === "gate") await gate.promise;
    const page = kind === "tree" ? tree(Number(n)) : kind === "hostile" ? hostile : ["p", "gate"].includes(kind) ? product(n) : null;
    response.writeHead(page ? 200 : 404, { "Content-Type": "text/html; charset=utf-8" });
    response.end(page ?? "<h1>Not here</h1>");
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const base = `http://127.0.0.1:${server.address().port}`;
  return {
    base,
    urls: (kind, count) => Array.from({ length: count }, (_, n) => `${base}/${kind}/${n + 1}`),
    open: () => gate.resolve(),
    close: () => { gate = deferred(); },
    async stop() {
      gate.resolve();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function deferred() {
  const result = {};
  result.promise = new Promise((resolve) => { result.resolve = resolve; });
  return result;
}
