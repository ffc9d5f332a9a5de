"""examples/client.py against a scripted stand-in, and against semrouted where it is built (SEMROUTE_BUILD)."""

import asyncio
import base64
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
QUICKSTART = os.path.join(ROOT, "examples", "quickstart")
CLIENT = os.path.join(ROOT, "examples", "client.py")
sys.path.insert(0, os.path.join(ROOT, "examples"))

from client import SemrouteClient, SemrouteError, encode_embedding, read_npy, stream_frames  # noqa: E402


class StandIn:
    """A server that hands every request line to `answer`, which returns the lines to send, or None to hang up."""

    def __init__(self, answer):
        self.answer = answer
        self.requests = []

    async def __aenter__(self):
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_):
        self.server.close()
        await self.server.wait_closed()

    async def serve(self, reader, writer):
        while line := await reader.readline():
            request = json.loads(line)
            self.requests.append(request)
            replies = self.answer(request)
            if replies is None:
                break
            for reply in replies:
                writer.write(json.dumps(reply).encode() + b"\n")
        writer.close()

    def client(self, **options):
        return SemrouteClient.connect("127.0.0.1", self.port, **options)


class ClientTest(unittest.IsolatedAsyncioTestCase):
    async def test_match_sends_float32_and_options(self):
        async with StandIn(lambda request: [{"id": request["id"], "ok": True, "decision": "matched"}]) as stand_in:
            async with await stand_in.client() as client:
                reply = await client.match([0.5, -2.0], top_k=3, filter={"routes": ["a"]})
        self.assertEqual(reply["decision"], "matched")
        request = stand_in.requests[0]
        self.assertEqual((request["op"], request["top_k"], request["filter"]), ("match", 3, {"routes": ["a"]}))
        self.assertEqual(struct.unpack("<2f", base64.b64decode(request["embedding"])), (0.5, -2.0))

    async def test_route_sends_the_payload(self):
        async with StandIn(lambda request: [{"id": request["id"], "ok": True}]) as stand_in:
            async with await stand_in.client() as client:
                await client.route([1.0], payload={"text": "grüße"})
        self.assertEqual((stand_in.requests[0]["op"], stand_in.requests[0]["payload"]), ("route", {"text": "grüße"}))

    async def test_stream_yields_chunks_as_they_come(self):
        def answer(request):
            if request["op"] == "cancel":
                return []
            one = request["id"]
            return [{"id": one, "ok": True, "more": True, "reply": {"status": 206}},
                    {"id": one, "chunk": "grü"}, {"id": one, "chunk_base64": "/w=="},
                    {"id": one, "done": True, **request["payload"]}]

        async with StandIn(answer) as stand_in:
            async with await stand_in.client() as client:
                stream = client.stream([1.0], payload={}, key="k")
                self.assertEqual([chunk async for chunk in stream], ["grü", b"\xff"])
                self.assertEqual(stream.head["reply"]["status"], 206)
                broken = client.stream([1.0], payload={"error": {"code": "upstream_error", "message": "broke off"}})
                got = []
                with self.assertRaises(SemrouteError) as caught:
                    async for chunk in broken:
                        got.append(chunk)
                self.assertEqual((got, caught.exception.code), (["grü", b"\xff"], "upstream_error"))
                chunks = aiter(client.stream([1.0], payload={}))
                self.assertEqual(await anext(chunks), "grü")
                await chunks.aclose()
                self.assertEqual(await client.match([1.0], payload={}), {"id": 5, "ok": True, "more": True,
                                                                         "reply": {"status": 206}})
        self.assertEqual(stand_in.requests[0]["stream"], True)
        self.assertEqual(stand_in.requests[0]["key"], "k")
        self.assertEqual([(one["op"], one.get("request")) for one in stand_in.requests[2:4]],
                         [("route", None), ("cancel", 3)], "leaving the loop cancels the request")

    async def test_batch_returns_results_in_order(self):
        def answer(request):
            return [{"id": request["id"], "ok": True, "results": [{"n": n} for n in range(len(request["embeddings"]))]}]

        async with StandIn(answer) as stand_in:
            async with await stand_in.client() as client:
                self.assertEqual(await client.batch([[1.0], [2.0]]), [{"n": 0}, {"n": 1}])
        self.assertEqual(stand_in.requests[0]["embeddings"], [encode_embedding([1.0]), encode_embedding([2.0])])

    async def test_replies_are_told_apart_by_id(self):
        held = []

        def answer(request):
            held.append({"id": request["id"], "ok": True, "echo": request["embedding"]})
            return held[::-1] if len(held) == 5 else []  # all at once, last one first

        async with StandIn(answer) as stand_in:
            async with await stand_in.client() as client:
                replies = await asyncio.gather(*(client.match([float(n)]) for n in range(5)))
        self.assertEqual([reply["echo"] for reply in replies], [encode_embedding([float(n)]) for n in range(5)])

    async def test_keeps_the_cap_in_flight(self):
        waiting = []

        def answer(request):
            waiting.append(request["id"])
            return []

        async with StandIn(answer) as stand_in:
            client = await stand_in.client(max_in_flight=3)
            tasks = [asyncio.create_task(client.match([1.0])) for _ in range(10)]
            while len(waiting) < 3:
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            self.assertEqual(len(waiting), 3)
            await client.close()
            results = await asyncio.gather(*tasks, return_exceptions=True)
        self.assertTrue(all(isinstance(result, ConnectionError) for result in results), results)

    async def test_an_error_reply_raises(self):
        error = {"code": "upstream_timeout", "message": "too slow", "retryable": True}
        def refuse(request):
            return [{"id": request["id"], "ok": False, "route": "a", "error": error}]

        async with StandIn(refuse) as stand_in:
            async with await stand_in.client() as client:
                with self.assertRaisesRegex(SemrouteError, "upstream_timeout: too slow") as caught:
                    await client.match([1.0])
        self.assertEqual((caught.exception.code, caught.exception.retryable), ("upstream_timeout", True))
        self.assertEqual(caught.exception.reply["route"], "a")

    async def test_a_lost_connection_fails_everything(self):
        async with StandIn(lambda request: None if request["id"] == 3 else []) as stand_in:
            async with await stand_in.client() as client:
                results = await asyncio.gather(*(client.match([1.0]) for _ in range(3)), return_exceptions=True)
                self.assertTrue(all(isinstance(result, ConnectionError) for result in results), results)
                with self.assertRaises(ConnectionError):
                    await client.match([1.0])

    async def test_a_farewell_is_passed_on(self):
        farewell = {"id": None, "ok": False, "error": {"code": "timeout", "message": "too slow a line"}}
        async with StandIn(lambda request: [farewell]) as stand_in:
            async with await stand_in.client() as client:
                with self.assertRaisesRegex(ConnectionError, "too slow a line"):
                    await client.match([1.0])

    async def test_not_finite_numbers_are_not_sent(self):
        async with StandIn(lambda request: [{"id": request["id"], "ok": True}]) as stand_in:
            async with await stand_in.client() as client:
                with self.assertRaises(ValueError):
                    await client.match([1.0], score_threshold=float("nan"))
                await client.match([1.0])
        self.assertEqual(len(stand_in.requests), 1)

    async def test_nobody_there(self):
        async with StandIn(lambda request: []) as stand_in:
            pass
        with self.assertRaises(OSError):
            await stand_in.client()


