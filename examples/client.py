#!/usr/bin/env python3
"""A client of semrouted: asyncio and Python's standard library only.

    async with await SemrouteClient.connect("127.0.0.1", 7311) as client:
        print(await client.match(embedding))                                  # decide only
        print(await client.route(embedding, payload={"text": "hello"}))       # decide and dispatch
        print(await client.batch([embedding, embedding]))                     # many decisions in one request
        await asyncio.gather(*(client.match(one) for one in embeddings))      # pipelined
        async for chunk in client.stream(embedding, payload={"text": "hello"}):
            print(chunk)                                                      # the target's reply as it comes

    async for chunk in stream_frames("127.0.0.1", 7311, embedding, payload=b"hello"):
        print(chunk)                                                          # the same over binary frames

An embedding is any sequence of numbers, or the bytes of little-endian float32. As a program it decides
every row of a file, pipelined, and prints a line for each:

    python3 examples/client.py --server 127.0.0.1:7311 --vectors examples/quickstart/queries.npy
"""

import argparse
import array
import ast
import asyncio
import base64
import itertools
import json
import os
import struct
import sys
import time

MOST_REPLY_BYTES = 64 * 1024 * 1024


class SemrouteError(Exception):
    """The daemon answered `ok: false`; `reply` is all that it said."""

    def __init__(self, reply):
        error = reply.get("error") or {}
        self.reply = reply
        self.code = error.get("code", "internal")
        self.retryable = error.get("retryable", False)
        super().__init__(f"{self.code}: {error.get('message', 'no message')}")


def encode_embedding(embedding):
    """The base64 of the embedding as little-endian float32."""
    if not isinstance(embedding, (bytes, bytearray, memoryview)):
        numbers = array.array("f", embedding)
        if sys.byteorder == "big":
            numbers.byteswap()
        embedding = numbers.tobytes()
    return base64.b64encode(embedding).decode("ascii")


class Stream:
    """The chunks of one streamed reply, in order: `async for`. Text as str, bytes that are no UTF-8 as bytes.

    `head` is the head once the first chunk (or the end) is there: the decision, and `reply` with status and content
    type. A reply that is not dispatched has no chunks. Raises SemrouteError when the reply is not complete. Leaving the
    loop early cancels the request.
    """

    def __init__(self, client, fields):
        self._client = client
        self._fields = fields
        self._lines = asyncio.Queue()
        self.head = None

    async def __aiter__(self):
        client = self._client
        async with client._slots:
            request_id = client._begin(self._lines.put_nowait)
            more = True
            try:
                await client._send({"id": request_id, "op": "route", "stream": True, **self._fields})
                self.head = await self._next()
                more = self.head.get("more", False)
                if not self.head.get("ok"):
                    raise SemrouteError(self.head)
                while more:
                    line = await self._next()
                    more = not line.get("done")
                    if line.get("error"):
                        raise SemrouteError(line)
                    if more:
                        yield line["chunk"] if "chunk" in line else base64.b64decode(line["chunk_base64"])
            finally:
                client._waiting.pop(request_id, None)
                if more:
                    client._cancel(request_id)

    async def _next(self):
        line = await self._lines.get()
        if isinstance(line, Exception):
            raise line
        return line


