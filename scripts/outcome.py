"""Outcome: what came of one suite, counted case by case."""

import dataclasses
import os
import signal
import subprocess
import time


@dataclasses.dataclass
class Outcome:
    name: str
    passed: int = 0
    failures: list = dataclasses.field(default_factory=list)  # (case, its output)
    skipped: list = dataclasses.field(default_factory=list)  # (case, reason)
    seconds: float = 0.0

    def report(self):
        """One line; after it the skipped cases with their reasons and the failed ones with their output."""
        counts = f"{self.passed} passed"
        if self.failures:
            counts += f", {len(self.failures)} FAILED"
        if self.skipped:
            counts += f", {len(self.skipped)} skipped"
        print(f"  {self.name:<20} {counts:<36} {self.seconds:7.1f} s")
        for case, reason in self.skipped:
            print(f"    skipped {case}: {reason}")
        for case, output in self.failures:
            print(f"    FAILED {case}")
            for line in output.rstrip().splitlines():
                print(f"      | {line}")


def run(command, log, environment=None, timeout_seconds=900):
    """Runs a command with its output in `log`; returns (exit status, output, seconds). A command over its
    time is ended with everything that it started, and its status is "timeout"."""
    os.makedirs(os.path.dirname(log), exist_ok=True)
    started = time.monotonic()
    with open(log, "w+b") as file:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                   env={**os.environ, **(environment or {})}, start_new_session=True)
        try:
            status = process.wait(timeout_seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            status = "timeout"
        file.seek(0)
        output = file.read().decode(errors="replace")
    return status, output, time.monotonic() - started


def run_one_check(name, command, log, environment=None, timeout_seconds=900):
    """A command that is one check: passed when it exits with 0."""
    status, output, seconds = run(command, log, environment, timeout_seconds)
    outcome = Outcome(name, seconds=seconds)
    if status == 0:
        outcome.passed = 1
    else:
        tail = "\n".join(output.splitlines()[-60:])
        outcome.failures.append((name, f"{tail}\nexit status {status}; all of it: {log}"))
    return outcome