class NpyTest(unittest.TestCase):
    def write(self, data):
        handle, path = tempfile.mkstemp(suffix=".npy")
        self.addCleanup(os.remove, path)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        return path

    @staticmethod
    def npy(descr, shape, data, version=1, order="False"):
        header = f"{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}".ljust(117).encode() + b"\n"
        length = len(header).to_bytes(2 if version == 1 else 4, "little")
        return b"\x93NUMPY" + bytes([version, 0]) + length + header + data

    def test_reads_float32_and_float16_of_both_versions(self):
        rows = [(1.0, -0.5), (0.25, 2.0), (0.0, 8.0)]
        numbers = [number for row in rows for number in row]
        for descr, letter in (("<f4", "f"), ("<f2", "e")):
            for version in (1, 2):
                with self.subTest(descr=descr, version=version):
                    data = struct.pack(f"<6{letter}", *numbers)
                    self.assertEqual(read_npy(self.write(self.npy(descr, "(3, 2)", data, version))), rows)

    def test_refuses_the_rest(self):
        data = struct.pack("<4f", 1, 2, 3, 4)
        wrong = (b"", b"\x93NUMPY\x03\x00", self.npy("<f8", "(2, 2)", data), self.npy("<f4", "(4,)", data),
                 self.npy("<f4", "(2, 2)", data, order="True"), self.npy("<f4", "(3, 2)", data))
        for content in wrong:
            with self.subTest(content=content[:60]), self.assertRaises((ValueError, IndexError)):
                read_npy(self.write(content))


