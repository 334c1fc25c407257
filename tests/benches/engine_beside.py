"""The same two configurations with hier_config: parse both, remediation.

Takes the files of running and intended; prints one JSON object with the median time in
milliseconds (without Python's start and imports) and how many commands came out.
"""
import json
import statistics
import sys
import time

from hier_config import Platform, WorkflowRemediation, get_hconfig

RUNS = 3


def commands(running, intended):
    remedy = WorkflowRemediation(
        get_hconfig(Platform.CISCO_IOS, running),
        get_hconfig(Platform.CISCO_IOS, intended),
    )
    return sum(1 for _ in remedy.remediation_config.all_children())


texts = [open(path).read() for path in sys.argv[1:3]]
times = []
for _ in range(RUNS + 1):
    started = time.perf_counter()
    count = commands(*texts)
    times.append((time.perf_counter() - started) * 1e3)
print(json.dumps({"ms": statistics.median(times[1:]), "commands": count}))
