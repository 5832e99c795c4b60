#!/usr/bin/env python3
"""Measures an honest account's latency and the server's memory while two other accounts send hostile work.

  hostile.py --server target/release/local --admin target/release/admin [--seconds 10] [--only NAME]

Serves generated pages on loopback, starts the server in a fresh folder, creates three accounts, and prints one line per
family: the attackers' outcomes; the honest account's p50, p99 and longest extract during the attack, and its p50 and p99
before it; the largest resident memory of the server and its children together; how long the attackers' longest call took
(their timeout_ms is 2,000); and how many seconds after the attack the server was idle. Needs Linux (/proc) and Python's
standard library only. Every process that it starts ends with it.

The cost of the measurement itself is kept apart, because real attackers and their sites have machines of their own: their
client and their site are processes of low priority (--nice, 0 for none), their pages are generated and compressed before
the clock starts, and the honest account's client and site are two processes that do nothing else.
"""
import argparse, collections, gzip, http.server, json, multiprocessing, os, re, signal, socketserver, subprocess, tempfile, threading, time
import urllib.error, urllib.request

HONEST = b"<html><head><title>Kettle</title></head><body><h1>Kettle</h1><p>Price: $49.90</p></body></html>"
TITLE = [{"field": "title", "type": "string", "example": "A title"}]


def selector(css, kind="string", example="x"):
    return [{"field": "v", "type": kind, "example": example, "selector": css}]


def many_fields():
    return [{"field": f"k{i}", "type": "string", "example": "x"} for i in range(200)]


# name -> (page, content type, schema, robots.txt or None). Each page is generated once, before the clock starts.
FAMILIES = {
    "has-is-siblings": (lambda: b"<i></i>" * 20_000, "text/html", selector("i:has(~ i:is(b ~ i))::attr(x)"), None),
    "later-siblings": (lambda: b"<i></i>" * 100_000, "text/html", selector("b ~ i"), None),
    "long-chains": (lambda: b"<i a=b></i>" * 100_000, "text/html", selector(" ~ ".join(["i[a]"] * 10)), None),
    "descendants": (lambda: b"<div>" * 400 + b"<b>x</b>" * 50_000, "text/html", selector("div div div div div p b"), None),
    "nested-texts": (lambda: b"<div>" * 480 + b"word " * 1_800_000, "text/html", selector("div", "array<string>", ["x"]), None),
    "attribute-bytes": (lambda: b"<p class='" + b"ab " * 300_000 + b"'>x</p>" * 9, "text/html", selector("[class*=aba]"), None),
    "json-nesting": (lambda: b"[" * 10_000_000, "application/json", TITLE, None),
    "json-empty-lists": (lambda: b"[" + b"[]," * 3_300_000 + b"[]]", "application/json", TITLE, None),
    "json-keys": (lambda: json.dumps({f"key{i}": i for i in range(500_000)}).encode(), "application/json", many_fields(), None),
    "deep-html": (lambda: b"<div>" * 200_000 + b"x", "text/html", TITLE, None),
    "formatting": (lambda: b"<div>" + b"".join(b"<b a=%d>" % i for i in range(300)) + b"</div>" + b"<p>x</p>" * 2_000, "text/html", TITLE, None),
    "state-script": (lambda: b"<script type='application/ld+json'>" + b"[" * 3_000_000 + b"</script><h1>x</h1>", "text/html", many_fields(), None),
    "gzip": (None, "text/html", TITLE, None),
    "robots-links": (lambda: b"".join(b"<a href='/f/robots-links/%s%d'>x</a>" % (b"a" * 200, i) for i in range(5_000)), "text/html", TITLE,
                     b"User-agent: *\n" + b"".join(b"Disallow: /*a*a*a*%d*$\n" % i for i in range(22_000))),
}


def page(name):
    make = FAMILIES[name][0]
    return gzip.compress(make(), 1) if make else gzip.compress(b"<p>" * 3_000_000, 9)


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version, wbufsize = "HTTP/1.1", 1 << 16  # sends head and body together
    robots, pages = None, {}

    def log_message(self, *_):
        pass

    def do_GET(self):
        coding, body, kind = None, HONEST, "text/html"
        found = re.match(r"/f/([a-z-]+)/", self.path)
        if self.path == "/robots.txt":
            body, kind = Site.robots or b"", "text/plain"
        elif found:
            body, kind, coding = Site.pages[found[1]], FAMILIES[found[1]][1], "gzip"
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if coding:
            self.send_header("Content-Encoding", coding)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 500


def serve(name, nice, port):
    """Serves a site: the pages of a family, or the honest page if there is no name."""
    os.nice(nice)
    if name:
        Site.pages, Site.robots = {name: page(name)}, FAMILIES[name][3]
    site = Server(("127.0.0.1", 0), Site)
    port.send(site.server_address[1])
    site.serve_forever()


