#!/usr/bin/env python3
"""Embeds texts with any OpenAI-compatible endpoint, into the JSONL that `vectors:` reads.

    python3 examples/embed.py --url http://127.0.0.1:11434/v1/embeddings --model all-minilm texts.jsonl -o refs.jsonl
    echo "where is my parcel" | python3 examples/embed.py --url ... --model ... --label shipping

Input (files, or standard input): a text a line, or JSON objects {"text": ..., "label": ...}. Output: a line a text,
{"label": ..., "text": ..., "embedding": "<base64 of little-endian float32>"}. Python's standard library only.
Exit codes: 0, 64 usage, 65 unusable input or answer, 69 endpoint unavailable, 74 file that cannot be read or written.
"""

import argparse
import array
import base64
import email.utils
import http.client
import json
import math
import os
import random
import sys
import time
import urllib.error
import urllib.request

MOST_REPLY_BYTES = 256 * 1024 * 1024
MOST_WAIT_S = 60.0
AGAIN = {429, 500, 502, 503, 504}


class BadInput(Exception):
    """A text or an answer that cannot be used."""


class Unavailable(Exception):
    """The endpoint cannot be reached, or keeps refusing."""


def read_texts(lines, name, label=None):
    """(text, label or None) of every line that is not blank."""
    for number, line in enumerate(lines, 1):
        line = line.strip()
        if not line:
            continue
        if not line.startswith("{"):
            yield line, label
            continue
        try:
            entry = json.loads(line)
        except ValueError as error:
            raise BadInput(f"{name}:{number}: no JSON: {error}") from error
        if not isinstance(entry.get("text"), str) or not entry["text"]:
            raise BadInput(f"{name}:{number}: expected an object with a `text`")
        if not isinstance(entry.get("label", ""), str):
            raise BadInput(f"{name}:{number}: `label` must be a string")
        yield entry["text"], entry.get("label", label)


def vectors_of(reply, count, dimension):
    """The embeddings of an answer in the order of the texts; all of one dimension (None: that of the first)."""
    try:
        items = sorted(reply["data"], key=lambda item: item["index"])
        indexes = [item["index"] for item in items]
        vectors = [item["embedding"] for item in items]
    except (KeyError, TypeError) as error:
        raise BadInput(f"the answer is no list of embeddings: {json.dumps(reply)[:200]}") from error
    if indexes != list(range(count)):
        raise BadInput(f"{count} texts were sent, the answer has the indexes {indexes[:10]}")
    for index, vector in enumerate(vectors):
        if not isinstance(vector, list) or not all(type(one) in (int, float) and math.isfinite(one) for one in vector):
            raise BadInput(f"embedding {index} is no list of finite numbers")
        dimension = dimension or len(vector)
        if len(vector) != dimension or not vector:
            raise BadInput(f"embedding {index} has {len(vector)} numbers, those before it {dimension}")
    return vectors


def wait_s(attempt, retry_after):
    """How long before the next attempt: what the endpoint asks for, else 0.5 s doubled each time, with jitter."""
    asked = math.nan
    try:
        asked = float(retry_after)
    except (TypeError, ValueError):
        try:
            asked = email.utils.parsedate_to_datetime(retry_after).timestamp() - time.time()
        except (TypeError, ValueError):
            pass
    if math.isfinite(asked):
        return min(max(asked, 0.0), MOST_WAIT_S)
    return min(0.5 * 2 ** attempt, MOST_WAIT_S) * random.uniform(0.5, 1.0)


class Endpoint:
    """An OpenAI-compatible /v1/embeddings."""

    def __init__(self, url, model, api_key=None, timeout_s=60.0, retries=5, sleep=time.sleep):
        self.url = url
        self.model = model
        self.api_key = api_key
        self.timeout_s = timeout_s
        self.retries = retries
        self.sleep = sleep
        self.dimension = None

    def embed(self, texts):
        """The embeddings of the texts, in their order."""
        reply = self._post({"model": self.model, "input": texts, "encoding_format": "float"})
        vectors = vectors_of(reply, len(texts), self.dimension)
        self.dimension = len(vectors[0])
        return vectors

    def _post(self, body):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if self.api_key:
            headers["Authorization"] = f"Bearer {self.api_key}"
        data = json.dumps(body).encode()
        for attempt in range(self.retries + 1):
            retry_after = None
            try:
                request = urllib.request.Request(self.url, data=data, headers=headers, method="POST")
                with urllib.request.urlopen(request, timeout=self.timeout_s) as answer:
                    text = answer.read(MOST_REPLY_BYTES + 1)
                if len(text) > MOST_REPLY_BYTES:
                    raise BadInput(f"the answer is over {MOST_REPLY_BYTES} bytes; use a smaller --batch")
                return json.loads(text)
            except urllib.error.HTTPError as error:
                said = error.read(500).decode("utf-8", "replace").strip()
                if error.code not in AGAIN:
                    raise BadInput(f"{self.url} answered {error.code} {error.reason}: {said}") from error
                problem, retry_after = f"answered {error.code} {error.reason}: {said}", error.headers.get("Retry-After")
            except ValueError as error:
                raise BadInput(f"{self.url} answered with no JSON: {error}") from error
            except (OSError, http.client.HTTPException) as error:
                problem = str(getattr(error, "reason", None) or error or type(error).__name__)
            if attempt < self.retries:
                self.sleep(wait_s(attempt, retry_after))
        raise Unavailable(f"{self.url} {problem} (after {self.retries + 1} attempts)")


