"""examples/embed.py against a stand-in for an OpenAI-compatible endpoint."""

import base64
import http.server
import io
import json
import os
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "examples"))

import embed  # noqa: E402


def vector_of(text, dimension=4):
    """What the stand-in answers for a text: numbers that float32 holds exactly."""
    return [len(text) + position / 4 for position in range(dimension)]


def honest(body):
    return 200, {"object": "list", "model": body["model"],
                 "data": [{"object": "embedding", "index": index, "embedding": vector_of(text)}
                          for index, text in enumerate(body["input"])]}


class StandIn:
    """Answers POSTs by a script: a function from the request's body to (status, reply), one after the other."""

    def __init__(self, *script):
        self.script = list(script) or [honest]
        self.bodies = []
        self.headers = []
        self.reply_headers = {}
        stand_in = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                stand_in.bodies.append(body)
                stand_in.headers.append(dict(self.headers))
                answer = stand_in.script.pop(0) if len(stand_in.script) > 1 else stand_in.script[0]
                status, reply = answer(body)
                data = reply if isinstance(reply, bytes) else json.dumps(reply).encode()
                self.send_response(status)
                for name, value in stand_in.reply_headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *_):
                pass

        self.server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/embeddings"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def refuse(status, message="not now"):
    return lambda body: (status, {"error": {"message": message}})


def changed(change):
    """An honest answer whose list of embeddings went through `change`."""
    def answer(body):
        status, reply = honest(body)
        reply["data"] = change(reply["data"])
        return status, reply
    return answer


class EndpointTest(unittest.TestCase):
    def endpoint(self, stand_in, **options):
        self.waits = []
        return embed.Endpoint(stand_in.url, "some-model", sleep=self.waits.append, **options)

    def test_sends_model_texts_and_key(self):
        with StandIn() as stand_in:
            vectors = self.endpoint(stand_in, api_key="s3cret").embed(["a", "bb"])
        self.assertEqual(vectors, [vector_of("a"), vector_of("bb")])
        self.assertEqual(stand_in.bodies[0]["model"], "some-model")
        self.assertEqual(stand_in.bodies[0]["input"], ["a", "bb"])
        self.assertEqual(stand_in.headers[0]["Authorization"], "Bearer s3cret")

    def test_no_key_no_header(self):
        with StandIn() as stand_in:
            self.endpoint(stand_in).embed(["a"])
        self.assertNotIn("Authorization", stand_in.headers[0])

    def test_orders_by_index(self):
        with StandIn(changed(lambda data: data[::-1])) as stand_in:
            vectors = self.endpoint(stand_in).embed(["a", "bb", "ccc"])
        self.assertEqual(vectors, [vector_of("a"), vector_of("bb"), vector_of("ccc")])

    def test_refuses_wrong_counts(self):
        for change in (lambda data: data[:-1], lambda data: data + data[:1], lambda data: []):
            with self.subTest(change=change), StandIn(changed(change)) as stand_in:
                with self.assertRaisesRegex(embed.BadInput, "2 texts were sent"):
                    self.endpoint(stand_in).embed(["a", "bb"])

    def test_refuses_another_dimension(self):
        with StandIn(honest, changed(lambda data: [{**data[0], "embedding": [1.0]}])) as stand_in:
            endpoint = self.endpoint(stand_in)
            endpoint.embed(["a"])
            with self.assertRaisesRegex(embed.BadInput, "has 1 numbers, those before it 4"):
                endpoint.embed(["b"])

    def test_refuses_what_is_no_vector(self):
        for wrong in ([], "abc", [1.0, "x"], [True], [1.0, None], [float("nan")]):
            answer = changed(lambda data, wrong=wrong: [{**data[0], "embedding": wrong}])
            with self.subTest(wrong=wrong), StandIn(answer) as stand_in, self.assertRaises(embed.BadInput):
                self.endpoint(stand_in).embed(["a"])

    def test_refuses_what_is_no_answer(self):
        for reply in (b"<html>", {"data": None}, {}, [], {"data": [{"embedding": [1.0]}]}):
            with self.subTest(reply=reply), StandIn(lambda body, reply=reply: (200, reply)) as stand_in:
                with self.assertRaises(embed.BadInput):
                    self.endpoint(stand_in).embed(["a"])

    def test_tries_again_with_growing_waits(self):
        with StandIn(refuse(429), refuse(503), refuse(500), honest) as stand_in:
            vectors = self.endpoint(stand_in).embed(["a"])
        self.assertEqual(vectors, [vector_of("a")])
        self.assertEqual(len(stand_in.bodies), 4)
        for attempt, wait in enumerate(self.waits):
            self.assertTrue(0.25 * 2 ** attempt <= wait <= 0.5 * 2 ** attempt, self.waits)

    def test_waits_as_long_as_the_endpoint_asks(self):
        with StandIn(refuse(429), honest) as stand_in:
            stand_in.reply_headers = {"Retry-After": "7"}
            self.endpoint(stand_in).embed(["a"])
        self.assertEqual(self.waits, [7.0])

    def test_an_absurd_wait_is_capped(self):
        self.assertEqual(embed.wait_s(0, "86400"), embed.MOST_WAIT_S)
        self.assertLessEqual(embed.wait_s(0, "soon"), 0.5)
        self.assertEqual(embed.wait_s(0, "Wed, 21 Oct 2015 07:28:00 GMT"), 0.0)

    def test_gives_up_after_the_retries(self):
        with StandIn(refuse(503, "too busy")) as stand_in:
            with self.assertRaisesRegex(embed.Unavailable, "503.*too busy.*3 attempts"):
                self.endpoint(stand_in, retries=2).embed(["a"])
        self.assertEqual(len(stand_in.bodies), 3)

    def test_other_refusals_are_final(self):
        with StandIn(refuse(401, "bad key")) as stand_in:
            with self.assertRaisesRegex(embed.BadInput, "401.*bad key"):
                self.endpoint(stand_in).embed(["a"])
        self.assertEqual((len(stand_in.bodies), self.waits), (1, []))

    def test_nobody_there(self):
        with StandIn() as stand_in:
            url = stand_in.url
        endpoint = embed.Endpoint(url, "some-model", retries=1, sleep=lambda _: None)
        with self.assertRaisesRegex(embed.Unavailable, "2 attempts"):
            endpoint.embed(["a"])


