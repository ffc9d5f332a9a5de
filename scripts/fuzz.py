"""Runs the libFuzzer programs of tests/fuzz, a check each: their first inputs, then new ones for a bounded time."""

import os
import shutil

import processes
from outcome import run_one_check

CORPORA = "tests/fuzz/corpus"  # a folder of first inputs for each program
RUNS = 100_000
SECONDS = 10
# An input that takes this long, or this much memory, is a finding too.
LIMITS = ["-timeout=20", "-rss_limit_mb=2048", "-max_len=4096"]


def bounds():
    """A test repeats itself: the same inputs every time, unless more time is asked for."""
    seconds = os.environ.get("SEMROUTE_FUZZ_SECONDS")
    if seconds:
        return [f"-max_total_time={int(seconds)}"]
    return [f"-runs={RUNS}", f"-max_total_time={SECONDS}", "-seed=1"]


def run_fuzzers(folder, log_path, jobs):
    """Yields the outcome of each, so many at a time. What they find is kept below `folder`, where they also run."""
    def one(name):
        place = os.path.abspath(os.path.join(folder, "runs", name))
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(os.path.join(place, "new_inputs"))
        program = os.path.abspath(os.path.join(folder, "tests", "fuzz", f"fuzz_{name}"))
        first_inputs = os.path.abspath(os.path.join(CORPORA, name))
        command = ["env", "-C", place, program, *bounds(), *LIMITS, "new_inputs", first_inputs]
        return run_one_check(f"fuzz {name}", command, log_path(f"fuzz-{name}"), timeout_seconds=24 * 3600)

    names = sorted(os.listdir(CORPORA))
    yield from processes.side_by_side([lambda name=name: one(name) for name in names], jobs)
