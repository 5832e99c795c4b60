#!/usr/bin/env python3
"""Measures a batch of pages that need a browser, and what remains of it afterwards.

  rendered.py --server target/release/local [--pages 200] [--concurrency N] [--api-ms 150]

Serves single-page applications on loopback (each fetches its product from an API that takes --api-ms), starts the server
in a fresh folder, and sends a small batch and then one of --pages. Prints for the latter: pages per second; processor
seconds per page (server and browser); the memory of all processes, as the sum of resident sizes (which counts shared
memory repeatedly) and of proportional shares, and the number of browsers, before the job, at most, and after the browser has
gone; then what is left: folders and open files of the server. Needs Linux (/proc), a Chromium, and Python's standard
library only. Every process that it starts ends with it.
"""
import argparse, glob, http.server, json, os, re, signal, subprocess, sys, tempfile, threading, time, urllib.request

KEY = "sk_live_rendered"
TICKS = os.sysconf("SC_CLK_TCK")
SCHEMA = [{"field": "title", "type": "string", "example": "A title"}, {"field": "price", "type": "float", "example": 9.99}]
TEXT = "<p>Made by hand of one sheet of copper, with a handle of beech that stays cool over any fire.</p>" * 6
SHELL = """<!doctype html><title>Shop</title><body><div id="root"></div><script>
fetch("/api/%s").then((r) => r.json()).then(({ title, price, text }) => {
  document.title = title;
  document.getElementById("root").innerHTML = `<h1>${title}</h1><p class="price">${price}</p>${text}`;
});</script></body>"""


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", 1 << 16
    api_s = 0.15

    def log_message(self, *_):
        pass

    def do_GET(self):
        _, kind, *rest = self.path.split("/")
        status, body, type_ = 404, b"", "text/html"
        if kind == "p":
            status, body = 200, (SHELL % rest[0]).encode()
        elif kind == "api":
            time.sleep(Site.api_s)
            product = {"title": f"Kettle {rest[0]}", "price": "$19.50", "text": TEXT}
            status, body, type_ = 200, json.dumps(product).encode(), "application/json"
        self.send_response(status)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass


def stats():
    """Returns for every process: parent, whether it has ended, and CPU ticks including those of children it waited for."""
    found = {}
    for path in glob.glob("/proc/[0-9]*/stat"):
        try:
            text = open(path).read()
        except OSError:
            continue
        rest = text.rsplit(")", 1)[1].split()
        found[int(path.split("/")[2])] = (int(rest[1]), rest[0] in "ZX", sum(map(int, rest[11:15])))
    return found


def tree(root):
    every, found = stats(), [root]
    for pid in found:
        found.extend(child for child, (parent, _, _) in every.items() if parent == pid)
    return {pid: every[pid] for pid in found if pid in every and not every[pid][1]}


def read(pid, name):
    try:
        return open(f"/proc/{pid}/{name}", "rb").read().decode(errors="replace")
    except OSError:
        return ""


def kilobytes(text, key):
    line = re.search(rf"^{key}:\s+(\d+) kB", text, re.M)
    return int(line[1]) if line else 0


class Watch:
    """Samples the server's process tree repeatedly."""

    def __init__(self, root):
        self.root, self.rss, self.pss, self.browsers, self.processes, self.stop = root, 0, 0, 0, 0, False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def now(self):
        pids = tree(self.root)
        rss = sum(kilobytes(read(pid, "status"), "VmRSS") for pid in pids) / 1_000
        pss = sum(kilobytes(read(pid, "smaps_rollup"), "Pss") for pid in pids) / 1_000
        lines = [read(pid, "cmdline").replace("\0", " ") for pid in pids]
        # A browser's main process has the folder flag and no type; the shell around it has the shell script before
        # that.
        browsers = sum(1 for l in lines if "--user-data-dir=" in l and "--type=" not in l and "/bin/sh" not in l and not l.startswith("sh "))
        return rss, pss, browsers, len(pids)

    def run(self):
        while not self.stop:
            rss, pss, browsers, processes = self.now()
            self.rss, self.pss = max(self.rss, rss), max(self.pss, pss)
            self.browsers, self.processes = max(self.browsers, browsers), max(self.processes, processes)
            time.sleep(0.25)

    def end(self):
        self.stop = True
        self.thread.join()