class TextsTest(unittest.TestCase):
    def test_lines_and_objects(self):
        lines = ["plain text\n", "\n", '{"text": "with label", "label": "a"}\n', '{"text": "without"}\n']
        self.assertEqual(list(embed.read_texts(lines, "f", "rest")),
                         [("plain text", "rest"), ("with label", "a"), ("without", "rest")])

    def test_wrong_lines_are_named(self):
        for line in ('{"text": 1}', '{"label": "a"}', '{"text": "x", "label": 3}', '{"text": '):
            with self.subTest(line=line), self.assertRaisesRegex(embed.BadInput, "^f:2: "):
                list(embed.read_texts(["fine", line], "f"))

    def test_numbers_beyond_float32_are_refused(self):
        with self.assertRaisesRegex(embed.BadInput, "beyond float32"):
            embed.embed_all(FixedEndpoint([1e39]), [("a", None)], io.StringIO(), 1)


class FixedEndpoint:
    def __init__(self, vector):
        self.vector = vector

    def embed(self, texts):
        return [self.vector for _ in texts]


class ProgramTest(unittest.TestCase):
    def run_program(self, *arguments, text="", environment=None):
        return subprocess.run([sys.executable, os.path.join(ROOT, "examples", "embed.py"), *arguments], input=text,
                              capture_output=True, encoding="utf-8", timeout=60,
                              env={**os.environ, "PYTHONIOENCODING": "utf-8", **(environment or {})})

    def test_writes_the_file_that_vectors_reads(self):
        with tempfile.TemporaryDirectory() as folder, StandIn() as stand_in:
            texts = os.path.join(folder, "texts.jsonl")
            output = os.path.join(folder, "refs.jsonl")
            with open(texts, "w", encoding="utf-8") as file:
                for number in range(5):
                    file.write(json.dumps({"text": "é" * (number + 1), "label": f"route {number % 2}"}) + "\n")
            done = self.run_program("--url", stand_in.url, "--model", "m", "--batch", "2", "--api-key-env", "SOME_KEY",
                                    "-o", output, texts, environment={"SOME_KEY": "k"})
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            with open(output, encoding="utf-8") as file:
                rows = [json.loads(line) for line in file]
            self.assertEqual(os.listdir(folder).count("refs.jsonl.part"), 0)
        self.assertEqual([len(body["input"]) for body in stand_in.bodies], [2, 2, 1])
        self.assertEqual(stand_in.headers[0]["Authorization"], "Bearer k")
        self.assertEqual([row["label"] for row in rows], ["route 0", "route 1", "route 0", "route 1", "route 0"])
        for number, row in enumerate(rows):
            self.assertEqual(row["text"], "é" * (number + 1))
            numbers = struct.unpack("<4f", base64.b64decode(row["embedding"]))
            self.assertEqual(list(numbers), vector_of(row["text"]))

    def test_standard_input_and_arrays(self):
        with StandIn() as stand_in:
            done = self.run_program("--url", stand_in.url, "--model", "m", "--label", "greeting", "--array",
                                    text="hi\n")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), {"label": "greeting", "text": "hi", "embedding": vector_of("hi")})

    def test_a_failure_keeps_the_old_file(self):
        with tempfile.TemporaryDirectory() as folder, StandIn(honest, refuse(400)) as stand_in:
            output = os.path.join(folder, "refs.jsonl")
            with open(output, "w", encoding="utf-8") as file:
                file.write("old\n")
            done = self.run_program("--url", stand_in.url, "--model", "m", "--batch", "1", "-o", output, text="a\nb\n")
            self.assertEqual(done.returncode, 65)
            self.assertIn("400", done.stderr)
            with open(output, encoding="utf-8") as file:
                self.assertEqual(file.read(), "old\n")
            self.assertEqual(os.listdir(folder), ["refs.jsonl"])

    def test_exit_codes(self):
        with StandIn() as stand_in:
            gone = stand_in.url
        cases = (
            (64, ("--url", "ftp://x", "--model", "m"), "a\n"),
            (64, ("--model", "m"), "a\n"),
            (64, ("--url", gone, "--model", "m", "--api-key-env", "NOT_THERE_AT_ALL"), "a\n"),
            (65, ("--url", gone, "--model", "m"), ""),
            (69, ("--url", gone, "--model", "m", "--retries", "0"), "a\n"),
            (74, ("--url", gone, "--model", "m", "/nowhere/at/all"), ""),
        )
        for code, arguments, text in cases:
            with self.subTest(arguments=arguments):
                done = self.run_program(*arguments, text=text)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertTrue(done.stderr)
                self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