def start(target, *args):
    """Starts a process. Returns it and the connection on which it sends its result."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=target, args=(*args, theirs), daemon=True)
    process.start()
    return process, ours


def call(base, key, path, body, timeout=120):
    request = urllib.request.Request(base + path, json.dumps(body).encode(), {"X-API-Key": key, "Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def status(pid, name):
    for line in open(f"/proc/{pid}/status"):
        if line.startswith(name):
            return int(line.split()[1]) / 1024


def children(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        try:
            yield from open(f"/proc/{pid}/task/{task}/children").read().split()
        except OSError:
            pass


def watch(pid, peak):
    """Records in peak[0] the largest memory in MB of the server and its children together; samples every 20 ms."""
    while True:
        try:
            peak[0] = max(peak[0], status(pid, "VmRSS") + sum(status(child, "VmRSS") or 0 for child in children(pid)))
        except (OSError, TypeError):
            pass
        time.sleep(0.02)


def cpu(pid):
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(x) for x in fields[11:15]) / os.sysconf("SC_CLK_TCK")


def idle_at(pid, timeout=30):
    """Returns when the server began to use less than a tenth of a processor for half a second."""
    end, quiet_since, before = time.time() + timeout, time.time(), cpu(pid)
    while time.time() < end and time.time() - quiet_since < 0.5:
        time.sleep(0.1)
        now = cpu(pid)
        if now - before > 0.01:
            quiet_since = time.time()
        before = now
    return quiet_since


def percentile(values, p):
    return sorted(values)[min(len(values) - 1, int(len(values) * p / 100))] if values else float("nan")


def honest(base, key, site, until):
    took, failed = [], 0
    while time.time() < until():
        start = time.time()
        code, body = call(base, key, "/v1/extract", {"url": f"{site}/honest", "schema": TITLE, "options": {"no_cache": True}})
        took.append((time.time() - start) * 1000)
        failed += code != 200 or body.get("status") != "success"
        time.sleep(0.02)
    return took, failed


def outcome(code, body):
    if code != 200:
        return [f"{code} {body.get('error', {}).get('code')}"]
    results = body.get("results", [body])
    return [r["error"]["code"] if r["status"] == "error" else "success" for r in results]


def attack(base, key, site, name, seconds, seen, longest):
    schema, robots = FAMILIES[name][2:]
    until = time.time() + seconds
    while time.time() < until:
        urls = [f"{site}/f/{name}/{i}" for i in range(32)]
        if robots:
            body = {"seed_url": urls[0], "schema": schema, "crawl": {"follow_pattern": "*", "max_pages": 2, "use_sitemap": False}}
            path = "/v1/crawl"
        else:
            body, path = {"urls": urls, "schema": schema, "options": {"timeout_ms": 2000, "concurrency": 32}}, "/v1/batch"
        start = time.time()
        try:
            code, answer = call(base, key, path, body)
            longest[0] = max(longest[0], time.time() - start)
        except OSError as error:
            seen[f"broken off: {type(error).__name__}"] += 1
            continue
        seen.update(outcome(code, answer))
        time.sleep(0.1 if code != 200 else 0)


def attackers(base, keys, site, name, seconds, nice, out):
    os.nice(nice)
    seen, longest = collections.Counter(), [0]
    threads = [threading.Thread(target=attack, args=(base, key, site, name, seconds, seen, longest)) for key in keys]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(130)
    out.send((dict(seen), longest[0]))


def account(args, data, plan):
    out = subprocess.check_output([args.admin, "--data-dir", data, "account", "create", "--plan", plan, "--json"])
    return json.loads(out)["key"]


def run(args, name, data):
    env = {"PATH": os.environ["PATH"], "PORT": "0", "DATA_DIR": data, "FETCH_ALLOW": "127.0.0.0/8", "HOST_DELAY_MS": "0", "RUST_LOG": "error",
           "RUNO_DEV_RATE": "100000"}
    started = [start(serve, None, 0), start(serve, name, args.nice)]
    site, hostile = (f"http://127.0.0.1:{connection.recv()}" for _, connection in started)
    server = subprocess.Popen([args.server], env=env, stdout=subprocess.PIPE, text=True)
    try:
        for line in server.stdout:
            if line.startswith("listening on "):
                base = line.split()[2]
                break
            if line.startswith("API key"):
                key = line.split(": ")[1].strip()
        keys = [account(args, data, "scale") for _ in range(2)]
        call(base, key, "/v1/extract", {"url": f"{site}/honest", "schema": TITLE})
        peak = [0]
        threading.Thread(target=watch, args=(server.pid, peak), daemon=True).start()
        quiet, _ = honest(base, key, site, lambda end=time.time() + args.seconds / 2: end)
        started.append(start(attackers, base, keys, hostile, name, args.seconds, args.nice))
        end = time.time() + args.seconds
        took, failed = honest(base, key, site, lambda: end)
        seen, longest = started[-1][1].recv()
        attack_end = time.time()
        idle = idle_at(server.pid) - attack_end
        print(f"{name:18} quiet p50 {percentile(quiet, 50):6.1f} p99 {percentile(quiet, 99):6.1f} ms | beside: n {len(took):4} failed {failed} "
              f"p50 {percentile(took, 50):6.1f} p99 {percentile(took, 99):7.1f} most {max(took):7.0f} ms | "
              f"{max(peak[0], status(server.pid, 'VmHWM')):6.0f} MB at most, {status(server.pid, 'VmRSS'):4.0f} after | "
              f"longest call {longest:4.1f} s, idle {idle:4.1f} s after | {seen}", flush=True)
    except (ValueError, EOFError):
        print(f"{name}: the server died", flush=True)
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait()
        for process, _ in started:
            process.kill()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--server", required=True)
    parser.add_argument("--admin", required=True)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--nice", type=int, default=10, help="by how many nice levels the attackers' priority is lowered")
    parser.add_argument("--only", action="append", help="run only this family; may be repeated")
    args = parser.parse_args()
    for name in FAMILIES:
        if not args.only or name in args.only:
            with tempfile.TemporaryDirectory() as data:
                run(args, name, data)


main()
