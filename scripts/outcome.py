"""Outcome: what came of one suite, counted case by case."""

import dataclasses
import re

import processes

PROGRESS = re.compile(r"^\[\d+/\d+\] (Building|Linking|Re-checking|Generating)")  # Ninja's


@dataclasses.dataclass
class Outcome:
    name: str
    passed: int = 0
    failures: list = dataclasses.field(default_factory=list)  # (case, its output)
    skipped: list = dataclasses.field(default_factory=list)  # (case, reason)
    seconds: float = 0.0
    log: str = ""

    def report(self):
        """One line; after it each reason to skip with its cases, and the failed cases with their output."""
        counts = f"{self.passed} passed"
        if self.failures:
            counts += f", {len(self.failures)} FAILED"
        if self.skipped:
            counts += f", {len(self.skipped)} skipped"
        print(f"  {self.name:<20} {counts:<36} {self.seconds:7.1f} s")
        for reason in dict.fromkeys(reason for _, reason in self.skipped):
            cases = [case for case, for_reason in self.skipped if for_reason == reason]
            print(f"    skipped: {reason}")
            for case in cases:
                print(f"      {case}")
        for case, output in self.failures:
            print(f"    FAILED {case}")
            for line in output.rstrip().splitlines():
                print(f"      | {line}")
        if self.failures and self.log:
            print(f"    all of the output: {self.log}")


def tail(output, lines=60):
    """The end of a command's output; of a build that failed, the lines that are not its progress."""
    return "\n".join([line for line in output.splitlines() if not PROGRESS.match(line)][-lines:])


def run_one_check(name, command, log, environment=None, timeout_seconds=processes.PATIENCE_SECONDS):
    """A command that is one check: passed when it exits with 0."""
    ended = processes.run(command, log, environment, timeout_seconds)
    outcome = Outcome(name, seconds=ended.seconds, log=log)
    if ended.status == 0:
        outcome.passed = 1
    else:
        outcome.failures.append((name, f"{tail(ended.output)}\nexit status {ended.status}"))
    return outcome
