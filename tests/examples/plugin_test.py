"""examples/plugin/ built out of the tree against the installed header, as its README says, and loaded by semrouted."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SEMROUTE_BUILD")

CONFIG = """listen: 127.0.0.1:0
admin: off
index: {dimension: 2}
decision: {aggregation: max, score_threshold: 0.5}
targets:
  - {name: finder, kind: dynamic, file: keyword_plugin.so, config: %s}
routes:
  - {name: there, target: finder, references: {vectors: [[1, 0]]}}
"""


def run(*command, check=True):
    ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if check and ended.returncode != 0:
        raise AssertionError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stdout}")
    return ended


class Daemon:
    def __init__(self, folder, config):
        path = os.path.join(folder, "semrouted.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(config)
        self.log_path = path + ".log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([os.path.join(BUILD, "semrouted"), "--config", path],
                                            stdout=log, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 60
        while not (found := re.search(r"listening on 127\.0\.0\.1:(\d+)", self.log())):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                self.process.wait()
                raise AssertionError("the daemon does not listen:\n" + self.log())
            time.sleep(0.01)
        self.port = int(found.group(1))

    def log(self):
        with open(self.log_path, encoding="utf-8") as file:
            return file.read()

    def ask(self, request):
        with socket.create_connection(("127.0.0.1", self.port), 60) as connection:
            connection.sendall(json.dumps(request).encode() + b"\n")
            return json.loads(connection.makefile("rb").readline())

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@unittest.skipUnless(BUILD, "SEMROUTE_BUILD does not say where semrouted is built")
class PluginTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp()  # its owner's alone
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        prefix, built = os.path.join(cls.folder, "prefix"), os.path.join(cls.folder, "built")
        run("cmake", "--install", BUILD, "--prefix", prefix, "--component", "plugin_abi")
        run("cmake", "-S", "examples/plugin", "-B", built, f"-DCMAKE_PREFIX_PATH={prefix}")
        run("cmake", "--build", built)
        cls.plugin = os.path.join(cls.folder, "keyword_plugin.so")
        shutil.copy(os.path.join(built, "keyword_plugin.so"), cls.plugin)
        os.chmod(cls.plugin, 0o644)

    def test_it_answers_through_the_daemon(self):
        daemon = Daemon(self.folder, CONFIG % "invoice")
        try:
            reply = daemon.ask({"id": 1, "embedding": [1, 0], "payload": "an invoice, and another invoice"})
            self.assertTrue(reply["ok"], reply)
            self.assertEqual(reply["reply"]["body"], {"keyword": "invoice", "count": 2, "first_at": 4})
            reply = daemon.ask({"id": 2, "embedding": [1, 0], "payload": "nothing"})
            self.assertEqual(reply["error"]["code"], "upstream_error")
            self.assertIn("the keyword is not in the payload", reply["error"]["message"])
        finally:
            code = daemon.end()
        self.assertEqual(code, 0, daemon.log())

    def test_a_configuration_that_it_refuses_is_refused_at_its_place(self):
        path = os.path.join(self.folder, "refused.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(CONFIG % "7")
        checked = run(os.path.join(BUILD, "semroute"), "check", path, check=False)
        self.assertEqual(checked.returncode, 78)
        self.assertRegex(checked.stdout, r"refused\.yaml:6:\d+: targets\[0\]\.config: refused by the plugin keyword: ")

    def test_it_is_c_and_cxx(self):
        header = os.path.join(self.folder, "prefix", "include", "semroute", "semroute_plugin.h")
        for compiler, language, standard in (("gcc", "c", "c99"), ("gcc", "c", "c17"), ("g++", "c++", "c++11"),
                                             ("g++", "c++", "c++20")):
            run(compiler, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror",
                "-fsyntax-only", "-include", header, "/dev/null")


if __name__ == "__main__":
    unittest.main()
