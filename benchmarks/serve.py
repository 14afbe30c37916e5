"""``ocrpipe serve`` under load: several clients at once on loopback, for a bounded time.

    python benchmarks/serve.py page.png --clients 8 --seconds 60

Starts a server of its own, times single reads, then lets the clients read the page over and over. Tells
answers by status, latencies, and the server's resident memory along the way (on Linux).
"""

from __future__ import annotations

import argparse
import http.client
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from statistics import median


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("page", type=Path)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--queue", type=int, default=16)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    body = arguments.page.read_bytes()
    options = ["--port", "0", "--threads", str(arguments.threads), "--queue", str(arguments.queue)]
    command = [sys.executable, "-m", "ocrpipe", "serve", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as server:
        try:
            assert server.stderr
            found = re.match(r"http://127\.0\.0\.1:(\d+)/", server.stderr.readline())
            if not found:
                raise SystemExit(server.stderr.read())
            measure(int(found[1]), body, server.pid, arguments.clients, arguments.seconds)
        finally:
            server.terminate()


def measure(port: int, body: bytes, pid: int, clients: int, seconds: float) -> None:
    read(port, body)  # compiles kernels
    single = median(read(port, body)[1] for _ in range(5))
    print(f"a single read: {single:.2f} s", flush=True)
    end = time.perf_counter() + seconds
    statuses: Counter[int] = Counter()
    latencies: list[float] = []

    def work() -> None:
        while time.perf_counter() < end:
            status, took, wait = read(port, body)
            statuses[status] += 1
            if status == 200:
                latencies.append(took)
            time.sleep(min(wait, max(0.0, end - time.perf_counter())))

    threads = [threading.Thread(target=work) for _ in range(clients)]
    memory = [resident(pid)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(seconds / 6)
        memory.append(resident(pid))
    latencies.sort()
    print(f"answers: {dict(statuses)}, {statuses[200] / seconds:.2f} pages/s")
    at = {share: latencies[min(len(latencies) - 1, int(share * len(latencies)))] for share in (0.5, 0.95)}
    ratio = at[0.5] / single
    print(f"latency with {clients} clients: median {at[0.5]:.2f} s ({ratio:.1f} single reads)")
    print(f"latency of 95 %: up to {at[0.95]:.2f} s")
    print("resident MB:", *memory)


def read(port: int, body: bytes) -> tuple[int, float, float]:
    """Status of a read, its seconds, and the seconds to wait before the next."""
    start = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)
    connection.request("POST", "/v1/read?format=txt", body)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    wait = float(answer.headers.get("Retry-After") or 0)
    return answer.status, time.perf_counter() - start, wait


def resident(pid: int) -> int:
    """Resident memory in MB; 0 where that can't be told."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    found = re.search(r"VmRSS:\s+(\d+) kB", text)
    return int(found[1]) >> 10 if found else 0


if __name__ == "__main__":
    main()
