#!/usr/bin/env python3
"""Sends the 32 requests of queries.jsonl to a semrouted on semrouted.yaml and prints what came of them.

    python3 examples/quickstart/try.py [--server 127.0.0.1:7311]

Python's standard library only. Exits with 0 when every request was decided as its label says
("none" is out of scope: it must be refused), else with 1; 69 when there is no server.
"""

import argparse
import ast
import base64
import json
import os
import shutil
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def read_npy_rows(path):
    """The rows of a two-dimensional little-endian float32 NPY file, as bytes."""
    with open(path, "rb") as file:
        magic = file.read(8)
        if magic != b"\x93NUMPY\x01\x00":
            raise ValueError(f"{path} is not an NPY file of version 1")
        header = ast.literal_eval(file.read(int.from_bytes(file.read(2), "little")).decode("latin-1"))
        if header["descr"] != "<f4" or header["fortran_order"]:
            raise ValueError(f"{path} must hold float32 in C order")
        count, dimension = header["shape"]
        return [file.read(4 * dimension) for _ in range(count)]


class Connection:
    """One JSON line out, one JSON line in."""

    def __init__(self, server):
        host, _, port = server.rpartition(":")
        self.socket = socket.create_connection((host.strip("[]"), int(port)), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.lines = self.socket.makefile("rb")

    def ask(self, request):
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        line = self.lines.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        return json.loads(line)


def target_reply(answer):
    """The target's own words, or why there are none."""
    if not answer["ok"]:
        return f"error: {answer['error']['code']}"
    if not answer.get("dispatched"):
        return "-"
    reply = answer["reply"]
    return json.dumps(reply["body"], ensure_ascii=False) if "body" in reply else reply.get("text", "<bytes>")


def fit(text, width):
    return text if len(text) <= width else text[: width - 1] + "…"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default=os.environ.get("SEMROUTE_SERVER", "127.0.0.1:7311"))
    server = parser.parse_args().server

    with open(os.path.join(HERE, "queries.jsonl"), encoding="utf-8") as file:
        queries = [json.loads(line) for line in file]
    rows = read_npy_rows(os.path.join(HERE, "queries.npy"))
    try:
        connection = Connection(server)
    except OSError as error:
        print(f"try.py: no server at {server}: {error.strerror or error}", file=sys.stderr)
        return 69
    connection.ask({"op": "ping"})  # the first exchange of a connection is slower and would mislead

    terminal = shutil.get_terminal_size((120, 24)).columns
    route_width = max(len(query["label"]) for query in queries)
    others = 9 + route_width + 6 + 6 + 6 * 2  # every column but the two that can give way, and what is between them
    text_width = 57 if terminal >= 57 + 20 + others else 44
    reply_width = max(20, min(44, terminal - text_width - others))
    line = "{:<%d}  {:<9}  {:<%d}  {:>6}  {:<%d}  {:>6}  {}" % (text_width, route_width, reply_width)
    print(line.format("text", "decision", "route", "score", "reply of the target", "µs", "").rstrip())
    in_scope = [query for query in queries if query["label"] != "none"]
    right = refused = 0
    for number, (query, row) in enumerate(zip(queries, rows, strict=True)):
        started = time.perf_counter()
        answer = connection.ask({"id": number, "op": "route", "embedding": base64.b64encode(row).decode(),
                                 "payload": {"text": query["text"]}})
        took_us = (time.perf_counter() - started) * 1e6
        decision = answer.get("decision", "error")
        if query["label"] == "none":
            good = answer["ok"] and decision != "matched"
            refused += good
        else:
            good = answer["ok"] and decision == "matched" and answer["route"] == query["label"]
            right += good
        best = answer.get("score", (answer.get("matches") or [{}])[0].get("score"))
        print(line.format(fit(query["text"], text_width), decision, answer.get("route", "-"),
                          "-" if best is None else f"{best:.3f}", fit(target_reply(answer), reply_width),
                          round(took_us), "" if good else f"expected {query['label']}").rstrip())

    out_of_scope = len(queries) - len(in_scope)
    print(f"\n{right} of {len(in_scope)} in-scope requests routed right, "
          f"{refused} of {out_of_scope} out-of-scope requests refused "
          "(µs: there and back over TCP, one request at a time)")
    return 0 if right == len(in_scope) and refused == out_of_scope else 1


if __name__ == "__main__":
    sys.exit(main())
