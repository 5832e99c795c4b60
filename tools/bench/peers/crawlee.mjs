// Crawls the tree with crawlee: `node crawlee.mjs SEED CONCURRENCY OUT`, where CRAWLEE_DIR is a folder that contains
// node_modules/crawlee. Persists nothing on the way, which is its fastest mode.
import { createRequire } from 'node:module';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const { CheerioCrawler, Configuration, log } = createRequire(join(process.env.CRAWLEE_DIR, 'package.json'))('crawlee');
const [seed, concurrency, out] = process.argv.slice(2);
log.setLevel(log.LEVELS.ERROR);
const lines = [];
const crawler = new CheerioCrawler({
  minConcurrency: Number(concurrency),
  maxConcurrency: Number(concurrency),
  respectRobotsTxtFile: true,
  async requestHandler({ request, $, enqueueLinks }) {
    const price = Number($('p.price').text().replace('$', ''));
    lines.push(JSON.stringify({ url: request.url, title: $('h1').text(), price }));
    await enqueueLinks({ selector: 'nav a', strategy: 'same-hostname' });
  },
}, new Configuration({ persistStorage: false }));
await crawler.run([seed]);
writeFileSync(out, lines.map((line) => `${line}\n`).join(''));
