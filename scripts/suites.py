"""Runs GoogleTest programs and Python unittest folders, and counts their cases."""

import json
import os
import re
import shutil
import sys

import processes
from outcome import Outcome, tail

GTEST_LINE = re.compile(r"^\[( RUN      |       OK |  FAILED  |  SKIPPED )\] ([^\s(,]+)")


def parse_gtest(output):
    """(passed names, failures, skipped, the case that never ended or None) of a GoogleTest program's output."""
    passed, failures, skipped = [], [], []
    running, lines = None, []
    for line in output.splitlines():
        found = GTEST_LINE.match(line)
        kind = found.group(1).strip() if found else ""
        if kind == "RUN":
            running, lines = found.group(2), []
        elif found and found.group(2) == running:
            text = "\n".join(lines)
            if kind == "OK":
                passed.append(running)
            elif kind == "FAILED":
                failures.append((running, text))
            else:
                reason = " ".join(part for part in text.splitlines() if part and not part.endswith(": Skipped"))
                skipped.append((running, reason or "no reason given"))
            running = None
        elif running:
            lines.append(line)
    return passed, failures, skipped, (running, "\n".join(lines)) if running else None


def run_gtest(name, program, log, environment=None, emulator=()):
    """Every case of one GoogleTest program. A crash, a hang or a bad exit after good cases is a failure too.
    A program of another architecture is run by `emulator`, a command with its options."""
    ended = processes.run([*emulator, program, "--gtest_color=no"], log, environment)
    passed, failures, skipped, unfinished = parse_gtest(ended.output)
    outcome = Outcome(name, len(passed), failures, skipped, ended.seconds, log)
    if unfinished:
        case, text = unfinished
        outcome.failures.append((case, f"{text}\nnot finished: exit status {ended.status}"))
    elif (ended.status != 0 and not failures) or not (passed or failures or skipped):
        outcome.failures.append((os.path.basename(program), f"{tail(ended.output)}\nexit status {ended.status}"))
    return outcome


def run_sanitized(name, program, log, options):
    """Every case of one GoogleTest program of a sanitizer build. `options` maps the names of the sanitizers'
    variables to their options. A report of any process that it started is a failure, whatever the cases say."""
    reports = log + ".reports"
    shutil.rmtree(reports, ignore_errors=True)
    os.makedirs(reports)
    to_files = f"log_path={os.path.abspath(reports)}/report:log_exe_name=1"
    environment = {variable: f"{value}:{to_files}" for variable, value in options.items()}
    outcome = run_gtest(name, program, log, environment)
    for report in sorted(os.listdir(reports)):
        with open(os.path.join(reports, report), encoding="utf-8", errors="replace") as file:
            outcome.failures.append((report, "\n".join(file.read().splitlines()[:80])))
    return outcome


def run_unittest(name, folder, log, environment=None):
    """Every test of the *_test.py files of a folder."""
    result_file = log + ".json"
    if os.path.exists(result_file):
        os.remove(result_file)
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python_tests.py")
    ended = processes.run([sys.executable, "-B", script, folder, result_file], log, environment)
    outcome = Outcome(name, seconds=ended.seconds, log=log)
    cases = []
    if os.path.exists(result_file):
        with open(result_file, encoding="utf-8") as file:
            cases = json.load(file)
    for case in cases:
        if case["result"] == "passed":
            outcome.passed += 1
        elif case["result"] == "skipped":
            outcome.skipped.append((case["case"], case["detail"]))
        else:
            outcome.failures.append((case["case"], case["detail"]))
    if not cases or (ended.status != 0 and not outcome.failures):
        outcome.failures.append((folder, f"{tail(ended.output)}\nexit status {ended.status}"))
    return outcome
