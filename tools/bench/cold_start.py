"""Measures how functions start: cold_start.py WORK LOCAL FOLDER RUNS FUNCTION...

The emulator in WORK starts a function at its first event, as Lambda does. Prints a table with a row for each function: the
size of the binary, unpacked and zipped; the time from the first event to the end of its answer, which includes the start of
the process; the time of the next event, for which the process runs already; the memory after the first event. LOCAL is the
local server's binary: it serves the tables, the queues and the page."""
import io
import os
import statistics
import sys
import time
import zipfile

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tests", "rie"))
from functions import NO_JOB, Function, Local, event

work, server, folder, runs, *functions = sys.argv[1:]
# One typical event for each function. Nothing is kept between runs.
EVENTS = {"extract": "extract.post", "batch": "batch.post", "crawl": "crawl.post", "jobs": "jobs.usage", "mcp": "mcp.call",
          "worker": "worker.units", "settle": "settle.sweep", "notify": "notify.notify"}
WITHOUT_CACHE = {"CACHE_TTL_SECONDS": "0", "HOST_DELAY_MS": "0", "RUST_LOG": "error"}


def zipped(path):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        out.write(path, "bootstrap")
    return len(archive.getvalue())


def memory(binary):
    """Resident memory, in MiB, of the process that runs the binary: now and at its peak."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == os.path.realpath(binary):
                lines = dict(line.split(":", 1) for line in open(f"/proc/{pid}/status"))
                return [int(lines[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]
        except OSError:
            pass
    raise AssertionError(f"{binary} is not running")


def response_ms(function, payload):
    begun = time.perf_counter()
    function.invoke(payload)
    return (time.perf_counter() - begun) * 1000


print("| | Binary | zipped | First answer, median (least) | Next answer | Memory (most) |\n|---|---|---|---|---|---|")
with Local(server, os.path.join(work, "data"), FETCH_ALLOW="127.0.0.0/8", RUNO_DEV_RATE="100000") as local:
    for name in functions:
        binary, payload = os.path.join(folder, name), event(EVENTS[name], local.origin, NO_JOB)
        first, following, resident = [], [], []
        for _ in range(int(runs)):
            environment = local.environment(name) | WITHOUT_CACHE
            with Function(os.path.join(work, "emulator"), [binary], environment, os.path.join(work, "log")) as function:
                first.append(response_ms(function, payload))
                resident.append(memory(binary))
                following.append(response_ms(function, payload))
        size = os.path.getsize(binary)
        print(f"| {name} | {size / 2**20:.2f} MB | {zipped(binary) / 2**20:.2f} MB | {statistics.median(first):.0f} ms ({min(first):.0f}) "
              f"| {statistics.median(following):.0f} ms | {statistics.median(r for r, _ in resident):.1f} MB ({max(m for _, m in resident):.1f}) |", flush=True)
