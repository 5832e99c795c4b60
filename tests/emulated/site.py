"""The site that the emulated deployment fetches, and a receiver of webhooks: site.py PORT

/page/N has the title "Page N" and links to the next two, up to 9; /slow/N is the same after a second.
/gate/N is the same after five seconds; a call of /open lets it answer at once, until a call of /close. POST /hook keeps the
request, and /hooks lists all kept requests with their headers."""
import http.server
import json
import re
import sys
import threading
import time

LAST = 9
received = []
gate = threading.Event()


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, kind, body):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/hooks":
            return self.answer(200, "application/json", json.dumps(received).encode())
        if self.path in ("/open", "/close"):
            gate.set() if self.path == "/open" else gate.clear()
            return self.answer(200, "text/plain", b"")
        found = re.match(r"/(page|slow|gate)/(\d+)", self.path)
        if not found:
            return self.answer(404, "text/plain", b"no such page")
        if found[1] == "slow":
            time.sleep(1)
        elif found[1] == "gate":
            gate.wait(5)
        number = int(found[2])
        links = "".join(f'<a href="/page/{n}">{n}</a>' for n in (number + 1, number + 2) if n <= LAST)
        self.answer(200, "text/html", f"<html><head><title>Page {number}</title></head><body>{links}</body></html>".encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        received.append({"headers": {name.lower(): value for name, value in self.headers.items()}, "body": body})
        self.answer(204, "text/plain", b"")

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Site).serve_forever()
