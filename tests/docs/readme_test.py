"""Walks through the README's "Your first own route in five minutes", word by word, with the real programs.

The ```sh blocks run in order from the repository's root. Only the home folder, the ports and the build
folder are replaced, and the model's service by a stand-in; a block that starts semrouted keeps running
beside those after it.
"""

import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zlib

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("SEMROUTE_BUILD", os.path.join(ROOT, "build"))
OLLAMA = "127.0.0.1:11434"
sys.path.insert(0, os.path.join(ROOT, "scripts"))

from free_ports import free_ports  # noqa: E402


def shell_blocks(section):
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as file:
        text = re.search(rf"^## {section}\n(.*?)(?=^## )", file.read(), re.MULTILINE | re.DOTALL).group(1)
    return re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


class EmbeddingsStandIn:
    """An OpenAI-compatible endpoint: 384 numbers made from a text's letters."""

    def __init__(self):
        stand_in = self
        stand_in.texts = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                texts = request["input"] if isinstance(request["input"], list) else [request["input"]]
                stand_in.texts += len(texts)
                rows = [{"object": "embedding", "index": row,
                         "embedding": [(zlib.crc32(f"{text}{i}".encode()) % 2001 - 1000) / 1000 for i in range(384)]}
                        for row, text in enumerate(texts)]
                body = json.dumps({"object": "list", "model": request["model"], "data": rows}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class FirstOwnRoute(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        self.ports = free_ports(2)
        self.replaced = {"7311": str(self.ports[0]), "7312": str(self.ports[1]), "build/": BUILD + "/"}
        self.environment = {**os.environ, "HOME": self.home.name, "SEMROUTE_SERVER": f"127.0.0.1:{self.ports[0]}"}

    def as_here(self, block):
        written = "|".join(map(re.escape, self.replaced))
        return re.sub(written, lambda found: self.replaced[found.group()], block)

    def start_daemon(self, block):
        log = open(os.path.join(self.home.name, "log"), "w+", encoding="utf-8")
        self.addCleanup(log.close)
        daemon = subprocess.Popen(["bash", "-c", "exec " + self.as_here(block)], cwd=ROOT, env=self.environment,
                                  stdout=log, stderr=log)
        self.addCleanup(daemon.wait)
        self.addCleanup(daemon.terminate)
        for _ in range(1200):
            if subprocess.run([os.path.join(BUILD, "semroute"), "ping"], env=self.environment,
                              capture_output=True).returncode == 0:
                return daemon
            if daemon.poll() is not None:
                break
            time.sleep(0.05)
        log.seek(0)
        self.fail(f"semrouted did not start:\n{log.read()}")

    def run_block(self, block):
        done = subprocess.run(["bash", "-e", "-c", self.as_here(block)], cwd=ROOT, env=self.environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
        self.assertEqual(done.returncode, 0, f"{block}\n{done.stdout}")
        return done.stdout

    def test_word_by_word(self):
        embeddings = EmbeddingsStandIn()
        self.addCleanup(embeddings.close)
        self.replaced[OLLAMA] = embeddings.address
        daemon, outputs = None, {}
        for block in shell_blocks("Your first own route in five minutes"):
            if block.startswith("build/semrouted "):
                daemon = self.start_daemon(block)
            else:
                outputs[block] = self.run_block(block)
        self.assertIsNotNone(daemon, "no block starts semrouted")

        def output_of(command):
            return next(output for block, output in outputs.items() if command in block)

        self.assertRegex(output_of("what goes with tomatoes"), r"kitchen[\s\S]*garlic[\s\S]*no_match")
        reloaded = output_of("semroute reload")
        self.assertRegex(reloaded, r"matched[\s\S]*taxes")
        for name in ("garden", "kitchen", "taxes"):
            self.assertIn(name, reloaded)
        self.assertIn("2 routes, 6 references", outputs[[*outputs][-1]])
        self.assertEqual(embeddings.texts, 6)

        daemon.terminate()
        self.assertEqual(daemon.wait(60), 0, "SIGTERM drains and exits with 0")


class OtherBlocks(unittest.TestCase):
    def test_commands_named_in_the_readme_exist(self):
        for block in shell_blocks("Two commands"):
            for command in re.findall(r"^\./\S+", block, re.MULTILINE):
                self.assertTrue(os.access(os.path.join(ROOT, command), os.X_OK), command)


if __name__ == "__main__":
    unittest.main()
