#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A table of `openssl speed` figures: software, wd synchronous, wd asynchronous.

For each run: operations per second, and the CPU time the application itself
spent on each - the threads of the device model are counted apart, because on
a real machine they would be the accelerator.

usage: speed_table.py [--seconds N] [--bytes N] [--json] [ALGORITHM...]
ALGORITHM: what `openssl speed` takes: rsa2048, sm3, sm4-cbc, aes-256-gcm
Environment: OPENSSL_MODULES, WD_DEVICE as for the provider.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import threading
import time

MODEL_THREAD = "wd-emu"  # names of the model's engine threads begin so
ASYNC_JOBS = 64
PUBLIC_KEY = re.compile(r"^(rsa|dsa|ecdsa|ecdh|ffdh|sm2)")
RESULT = re.compile(r"^\+R(\d*):(\d+):([^:]+):([\d.]+)")


class CpuOf:
    """CPU seconds of one process by thread, followed while it runs."""

    def __init__(self, pid):
        self.pid, self.seen, self.done = pid, {}, False
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self.follow, daemon=True)
        self.thread.start()

    def look(self):
        with self.lock:
            try:
                for tid in os.listdir(f"/proc/{self.pid}/task"):
                    task = f"/proc/{self.pid}/task/{tid}"
                    with open(f"{task}/comm") as f:
                        name = f.read().strip()
                    with open(f"{task}/schedstat") as f:
                        used = int(f.read().split()[0]) / 1e9
                    self.seen[tid] = name, used
            except (OSError, ValueError):
                pass
            host = sum(u for n, u in self.seen.values()
                       if not n.startswith(MODEL_THREAD))
            model = sum(u for n, u in self.seen.values()
                        if n.startswith(MODEL_THREAD))
        return host, model

    def follow(self):
        while not self.done:
            self.look()
            time.sleep(0.02)


def speed(algorithm, providers, jobs, seconds, size):
    """One `openssl speed`: a list of (label, ops/s, host us/op, model us/op)."""
    command = ["openssl", "speed", "-mr", "-elapsed", "-seconds", str(seconds)]
    for provider in providers:
        command += ["-provider", provider]
    if jobs:
        command += ["-async_jobs", str(jobs)]
    if PUBLIC_KEY.match(algorithm):
        command += [algorithm]
    else:
        command += ["-bytes", str(size), "-evp", algorithm]
    run = subprocess.Popen(command, stdin=subprocess.DEVNULL, text=True,
                           stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    cpu, rows, before, said = CpuOf(run.pid), [], (0.0, 0.0), []
    for line in run.stderr:
        said.append(line)
        if line.startswith(("+DTP", "+DT:")):
            before = cpu.look()
        found = RESULT.match(line)
        if not found:
            continue
        after = cpu.look()
        which, count, _, took = found.groups()
        count, took = int(count), float(took)
        label = {"1": "sign", "2": "verify"}.get(which, f"{size} bytes")
        if count and took:
            rows.append((label, count / took,
                         (after[0] - before[0]) / count * 1e6,
                         (after[1] - before[1]) / count * 1e6))
    cpu.done = True
    if run.wait() or not rows:
        sys.exit(f"{' '.join(command)} failed:\n{''.join(said[-5:])}")
    return rows


WAYS = (("software", ["default"], 0),
        ("wd", ["wd", "default"], 0),
        (f"wd async {ASYNC_JOBS}", ["wd", "default"], ASYNC_JOBS))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--bytes", type=int, default=16384)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("algorithms", nargs="*", default=[
        "rsa2048", "sm3", "sm4-cbc", "aes-256-gcm"])
    args = parser.parse_args()

    table = []
    if not args.json:
        print(f"{'':27}{'':14}{'ops/s':>10}{'app CPU/op':>13}{'model CPU/op':>14}")
    for algorithm in args.algorithms:
        for way, providers, jobs in WAYS:
            for label, rate, host, model in speed(
                    algorithm, providers, jobs, args.seconds, args.bytes):
                table.append(dict(algorithm=algorithm, what=label, way=way,
                                  ops_per_s=rate, app_us=host, model_us=model))
                if not args.json:
                    print(f"{algorithm + ' ' + label:27}{way:14}{rate:10.0f}"
                          f"{host:10.1f} us{model:11.1f} us", flush=True)
    if args.json:
        json.dump(table, sys.stdout, indent=1)
        print()


if __name__ == "__main__":
    main()