class SemrouteClient:
    """One connection. Requests are pipelined: any number may be awaited at once, replies are told apart by id.

    At most `max_in_flight` are sent before one is answered (the daemon's default limit is 128). When the
    connection ends, everything that still waits gets a ConnectionError.
    """

    def __init__(self, reader, writer, max_in_flight=100):
        self._reader = reader
        self._writer = writer
        self._ids = itertools.count(1)
        self._waiting = {}
        self._slots = asyncio.Semaphore(max_in_flight)
        self._ended = None
        self._reading = asyncio.create_task(self._read_replies())

    @classmethod
    async def connect(cls, host="127.0.0.1", port=7311, timeout=5.0, max_in_flight=100):
        reader, writer = await asyncio.wait_for(
            asyncio.open_connection(host, port, limit=MOST_REPLY_BYTES), timeout)
        return cls(reader, writer, max_in_flight)

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        await self.close()

    async def close(self):
        """Ends the connection. What is still awaited gets a ConnectionError."""
        self._reading.cancel()
        await asyncio.gather(self._reading, return_exceptions=True)
        self._end(ConnectionError("the client was closed"))
        self._writer.close()
        try:
            await self._writer.wait_closed()
        except OSError:
            pass  # The other side was faster.

    async def match(self, embedding, **options):
        """Decides. `options` are the protocol's: top_k, filter, score_threshold, explain, timeout_ms, model, ..."""
        return await self.request("match", embedding=encode_embedding(embedding), **options)

    async def route(self, embedding, payload=None, **options):
        """Decides, and sends the payload (any JSON value) to the route's target."""
        return await self.request("route", embedding=encode_embedding(embedding), payload=payload, **options)

    def stream(self, embedding, payload=None, **options):
        """As route(), with the target's reply in parts as it comes: a Stream.

        All requests of a connection are read by one task: chunks that are not taken are kept in memory. Take them, or
        use a connection of its own for a long reply.
        """
        return Stream(self, {"embedding": encode_embedding(embedding), "payload": payload, **options})

    async def batch(self, embeddings, **options):
        """Decides many embeddings in one request; a list of results in the same order."""
        encoded = [encode_embedding(embedding) for embedding in embeddings]
        return (await self.request("match", embeddings=encoded, **options))["results"]

    async def request(self, op, **fields):
        """Any request; its whole reply. Raises SemrouteError when it was not `ok`."""
        async with self._slots:
            answered = asyncio.get_running_loop().create_future()

            def take(line):
                if answered.done():
                    return
                if isinstance(line, Exception):
                    answered.set_exception(line)
                else:
                    answered.set_result(line)

            request_id = self._begin(take)
            try:
                await self._send({"id": request_id, "op": op, **fields})
                reply = await answered
            finally:
                self._waiting.pop(request_id, None)
        if not reply.get("ok"):
            raise SemrouteError(reply)
        return reply

    def _begin(self, take):
        """A new id; `take` gets every line about it, and the exception when the connection ends."""
        if self._ended:
            raise ConnectionError(str(self._ended)) from self._ended
        request_id = next(self._ids)
        self._waiting[request_id] = take
        return request_id

    async def _send(self, fields):
        line = json.dumps(fields, separators=(",", ":"), allow_nan=False)
        self._writer.write(line.encode() + b"\n")
        await self._writer.drain()

    def _cancel(self, request_id):
        """Nobody waits for the answer."""
        if not self._ended:
            line = json.dumps({"id": next(self._ids), "op": "cancel", "request": request_id})
            self._writer.write(line.encode() + b"\n")

    async def _read_replies(self):
        try:
            while line := await self._reader.readline():
                reply = json.loads(line)
                take = self._waiting.get(reply.get("id"))
                if take is None and reply.get("id") is None and not reply.get("ok"):
                    # About no request in particular: the connection is about to be closed.
                    raise ConnectionError(str(SemrouteError(reply)))
                if take is not None:
                    take(reply)
            self._end(ConnectionError("the daemon closed the connection"))
        except (OSError, ValueError) as error:
            self._end(error)

    def _end(self, error):
        self._ended = self._ended or error
        for take in list(self._waiting.values()):
            take(ConnectionError(str(error)))


FRAME_HEADER = struct.Struct("<BBBBIII")  # magic, version, op, flags, request id, body length, timeout_ms
MAGIC, ROUTE, REPLY_BIT = 0xA7, 2, 0x80
ERROR, MORE, CHUNK = 0x01, 0x04, 0x08
CODES = ("", "bad_request", "bad_vector", "dimension_mismatch", "model_mismatch", "too_large", "unsupported_version",
         "unauthorized", "forbidden", "not_found", "conflict", "resource_exhausted", "overloaded", "timeout",
         "cancelled", "unavailable", "upstream_unavailable", "upstream_timeout", "upstream_error", "internal")


