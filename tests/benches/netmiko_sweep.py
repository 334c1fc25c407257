"""The same sweep with Netmiko: log in, `show running-config`, log out, on threads.

Reads the devices as `netkeel sim` prints them, one JSON object per line, on standard input;
prints one JSON object with the wall time and the CPU time (both in seconds) of the sweep,
without Python's start and imports.
"""
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from netmiko import ConnectHandler

THREADS = 100


def fetch(device):
    connection = ConnectHandler(
        device_type="cisco_ios",
        host=device["address"],
        port=device["port"],
        username=device["username"],
        password=device["password"],
    )
    text = connection.send_command("show running-config", read_timeout=60)
    connection.disconnect()
    return len(text.splitlines())


devices = [json.loads(line) for line in sys.stdin]
before, started = os.times(), time.monotonic()
with ThreadPoolExecutor(THREADS) as pool:
    lines = list(pool.map(fetch, devices))
wall, after = time.monotonic() - started, os.times()
assert min(lines) > 400, "whole configurations were read"
cpu = after.user + after.system - before.user - before.system
print(json.dumps({"wall": wall, "cpu": cpu}))
