"""Many processes that end one after the other: what they counted stays counted, and their files do not pile up."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from primepos.adapters.telemetry.processes import DIRECTORY, MOST_ENDED, forget_process, shared_between_processes
from tests.api.test_serve import ROOT
from tests.observability.pages import value

COUNT = """
from primepos.adapters.telemetry.metrics import Metrics
import sys
metrics = Metrics()
for number in range(int(sys.argv[1])):
    metrics.request_began()
    metrics.request_ended("GET", "/api/v1", 200, 0.02)
metrics.request_began()
if sys.argv[2] == "page":
    sys.stdout.write(metrics.render("")[0].decode())
"""


def counts(number: int, what: str = "") -> tuple[int, str]:
    """Let a process of its own count so many requests and leave one unanswered; return its id and what it said."""
    process = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(number), what], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    out, _ = process.communicate()
    assert process.returncode == 0
    return process.pid, out


def test_what_ended_processes_counted_is_drawn_together():
    with shared_between_processes():
        place = Path(os.environ[DIRECTORY])
        first, _ = counts(3)
        second, _ = counts(4)
        # The files of these two stand for those of many more that have ended.
        for pid in range(100_000_000, 100_000_000 + MOST_ENDED - 2):
            forget_process(pid)
        forget_process(first)
        assert (place / f"counter_{first}.db").exists()
        forget_process(second)
        left = sorted(file.name for file in place.iterdir())
        assert left == ["counter_ended.db", "histogram_ended.db"]
        _, page = counts(5, "page")
        assert value(page, "primepos_http_requests_total", "GET", "/api/v1", "200") == 12
        assert value(page, "primepos_http_request_duration_seconds_count", "GET", "/api/v1") == 12
        assert value(page, "primepos_http_request_duration_seconds_bucket", "0.025", "GET", "/api/v1") == 12
        assert value(page, "primepos_http_request_duration_seconds_bucket", "0.01", "GET", "/api/v1") == 0
        assert value(page, "primepos_http_requests_in_flight") == 1
    assert not place.exists()
    assert DIRECTORY not in os.environ


def test_a_single_process_writes_no_files():
    before = os.environ.get(DIRECTORY)
    forget_process(1)
    forget_process(None)
    assert os.environ.get(DIRECTORY) == before