def ticks(root):
    """Returns processor seconds of running processes and of ended ones that were waited for."""
    return sum(used for _, _, used in tree(root).values()) / TICKS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--concurrency", help="RENDER_CONCURRENCY")
    parser.add_argument("--api-ms", type=int, default=150)
    parser.add_argument("--timeout-ms", type=int, default=60_000)
    args = parser.parse_args()
    Site.api_s = args.api_ms / 1_000
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    site.daemon_threads = True
    threading.Thread(target=site.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(prefix="runo-rendered-") as folder:
        temporary = os.path.join(folder, "tmp")
        os.mkdir(temporary)
        env = {"PATH": os.environ["PATH"], "PORT": "0", "DATA_DIR": os.path.join(folder, "data"), "RUNO_DEV_KEY": KEY,
               "FETCH_ALLOW": "127.0.0.0/8", "HOST_DELAY_MS": "0", "RUST_LOG": "warn", "TMPDIR": temporary}
        if args.concurrency:
            env["RENDER_CONCURRENCY"] = args.concurrency
        server = subprocess.Popen([args.server], env=env, stdout=subprocess.PIPE, text=True)
        try:
            base = next(line.split()[-1] for line in server.stdout if line.startswith("listening on"))
            threading.Thread(target=server.stdout.read, daemon=True).start()
            measure(args, site.server_address[1], server.pid, base, temporary)
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)


def batch(base, port, pages, timeout_ms):
    urls = [f"http://127.0.0.1:{port}/p/{n}" for n in range(pages)]
    body = {"urls": urls, "schema": SCHEMA, "options": {"timeout_ms": timeout_ms, "concurrency": 32}}
    head = {"X-API-Key": KEY, "Content-Type": "application/json"}
    with urllib.request.urlopen(urllib.request.Request(base + "/v1/batch", json.dumps(body).encode(), head), timeout=3_600) as answer:
        return json.load(answer)


def wait_for_browser_exit(pid):
    """Waits until the browser is gone, which is ten seconds after its last page."""
    deadline = time.monotonic() + 30
    while len(tree(pid)) > 1 and time.monotonic() < deadline:
        time.sleep(0.2)


def measure(args, port, pid, base, temporary):
    # A first batch keeps one-off costs of the process out of the measurement.
    batch(base, port, 20, args.timeout_ms)
    wait_for_browser_exit(pid)
    watch = Watch(pid)
    idle = watch.now()
    files = len(os.listdir(f"/proc/{pid}/fd"))
    began, before = time.monotonic(), ticks(pid)
    got = batch(base, port, args.pages, args.timeout_ms)
    took = time.monotonic() - began
    complete = sum(1 for n, r in enumerate(got["results"]) if r.get("render_mode") == "headless" and r["data"] == {"title": f"Kettle {n}", "price": 19.5})
    peak = (watch.rss, watch.pss, watch.browsers, watch.processes)
    wait_for_browser_exit(pid)
    gone = time.monotonic() - began - took
    watch.end()
    cpu, after = ticks(pid) - before, watch.now()
    left = os.listdir(temporary)
    print(f"pages: {args.pages}, read in a browser with their values: {complete}, credits charged: {got['credits_charged']}")
    print(f"time: {took:.1f} s, {args.pages / took:.2f} pages/s; processor: {cpu / args.pages:.2f} s a page, {cpu / took:.2f} at once")
    for name, (rss, pss, browsers, processes) in (("before", idle), ("most", peak), ("after", after)):
        print(f"{name}: {rss:.0f} MB resident ({pss:.0f} MB by shares), {processes} processes, {browsers} browsers")
    print(f"the browser was gone {gone:.1f} s after the job; left: {len(left)} folders, {len(os.listdir(f'/proc/{pid}/fd')) - files:+d} open files")
    if complete != args.pages or left or after[2] or after[3] != 1:
        sys.exit(1)


if __name__ == "__main__":
    main()
