"""Running commands for test.sh: nothing that they start outlives them."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPTS = os.path.join(ROOT, "scripts")
sys.path.insert(0, SCRIPTS)

import processes  # noqa: E402

# A program that starts another in a session of its own, says so, and waits for more than the test would.
STARTER = "setsid sleep 1000 & echo $! > {ready}.new; mv {ready}.new {ready}; sleep 1000"


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.01)
    return found


def alive(pid):
    """Runs, and is no zombie that nobody has waited for."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


class Processes(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.ready = os.path.join(folder.name, "pid")
        self.log = os.path.join(folder.name, "logs", "log")

    def started_pid(self):
        with open(self.ready, encoding="utf-8") as file:
            return int(file.read())

    def test_output_and_status(self):
        ended = processes.run(["sh", "-c", "echo out; echo err >&2; echo $GIVEN; exit 3"], self.log, {"GIVEN": "x"})
        self.assertEqual((ended.status, ended.output), (3, "out\nerr\nx\n"))
        with open(self.log, encoding="utf-8") as file:
            self.assertEqual(file.read(), ended.output)
        self.assertEqual(processes.run(["echo", "without a log"]).output, "without a log\n")

    def test_what_cannot_be_started_is_told(self):
        self.assertIn("No such file", processes.run(["/nowhere/at/all"]).status)

    def test_a_timeout_ends_everything(self):
        ended = processes.run(["sh", "-c", STARTER.format(ready=self.ready)], timeout_seconds=2)
        self.assertEqual(ended.status, "timeout")
        if os.path.exists(self.ready):
            self.assertFalse(alive(self.started_pid()))

    def test_what_is_left_running_is_named_and_ended(self):
        grace, processes.GRACE_SECONDS = processes.GRACE_SECONDS, 0.2
        self.addCleanup(setattr, processes, "GRACE_SECONDS", grace)
        ended = processes.run(["sh", "-c", f"setsid sleep 1000 & echo $! > {self.ready}"])
        self.assertIn("sleep 1000", ended.status)
        self.assertFalse(alive(self.started_pid()))

    def test_ctrl_c_ends_everything(self):
        starter = STARTER.format(ready=self.ready)
        for number in (signal.SIGINT, signal.SIGTERM):
            program = f"""
import sys
sys.path.insert(0, {SCRIPTS!r})
import processes, run_tests
def suites(*_):
    yield from processes.side_by_side([lambda: processes.run(["sh", "-c", {starter!r}])], 2)
run_tests.run_suites = suites
sys.exit(run_tests.main([]))
"""
            runner = subprocess.Popen([sys.executable, "-B", "-c", program], stdout=subprocess.PIPE, text=True)
            try:
                self.assertTrue(wait_for(lambda: os.path.exists(self.ready)))
                runner.send_signal(number)
                output, _ = runner.communicate(timeout=60)
            finally:
                runner.kill()
            self.assertEqual((runner.returncode, output), (1, "interrupted\n0 passed, 1 failed\n"))
            self.assertFalse(alive(self.started_pid()))
            os.remove(self.ready)


if __name__ == "__main__":
    unittest.main()
