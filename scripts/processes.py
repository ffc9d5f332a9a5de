"""Runs commands and sees to it that nothing they started outlives them: not a normal end, not a timeout, not Ctrl-C.

Everything that a command starts inherits a mark in its environment, by which it is found wherever it went: into
another process group, a session of its own, or to init when its parent died. Threads: run() may be called by several.
"""

import concurrent.futures
import dataclasses
import itertools
import os
import signal
import subprocess
import threading
import time

PATIENCE_SECONDS = 3600  # what has not ended by then hangs, however slow the machine is
GRACE_SECONDS = 10  # from SIGTERM to SIGKILL, and for what a test ended just before its own end

MARKS = f"SEMROUTE_RUN_{os.getpid()}_"  # and a number
_numbers = itertools.count()
_lock = threading.Lock()
_running = {}  # mark -> Popen
_stopping = False


@dataclasses.dataclass
class Ended:
    status: object  # the exit status, or words: "timeout", "stopped", what was left running, why it did not start
    output: str
    seconds: float


def run(command, log=None, environment=None, timeout_seconds=PATIENCE_SECONDS):
    """Runs a command to its end, with stdout and stderr in `log` or, without one, only in the result."""
    started = time.monotonic()
    mark = f"{MARKS}{next(_numbers)}="
    if log:
        os.makedirs(os.path.dirname(log), exist_ok=True)
    with open(log, "w+b") if log else os.fdopen(os.memfd_create("output"), "w+b") as file:
        with _lock:
            if _stopping:
                return Ended("stopped", "", 0.0)
            try:
                process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
                                           env={**os.environ, **(environment or {}), mark[:-1]: ""},
                                           start_new_session=True)
            except OSError as error:
                return Ended(f"none: {error}", "", 0.0)
            _running[mark] = process
        try:
            status = process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            _end(process, mark)
            status = "timeout"
        except BaseException:
            _end(process, mark)
            raise
        finally:
            with _lock:
                del _running[mark]
        left = _left_running(mark)
        if _stopping:
            status = "stopped"
        elif left and status != "timeout":
            status = f"{status}, and left running: {'; '.join(left)}"
        file.seek(0)
        output = file.read().decode(errors="replace")
    return Ended(status, output, time.monotonic() - started)


def stop_all():
    """Ends everything that runs; run() starts nothing after it. Returns when nothing is left."""
    global _stopping
    with _lock:
        _stopping = True
        running = dict(_running)
    for process in running.values():
        _signal_group(process, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for process in running.values():
        try:
            process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            _signal_group(process, signal.SIGKILL)
    _kill_marked(MARKS)


def side_by_side(calls, workers):
    """Yields the results of the calls as they end, so many at a time. Left early, it stops what runs."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        try:
            for done in concurrent.futures.as_completed([pool.submit(call) for call in calls]):
                yield done.result()
        except BaseException:
            stop_all()
            raise


def _end(process, mark):
    _signal_group(process, signal.SIGTERM)
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal_group(process, signal.SIGKILL)
        process.wait()
    _kill_marked(mark)


def _signal_group(process, number):
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        pass


def _environment_of(name):
    """That of a process which is just becoming another program reads as empty for a moment."""
    for _ in range(20):
        with open(f"/proc/{name}/environ", "rb") as file:
            environment = file.read()
        if environment:
            break
        os.readlink(f"/proc/{name}/exe")  # no such file for a zombie or a thread of the kernel
        time.sleep(0.001)
    return environment


def _marked(mark):
    """{process id: command line} of what carries the mark; a zombie's environment is empty, so it is not among them."""
    wanted = b"\0" + mark.encode()
    found = {}
    for name in os.listdir("/proc"):
        if not name.isdecimal():
            continue
        try:
            if wanted not in b"\0" + _environment_of(name):
                continue
            with open(f"/proc/{name}/cmdline", "rb") as file:
                found[int(name)] = file.read().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue  # another user's, or gone
    return found


def _kill_marked(mark):
    while found := _marked(mark):
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.01)


def _left_running(mark):
    """What the command left behind and what did not end within the grace either, ended now: "id command line" each."""
    deadline = time.monotonic() + GRACE_SECONDS
    while (found := _marked(mark)) and time.monotonic() < deadline and not _stopping:
        time.sleep(0.05)
    if found:
        _kill_marked(mark)
    return [f"{pid} {command}" for pid, command in found.items()]
