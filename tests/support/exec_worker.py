#!/usr/bin/env python3
"""A process of an exec target that does what a request's payload says, well or badly: {"do": "echo"} and so on."""

import json
import os
import resource
import signal
import subprocess
import sys
import time


def say(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def facts():
    descriptors = []
    for name in os.listdir("/proc/self/fd"):
        try:
            descriptors.append((int(name), os.readlink(f"/proc/self/fd/{name}").split(":")[0]))
        except OSError:
            pass  # the listing's own
    with open("/proc/self/status", encoding="utf-8") as file:
        status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    return {"pid": os.getpid(), "group": os.getpgid(0), "environment": dict(os.environ), "folder": os.getcwd(),
            "descriptors": sorted(descriptors), "core": resource.getrlimit(resource.RLIMIT_CORE),
            "open_files": resource.getrlimit(resource.RLIMIT_NOFILE),
            "memory": resource.getrlimit(resource.RLIMIT_AS), "blocked": int(status["SigBlk"], 16),
            # Python itself ignores SIGPIPE and SIGXFSZ.
            "ignored": int(status["SigIgn"], 16) & ~(1 << (signal.SIGPIPE - 1)) & ~(1 << (signal.SIGXFSZ - 1)),
            "privileges": status["NoNewPrivs"]}


def start_sleeper():
    """A child in this group that holds stdout open, and ends by no signal but SIGKILL."""
    ignore = ("import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
              "print('ready', file=sys.stderr, flush=True); time.sleep(1000)")
    child = subprocess.Popen([sys.executable, "-c", ignore], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    child.stderr.readline()
    return child.pid


def serve(request):
    payload = request.get("payload")
    do = payload.get("do", "echo") if isinstance(payload, dict) else "echo"
    reply = {"id": request["id"]}
    if do == "echo":
        say({**reply, "body": request})
    elif do == "reply":
        say({**reply, **payload["with"]})
    elif do == "facts":
        say({**reply, "body": facts()})
    elif do == "exit":
        sys.exit(payload.get("code", 3))
    elif do == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    elif do == "answer and exit":
        say({**reply, "body": "last words"})
        sys.exit(0)
    elif do == "hang":
        time.sleep(1000)
    elif do == "hang and ignore":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(1000)
    elif do == "await":
        while not os.path.exists(payload["file"]):
            time.sleep(0.002)
        say({**reply, "body": "awaited"})
    elif do == "say":
        sys.stdout.write(payload["text"])
        sys.stdout.flush()
    elif do == "answer twice":
        sys.stdout.write(2 * (json.dumps({**reply, "body": 1}) + "\n"))
        sys.stdout.flush()
    elif do == "close output":
        os.close(1)
        time.sleep(1000)
    elif do == "fork":
        say({**reply, "body": start_sleeper()})
    elif do == "fork and exit":
        with open(payload["file"], "w", encoding="utf-8") as file:
            file.write(str(start_sleeper()))
        sys.exit(0)
    elif do == "complain":
        for line in payload["lines"]:
            print(line, file=sys.stderr, flush=True)
        say({**reply, "body": None})
    elif do == "once":
        # The first process that is asked ends, and leaves a mark for the next.
        if not os.path.exists(payload["file"]):
            open(payload["file"], "w", encoding="utf-8").close()
            sys.exit(4)
        say({**reply, "body": "second"})


if "stubborn" in sys.argv[1:]:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "deaf" in sys.argv[1:]:
    time.sleep(1000)  # reads nothing
for line in sys.stdin:
    serve(json.loads(line))
if "stubborn" in sys.argv[1:]:
    time.sleep(1000)