class Daemon:
    """semrouted on the quickstart's configuration, on ports of its own."""

    def __init__(self):
        self.program = os.path.join(os.environ.get("SEMROUTE_BUILD", ""), "semrouted")

    def __enter__(self):
        environment = {**os.environ, "SEMROUTE_LISTEN": "127.0.0.1:0", "SEMROUTE_ADMIN": "127.0.0.1:0"}
        self.process = subprocess.Popen(
            [self.program, "--config", os.path.join(QUICKSTART, "semrouted.yaml"), "--log-format", "text"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)
        self.port = self._port()
        return self

    def _port(self):
        said = b""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            if not select.select([self.process.stderr], [], [], 1)[0]:
                continue
            part = os.read(self.process.stderr.fileno(), 65536)
            said += part
            if found := re.search(rb"listening on 127\.0\.0\.1:(\d+)", said):
                return int(found.group(1))
            if not part:
                break
        self.__exit__()
        raise AssertionError(f"semrouted did not say where it listens: {said.decode(errors='replace')}")

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()


@unittest.skipUnless(os.environ.get("SEMROUTE_BUILD"), "SEMROUTE_BUILD does not name a build folder with semrouted")
class DaemonTest(unittest.TestCase):
    def setUp(self):
        daemon = Daemon()
        self.daemon = daemon.__enter__()
        self.addCleanup(daemon.__exit__)

    def test_quickstart_is_decided_as_labelled(self):
        with open(os.path.join(QUICKSTART, "queries.jsonl"), encoding="utf-8") as file:
            labels = [json.loads(line)["label"] for line in file]
        rows = read_npy(os.path.join(QUICKSTART, "queries.npy"))

        async def decide():
            async with await SemrouteClient.connect("127.0.0.1", self.daemon.port) as client:
                routed = await asyncio.gather(*(client.route(row, payload={"n": 1}) for row in rows))
                batch = await client.batch(rows)
                with self.assertRaises(SemrouteError) as caught:
                    await client.match([1.0, 2.0])
                return routed, batch, caught.exception.code

        routed, batch, code = asyncio.run(decide())
        self.assertEqual(len(labels), 32)
        self.assertEqual([reply.get("route", "none") for reply in routed], labels)
        self.assertEqual([result.get("route", "none") for result in batch], labels)
        self.assertEqual([reply["dispatched"] for reply in routed], [label != "none" for label in labels])
        self.assertEqual(code, "dimension_mismatch")

    def test_a_streamed_reply_is_the_whole_one_in_both_protocols(self):
        row = read_npy(os.path.join(QUICKSTART, "queries.npy"))[0]

        async def ask():
            port = self.daemon.port
            async with await SemrouteClient.connect("127.0.0.1", port) as client:
                whole = (await client.route(row))["reply"]["body"]
                stream = client.stream(row)
                lines = "".join([chunk async for chunk in stream])
                frames = b"".join([chunk async for chunk in stream_frames("127.0.0.1", port, row)])
                with self.assertRaises(SemrouteError) as caught:
                    async for _ in stream_frames("127.0.0.1", port, [1.0]):
                        pass
                return whole, stream.head, lines, frames, caught.exception.code

        whole, head, lines, frames, code = asyncio.run(ask())
        self.assertEqual(head["reply"]["content_type"], "application/json")
        self.assertEqual((json.loads(lines), json.loads(frames)), (whole, whole))
        self.assertEqual(code, "dimension_mismatch")

    def test_as_a_program(self):
        done = subprocess.run([sys.executable, CLIENT, "--server", f"127.0.0.1:{self.daemon.port}", "--vectors",
                               os.path.join(QUICKSTART, "queries.npy")], capture_output=True, encoding="utf-8",
                              timeout=60, env={**os.environ, "PYTHONIOENCODING": "utf-8"})
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        lines = done.stdout.splitlines()
        self.assertEqual(len(lines), 33)
        self.assertIn("32 requests, 24 matched", lines[-1])


class ProgramTest(unittest.TestCase):
    def test_exit_codes(self):
        queries = os.path.join(QUICKSTART, "queries.npy")
        cases = ((69, queries), (65, os.path.join(QUICKSTART, "queries.jsonl")))
        for code, path in cases:
            with self.subTest(path=path):
                done = subprocess.run([sys.executable, CLIENT, "--server", "127.0.0.1:1", "--vectors", path],
                                      capture_output=True, encoding="utf-8", timeout=60)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