def output_line(text, label, vector, as_array):
    numbers = array.array("f", vector)
    if not all(math.isfinite(number) for number in numbers):
        raise BadInput(f"the embedding of {text!r} has numbers beyond float32")
    if as_array:
        embedding = list(vector)
    else:
        if sys.byteorder == "big":
            numbers.byteswap()
        embedding = base64.b64encode(numbers.tobytes()).decode("ascii")
    entry = {} if label is None else {"label": label}
    return json.dumps({**entry, "text": text, "embedding": embedding}, ensure_ascii=False) + "\n"


def embed_all(endpoint, entries, out, batch, as_array=False, progress=None):
    """Embeds (text, label) entries `batch` at a time and writes their lines; how many there were."""
    for begin in range(0, len(entries), batch):
        part = entries[begin:begin + batch]
        vectors = endpoint.embed([text for text, _ in part])
        for (text, label), vector in zip(part, vectors):
            out.write(output_line(text, label, vector, as_array))
        if progress:
            print(f"\r{begin + len(part)} of {len(entries)}", end="", file=progress, flush=True)
    if progress:
        print(file=progress)
    return len(entries)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0],
                                     epilog="Input: a text a line, or JSON objects with `text` and `label`.")
    parser.add_argument("files", nargs="*", metavar="FILE", help="texts; standard input when none is named")
    parser.add_argument("--url", required=True, help="the endpoint, such as https://api.openai.com/v1/embeddings")
    parser.add_argument("--model", required=True)
    parser.add_argument("--api-key-env", metavar="NAME", help="the environment variable that holds the API key")
    parser.add_argument("--label", help="the label of texts that come without one")
    parser.add_argument("--batch", type=int, default=64, help="texts in one request (default 64)")
    parser.add_argument("--timeout", type=float, default=60.0, metavar="SECONDS", help="of one request (default 60)")
    parser.add_argument("--retries", type=int, default=5, help="after 429, 5xx or a lost connection (default 5)")
    parser.add_argument("--array", action="store_true", help="write embeddings as arrays instead of base64")
    parser.add_argument("-o", "--output", metavar="FILE", help="default: standard output")
    arguments = parser.parse_args()
    if arguments.batch < 1 or arguments.retries < 0 or arguments.timeout <= 0:
        parser.error("--batch must be 1 or more, --retries 0 or more, --timeout over 0")
    if not arguments.url.startswith(("http://", "https://")):
        parser.error("--url must begin with http:// or https://")
    if arguments.api_key_env and not os.environ.get(arguments.api_key_env):
        parser.error(f"--api-key-env: the environment has no {arguments.api_key_env}")
    return arguments


def read_entries(arguments):
    entries = []
    for name in arguments.files or ["-"]:
        if name == "-":
            entries += read_texts(sys.stdin, "standard input", arguments.label)
        else:
            with open(name, encoding="utf-8") as file:
                entries += read_texts(file, name, arguments.label)
    if not entries:
        raise BadInput("there are no texts")
    return entries


def write_output(arguments, entries):
    key = os.environ[arguments.api_key_env] if arguments.api_key_env else None
    endpoint = Endpoint(arguments.url, arguments.model, key, arguments.timeout, arguments.retries)
    progress = sys.stderr if sys.stderr.isatty() else None
    if not arguments.output:
        embed_all(endpoint, entries, sys.stdout, arguments.batch, arguments.array, progress)
        return
    # Whole or not at all: a file that is there is replaced only at the end.
    part = arguments.output + ".part"
    try:
        with open(part, "w", encoding="utf-8") as out:
            embed_all(endpoint, entries, out, arguments.batch, arguments.array, progress)
        os.replace(part, arguments.output)
    finally:
        if os.path.exists(part):
            os.remove(part)


def main():
    try:
        arguments = parse_arguments()
    except SystemExit as end:
        return 64 if end.code else 0
    try:
        write_output(arguments, read_entries(arguments))
        return 0
    except (BadInput, UnicodeDecodeError) as error:
        print(f"embed.py: {error}", file=sys.stderr)
        return 65
    except Unavailable as error:
        print(f"embed.py: {error}", file=sys.stderr)
        return 69
    except OSError as error:
        print(f"embed.py: {error}", file=sys.stderr)
        return 74


if __name__ == "__main__":
    sys.exit(main())
