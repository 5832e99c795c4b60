"""Waits until each port on loopback accepts connections: wait_for.py PORT..."""
import socket
import sys
import time

until = time.monotonic() + 180
for port in map(int, sys.argv[1:]):
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            break
        except OSError:
            if time.monotonic() > until:
                sys.exit(f"nothing listens on port {port}")
            time.sleep(0.1)
