/** Compiles and runs the snippets of the README as they stand, one after the other. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { KEY, REPOSITORY, Server } from "./support.js";

const PACKAGE = fileURLToPath(new URL("..", import.meta.url));

test("the snippets run", async () => {
  const readme = readFileSync(join(REPOSITORY, "clients/typescript/README.md"), "utf8");
  const snippets = [...readme.matchAll(/^```ts\n(.*?)^```/gms)].map((found) => found[1]);
  assert.equal(snippets.length, 6);
  const server = await Server.start();
  const folder = join(PACKAGE, "dist-tests", "readme");
  try {
    mkdirSync(folder, { recursive: true });
    const source = snippets.join("\n").replaceAll("http://127.0.0.1:8080", server.base);
    writeFileSync(join(folder, "snippets.ts"), source);
    const compilerOptions = { rootDir: ".", outDir: "made", noUnusedLocals: false };
    const settings = { extends: "../../tests/tsconfig.json", compilerOptions, include: ["."] };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(settings));
    execFileSync(join(PACKAGE, "node_modules/.bin/tsc"), ["-p", folder], { stdio: "inherit" });
    const env = { ...process.env, RUNO_API_KEY: KEY, RUNO_BASE_URL: server.base };
    const shown = execFileSync(process.execPath, [join(folder, "made", "snippets.js")], { env, encoding: "utf8" });
    const expected = [
      "Copper Kettle 49.9", "19 Copper Kettle", "20 0 20", "1 completed", "price: 49.9", "JOB_NOT_FOUND false",
    ];
    for (const words of expected) assert(shown.includes(words), `${words} is not in:\n${shown}`);
    // On a slow machine the page that had started has finished by then.
    assert.match(shown, /^cancell(ing|ed)$/m);
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await server.close();
  }
});
