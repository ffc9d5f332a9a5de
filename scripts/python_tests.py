"""Runs the *_test.py files of a folder and writes what came of each test as JSON: python_tests.py FOLDER RESULT."""

import json
import sys
import unittest


class Recorder(unittest.TextTestResult):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.cases = []

    def record(self, test, result, detail=""):
        self.cases.append({"case": test.id(), "result": result, "detail": detail})

    def addSuccess(self, test):
        super().addSuccess(test)
        self.record(test, "passed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.record(test, "skipped", reason)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.record(test, "failed", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.record(test, "failed", self.errors[-1][1])

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.record(subtest, "failed", self._exc_info_to_string(err, subtest))


def main():
    folder, result_file = sys.argv[1:]
    tests = unittest.defaultTestLoader.discover(folder, pattern="*_test.py")
    result = unittest.TextTestRunner(resultclass=Recorder, verbosity=2).run(tests)
    with open(result_file, "w", encoding="utf-8") as file:
        json.dump(result.cases, file)
    return 0 if result.wasSuccessful() else 1


if __name__ == "__main__":
    sys.exit(main())