async def stream_frames(host, port, embedding, payload=b"", content_type="", timeout=5.0, **extras):
    """Routes over a connection of its own that speaks binary frames; yields the reply's chunks as bytes as they come.

    Leaving the loop closes the connection, which cancels the request. `extras` are the protocol's: key, filter, ...
    """
    if not isinstance(embedding, (bytes, bytearray, memoryview)):
        embedding = base64.b64decode(encode_embedding(embedding))
    rest = json.dumps({**extras, "stream": True}).encode()
    kind = content_type.encode("ascii")
    body = (struct.pack("<IIHH", len(embedding) // 4, 1, 0, 0) + embedding + struct.pack("<H", len(kind)) + kind
            + struct.pack("<I", len(payload)) + payload + struct.pack("<I", len(rest)) + rest)
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), timeout)
    try:
        writer.write(FRAME_HEADER.pack(MAGIC, 1, ROUTE, 0, 1, len(body), 0) + body)
        more = True
        while more:
            magic, _, op, flags, _, length, _ = FRAME_HEADER.unpack(await reader.readexactly(FRAME_HEADER.size))
            if magic != MAGIC or op != ROUTE | REPLY_BIT:
                raise ConnectionError("the daemon sent something else than frames")
            frame = await reader.readexactly(length)
            if flags & ERROR:
                code, retryable, _, size = struct.unpack_from("<HBBI", frame)
                message = frame[8:8 + size].decode()
                name = CODES[code] if code < len(CODES) else str(code)
                raise SemrouteError({"error": {"code": name, "message": message, "retryable": bool(retryable)}})
            more = bool(flags & MORE)
            if more and flags & CHUNK:
                yield frame
    except asyncio.IncompleteReadError as error:
        raise ConnectionError("the daemon closed the connection") from error
    finally:
        writer.close()


def read_npy(path):
    """The rows of an NPY file (version 1 or 2, <f4 or <f2, C order), as tuples of floats."""
    with open(path, "rb") as file:
        magic = file.read(8)
        if magic[:6] != b"\x93NUMPY" or magic[6] not in (1, 2):
            raise ValueError(f"{path} is no NPY file of version 1 or 2")
        length = int.from_bytes(file.read(2 if magic[6] == 1 else 4), "little")
        header = ast.literal_eval(file.read(length).decode("latin-1"))
        if header["descr"] not in ("<f4", "<f2") or header["fortran_order"] or len(header["shape"]) != 2:
            raise ValueError(f"{path} must hold rows of <f4 or <f2 in C order, it has {header}")
        count, dimension = header["shape"]
        width = int(header["descr"][2])
        data = file.read()
    if len(data) != count * dimension * width:
        raise ValueError(f"{path} is cut off: {len(data)} bytes for {count} rows of {dimension} numbers")
    numbers = struct.unpack(f"<{count * dimension}{'f' if width == 4 else 'e'}", data)
    return [numbers[row * dimension:(row + 1) * dimension] for row in range(count)]


async def run(server, path, payload):
    host, _, port = server.rpartition(":")
    rows = read_npy(path)
    async with await SemrouteClient.connect(host.strip("[]"), int(port)) as client:
        begin = time.perf_counter()
        replies = await asyncio.gather(*(client.route(row, payload=payload) for row in rows), return_exceptions=True)
        seconds = time.perf_counter() - begin
        for row, reply in enumerate(replies):
            if isinstance(reply, SemrouteError):
                print(f"{row:4}  error     {reply}")
            elif isinstance(reply, BaseException):
                raise reply
            else:
                score = f"{reply['score']:.4f}" if "score" in reply else "-"
                answer = json.dumps(reply["reply"].get("body"), ensure_ascii=False) if reply.get("dispatched") else "-"
                print(f"{row:4}  {reply['decision']:8}  {reply.get('route', '-'):16}  {score:>7}  {answer}")
        results = await client.batch(rows)
        matched = sum(result["decision"] == "matched" for result in results)
    print(f"{len(rows)} requests, {matched} matched, {seconds * 1e6 / max(len(rows), 1):.0f} µs each, pipelined")
    return any(isinstance(reply, SemrouteError) for reply in replies)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=os.environ.get("SEMROUTE_SERVER", "127.0.0.1:7311"))
    parser.add_argument("--vectors", required=True, help="an NPY file, a request a row")
    parser.add_argument("--payload", type=json.loads, default=None, help="JSON for the targets")
    arguments = parser.parse_args()
    try:
        return 65 if asyncio.run(run(arguments.server, arguments.vectors, arguments.payload)) else 0
    except (OSError, asyncio.TimeoutError) as error:
        print(f"client.py: {arguments.server}: {error or 'no answer in time'}", file=sys.stderr)
        return 69
    except ValueError as error:
        print(f"client.py: {error}", file=sys.stderr)
        return 65


if __name__ == "__main__":
    sys.exit(main())
