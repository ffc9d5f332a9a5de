"""The counting of test.sh: what it reads from a GoogleTest program, also from one that crashes."""

import os
import sys
import tempfile
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "scripts"))

import suites  # noqa: E402

OUTPUT = """\
[==========] Running 4 tests from 2 test suites.
[ RUN      ] Sums.Small
[       OK ] Sums.Small (0 ms)
[ RUN      ] Sums/Each.Holds/avx2
sums_test.cpp:7: Failure
expected 3, got 4
[  FAILED  ] Sums/Each.Holds/avx2, where GetParam() = 8 (1 ms)
[ RUN      ] Sums.Large
sums_test.cpp:9: Skipped
no data set here
[  SKIPPED ] Sums.Large (0 ms)
"""


class GoogleTestCounts(unittest.TestCase):
    def run_program(self, text, status, emulator=()):
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "sums_tests")
            with open(program, "w", encoding="utf-8") as file:
                file.write(f"#!/bin/sh\ncat <<'END'\n{text}END\nexit {status}\n")
            os.chmod(program, 0o755)
            return suites.run_gtest("sums", program, os.path.join(folder, "log"), emulator=emulator)

    def test_each_case_is_counted_once(self):
        outcome = self.run_program(OUTPUT + "[  FAILED  ] Sums/Each.Holds/avx2, where GetParam() = 8\n", 1)
        self.assertEqual(outcome.passed, 1)
        self.assertEqual([case for case, _ in outcome.failures], ["Sums/Each.Holds/avx2"])
        self.assertIn("expected 3, got 4", outcome.failures[0][1])
        self.assertEqual(outcome.skipped, [("Sums.Large", "no data set here")])

    def test_a_crash_is_a_failure_of_the_case_that_ran(self):
        outcome = self.run_program(OUTPUT + "[ RUN      ] Sums.Crashes\nboom\n", 139)
        self.assertEqual(outcome.failures[-1][0], "Sums.Crashes")
        self.assertIn("exit status 139", outcome.failures[-1][1])

    def test_a_bad_exit_after_good_cases_is_a_failure(self):
        outcome = self.run_program("[ RUN      ] A.B\n[       OK ] A.B (0 ms)\nleak found\n", 23)
        self.assertEqual((outcome.passed, len(outcome.failures)), (1, 1))
        self.assertIn("leak found", outcome.failures[0][1])

    def test_an_emulator_runs_the_program(self):
        outcome = self.run_program("[ RUN      ] A.B\n[       OK ] A.B (0 ms)\n", 0,
                                   ("sh", "-c", 'echo "[ RUN      ] Emulator.Ran"; echo "$0" "$1" >&2; exit 3'))
        self.assertEqual((outcome.passed, len(outcome.failures)), (0, 1))
        self.assertIn("sums_tests --gtest_color=no", outcome.failures[0][1])

    def test_a_program_without_cases_is_a_failure(self):
        self.assertEqual(len(self.run_program("", 0).failures), 1)


if __name__ == "__main__":
    unittest.main()
