/** Servers for the tests: the real local server, a site of pages, a proxy that breaks connections, and a scripted
 * server. All bind loopback and end with the test. */

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import { connect, createServer as createTcp, type AddressInfo, type Server as TcpServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import type { Field } from "runo";

export const REPOSITORY = resolve(process.env["RUNO_REPOSITORY"] ?? join(import.meta.dirname, "../../.."));
const LOCAL = resolve(process.env["RUNO_LOCAL"] ?? join(REPOSITORY, "target/debug/local"));
const ADMIN = resolve(process.env["RUNO_ADMIN"] ?? join(LOCAL, "../admin"));
export const KEY = "sk_live_of_the_tests";
export const FIELDS: Field[] = [
  { field: "title", type: "string", example: "A title" },
  { field: "price", type: "float", example: 9.99 },
];

// Below the range from which systems choose ports (from 32,768 on Linux, from 49,152 on others). Runs at the same time begin at
// different ports.
let nextPort = 17_000 + (process.pid % 3_000);

/** Returns a port for a server that is started again: meanwhile the system gives it to no other socket. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = nextPort;
    nextPort += 1;
    const probe = createTcp().listen(port, "127.0.0.1");
    try {
      await once(probe, "listening");
    } catch {
      continue;
    }
    probe.close();
    await once(probe, "close");
    return port;
  }
}

/** The local server with a data folder of its own. If `port` is 0, the system chooses the port. */
export class Server {
  readonly data = mkdtempSync(join(tmpdir(), "runo-typescript-"));
  #process: ChildProcess | undefined;

  static async start(settings: Record<string, string> = {}, port = 0): Promise<Server> {
    const server = new Server(settings, port);
    await server.start();
    return server;
  }

  private constructor(readonly settings: Record<string, string>, public port: number) {
    if (!existsSync(LOCAL)) throw new Error(`there is no server at ${LOCAL}: build it or set RUNO_LOCAL`);
  }

  get base(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    const env = {
      PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", PORT: String(this.port), DATA_DIR: this.data,
      RUNO_DEV_KEY: KEY, FETCH_ALLOW: "127.0.0.0/8", RUNO_DEV_RATE: "100000", HOST_DELAY_MS: "0", BROWSER: "off",
      RUST_LOG: "warn", ...this.settings,
    };
    const started = spawn(LOCAL, { env, stdio: ["ignore", "pipe", "ignore"] });
    this.#process = started;
    for await (const line of createInterface(started.stdout)) {
      const match = /^listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(line);
      if (match === null) continue;
      this.port = Number(match[1]);
      started.stdout.resume();
      return;
    }
    throw new Error("the server exited before it listened");
  }

  /** Runs a command of the operator's tool and returns its output. */
  admin<T>(...command: string[]): T {
    return JSON.parse(execFileSync(ADMIN, ["--data-dir", this.data, "--json", ...command], { encoding: "utf8" })) as T;
  }

  /** Kills the server with SIGKILL. */
  async kill(): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const ended = once(running, "exit");
    running.kill("SIGKILL");
    await ended;
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.data, { recursive: true, force: true });
  }
}

async function listening(server: HttpServer | TcpServer): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** `/p/N` is a product, `/gate/N` one that waits for `open()`, `/gone/N` a 404, `/list/N` links to N products. */
export class Site {
  base = "";
  #open: () => void = () => {};
  #arrived: () => void = () => {};
  readonly gate = new Promise<void>((resolve) => (this.#open = resolve));
  /** Resolves once a page waits at the gate. */
  readonly waiting = new Promise<void>((resolve) => (this.#arrived = resolve));
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(): Promise<Site> {
    const site = new Site();
    site.base = await listening(site.#server);
    return site;
  }

  urls(count: number): string[] {
    return Array.from({ length: count }, (_, n) => `${this.base}/p/${n}`);
  }

  open(): void {
    this.#open();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const [, kind, n] = (request.url ?? "").split("/");
    if (kind === "gate") {
      this.#arrived();
      await this.gate;
    }
    response.setHeader("Content-Type", "text/html; charset=utf-8");
    if (kind === "p" || kind === "gate") {
      response.end(`<html><head><title>Item ${n}</title></head><body><h1>Item ${n}</h1><p class=price>$ ${n}.50</p></body></html>`);
    } else if (kind === "list") {
      const links = Array.from({ length: Number(n) }, (_, at) => `<a href=/p/${at}>Item ${at}</a>`).join(" ");
      response.end(`<html><body><h1>List</h1>${links}</body></html>`);
    } else {
      response.writeHead(404).end("<h1>Not found</h1>");
    }
  }

  async close(): Promise<void> {
    this.open();
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** A scripted response; `cut` breaks the connection after the body, `hold` leaves it open. */
export interface Scene {
  status?: number;
  body?: string | (() => Iterable<string>);
  headers?: Record<string, string>;
  cut?: boolean;
  hold?: boolean;
}

/** Answers requests from a list, one after the other. */
export class Scripted {
  base = "";
  readonly seen: { method: string; path: string; headers: IncomingMessage["headers"]; body: string }[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(...scenes: Scene[]): Promise<Scripted> {
    const server = new Scripted(scenes);
    server.base = await listening(server.#server);
    return server;
  }

  private constructor(readonly scenes: Scene[]) {}

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += chunk;
    this.seen.push({ method: request.method ?? "", path: request.url ?? "", headers: request.headers, body });
    const scene = this.scenes.shift() ?? { status: 418 };
    response.writeHead(scene.status ?? 200, scene.headers);
    const pieces = typeof scene.body === "function" ? scene.body() : [scene.body ?? "{}"];
    for (const piece of pieces) {
      if (!response.write(piece)) await once(response, "drain");
    }
    if (scene.cut) setImmediate(() => response.destroy());
    else if (!scene.hold) response.end();
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** Forwards connections to a server. `cuts` has, for each of the next connections, the bytes of the response after which
 * to cut it (0: when the response begins, forwarding none of it). Later connections are not cut. */
export class Proxy {
  base = "";
  connections = 0;
  readonly #sockets = new Set<Socket>();
  readonly #server = createTcp((client) => this.#pass(client));

  static async start(port: number, ...cuts: number[]): Promise<Proxy> {
    const proxy = new Proxy(port, cuts);
    proxy.base = await listening(proxy.#server);
    return proxy;
  }

  private constructor(readonly port: number, readonly cuts: number[]) {}

  #pass(client: Socket): void {
    this.connections += 1;
    const cut = this.cuts.shift();
    const server = connect(this.port, "127.0.0.1");
    const end = () => [client, server].forEach((socket) => socket.destroy());
    let passed = 0;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (data) => server.write(data));
    server.on("data", (data) => {
      passed += data.length;
      if (cut !== undefined && passed >= cut) end();
      else client.write(data);
    });
  }

  async close(): Promise<void> {
    this.#sockets.forEach((socket) => socket.destroy());
    this.#server.close();
  }
}
