"""clang-format and clang-tidy, one check each; clang-tidy remembers by content what it found clean."""

import hashlib
import json
import os
import re
import time

import processes
from outcome import Outcome, run_one_check

CODE_FOLDERS = ("core", "config", "plugins", "router", "tests", "bench")
TIDY_FOLDERS = ("core", "config", "plugins", "router")
GENERATED = re.compile(r"^\d+ warnings? (?:and \d+ errors? )?generated\.\n", re.MULTILINE)  # hidden ones, mostly


def files_in(folders, endings):
    found = []
    for folder in folders:
        for parent, _, names in os.walk(folder):
            found += [os.path.join(parent, name) for name in names if name.endswith(endings)]
    return sorted(found)


def check_format(log):
    files = files_in(CODE_FOLDERS, (".h", ".cpp"))
    return run_one_check("format", ["clang-format", "--dry-run", "-Werror", *files], log)


def changed_files():
    """Paths that differ from the last commit; None without git."""
    ended = processes.run(["git", "-c", "core.quotePath=off", "status", "--porcelain", "-uall"])
    return {line[3:].split(" -> ")[-1] for line in ended.output.splitlines()} if ended.status == 0 else None


def dependencies(build):
    """For every compiled source, the files of the repository that it reads, as Ninja recorded them."""
    root = os.getcwd() + os.sep
    sources = {}
    for block in processes.run(["ninja", "-C", build, "-t", "deps"]).output.split("\n\n"):
        paths = [os.path.abspath(os.path.join(build, line.strip())) for line in block.splitlines()[1:]]
        inside = [path[len(root):] for path in paths if path.startswith(root)]
        inside = [path for path in inside if path.startswith(CODE_FOLDERS)]
        if inside:
            sources.setdefault(inside[0], inside)
    return sources


def check_tidy(build, everything, log, jobs):
    """All sources of the floors, or those that a changed file is part of."""
    started = time.monotonic()
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        commands = {os.path.relpath(entry["file"]): entry["command"] for entry in json.load(file)}
    reads = dependencies(build)
    sources = [path for path in files_in(TIDY_FOLDERS, ".cpp") if path in commands]
    changed = None if everything else changed_files()
    if changed is not None:
        sources = [path for path in sources if changed & {".clang-tidy", path, *reads.get(path, [])}]

    version = processes.run(["clang-tidy", "--version"]).output
    contents = {}

    def digest(path):
        if path not in contents:
            with open(path, "rb") as file:
                contents[path] = hashlib.sha256(file.read()).hexdigest()
        return contents[path]

    clean = os.path.join(build, "tidy")
    os.makedirs(clean, exist_ok=True)
    work = []
    for path in sources:
        inputs = [version, commands[path]] + [f"{name} {digest(name)}" for name in
                                              (".clang-tidy", *sorted({path, *reads.get(path, [])}))]
        mark = os.path.join(clean, hashlib.sha256("\n".join(inputs).encode()).hexdigest())
        if not os.path.exists(mark):
            work.append((path, mark))

    def tidy(item):
        path, mark = item
        ended = processes.run(["clang-tidy", "--quiet", "-p", build, path])
        if ended.status == 0:
            open(mark, "w").close()
            return ""
        return GENERATED.sub("", ended.output) or f"{path}: clang-tidy ended with {ended.status}\n"

    found = "".join(sorted(processes.side_by_side([lambda item=item: tidy(item) for item in work], jobs)))
    with open(log, "w", encoding="utf-8") as file:
        file.write(found)
    outcome = Outcome(f"tidy ({len(sources)} files)", seconds=time.monotonic() - started, log=log)
    if found:
        outcome.failures.append(("clang-tidy", "\n".join(found.splitlines()[:80])))
    else:
        outcome.passed = 1
    return outcome
