"""The rules of the house that a program can hold. Each takes a SourceTree and returns what breaks it.

A rule is a function here, a line in RULES and a planted fault in style_test.py, which proves that it bites.
"""

import posixpath
import re

from source_tree import FLOORS, INCLUDE

MOST_HEADER_LINES = 220
MOST_SOURCE_LINES = 450
MOST_FUNCTION_LINES = 80

# core's rooms, lowest first; a room includes itself and those before it. `store` stands on `base` alone.
CORE_ROOMS = {"base": (), "kernels": ("base",), "quantize": ("base", "kernels"),
              "index": ("base", "kernels", "quantize"), "store": ("base",)}

# A third party's headers -> the paths that may include them, and how many files at most.
ROOMS = {
    "yaml-cpp/": (r"config/yaml_reader\.cpp", 1),
    "spdlog/": (r"router/.*log\.(h|cpp)", 2),
    "fmt/": (r"router/.*log\.(h|cpp)", 2),
    "boost/beast": (r"(plugins/targets|router/admin|router/tool)/.*", 3),
    "CLI/": (r"router/(tool|daemon)/.*\.cpp", 1),
    "prometheus/": (r"router/(observe|admin)/.*", 3),
    "boost/asio": (r"(plugins|router)/.*", None),
    "openssl/": (r"plugins/targets/http/tls\.cpp", 1),
    "boost/json": (r"config/[a-z_]*json[a-z_]*\.cpp|config/[a-z_]*vector[a-z_]*\.cpp|plugins/targets/.*"
                   r"|router/(protocol|tool|observe|admin)/.*", None),
    "boost/url": (r"(plugins|router)/.*", None),
}

# Folders whose work is sockets, threads and signals: the real daemon is tested, in tests/integration/.
# Their tests speak to the real programs, in tests/integration/ and tests/router/tool/.
DRIVEN_FROM_OUTSIDE = {"router/admin", "router/daemon", "router/dispatch", "router/net", "router/observe",
                       "router/tool/commands", "router/verbs"}

# yaml-cpp's event handler has no other way to stop its parser.
MAY_THROW = {"config/yaml_reader.cpp"}

NAMES_OF_OTHERS = {"README.md", "LICENSE", "CMakeLists.txt", "CMakePresets.json", "FORMAT.md"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


def floors_look_down(tree):
    """A floor includes itself and the floors before it."""
    problems = []
    for path, name in tree.includes():
        floor, other = path.split("/")[0], name.split("/")[0]
        if other in FLOORS and FLOORS.index(other) > FLOORS.index(floor):
            problems.append(f"{path} includes {name}")
    return problems


def core_rooms_look_down(tree):
    """Inside core: base <- kernels <- quantize <- index, with store beside them on base."""
    problems = []
    for path, name in tree.includes():
        if path.startswith("core/") and name.startswith("core/"):
            room, other = path.split("/")[1], name.split("/")[1]
            if other != room and other not in CORE_ROOMS.get(room, ()):
                problems.append(f"{path} includes {name}")
    return problems


def third_parties_keep_their_room(tree):
    """Each third party is included where it belongs, and in few files."""
    problems = []
    users = {}
    for path, name in tree.includes():
        for prefix, (allowed, _) in ROOMS.items():
            if name.startswith(prefix):
                users.setdefault(prefix, set()).add(path)
                if not re.fullmatch(allowed, path):
                    problems.append(f"{path} includes {name}")
    for prefix, paths in users.items():
        most = ROOMS[prefix][1]
        if most is not None and len(paths) > most:
            problems.append(f"{prefix} is in {len(paths)} files, at most {most}: {', '.join(sorted(paths))}")
    return problems


def includes_are_written_from_the_root(tree):
    """Our own headers are included by their path from the repository's root, and exist."""
    problems = []
    for path, name in tree.includes():
        ours = name.split("/")[0] in (*FLOORS, "tests", "bench")
        if name.startswith(".") or (ours and name not in tree.files):
            problems.append(f"{path} includes {name}")
    return problems


def headers_say_what_they_are(tree):
    """A header opens with a comment, then #pragma once, and stays in its floor's namespace."""
    problems = []
    for path, text in tree.code():
        if not path.endswith(".h") or path.startswith("plugins/abi/"):
            continue
        lines = text.splitlines()
        if not lines or not lines[0].startswith("// "):
            problems.append(f"{path} does not open with a comment that says what it is")
        first = next((line for line in lines if line and not line.startswith("//")), "")
        if first != "#pragma once":
            problems.append(f"{path} has no #pragma once after its first comment")
        if f"namespace semroute::{path.split('/')[0]}" not in text:
            problems.append(f"{path} does not live in semroute::{path.split('/')[0]}")
    return problems


def files_are_short(tree):
    problems = []
    for path, text in tree.under((*FLOORS, "tests", "bench"), (".h", ".cpp")):
        most = MOST_HEADER_LINES if path.endswith(".h") else MOST_SOURCE_LINES
        count = len(text.splitlines())
        if count > most:
            problems.append(f"{path} has {count} lines, at most {most}")
    return problems


def long_functions(text):
    """(first line, length) of the functions over the limit. Rests on clang-format: a body that opens at the end
    of a line closes with a brace at its statement's indentation."""
    found = []
    start = None
    for number, line in enumerate(text.splitlines(), 1):
        indent = len(line) - len(line.lstrip())
        stripped = line.strip()
        if start is None:
            # A signature begins at the outermost level, or one level in, inside a class or an inner namespace.
            if (indent in (0, 2) and "(" in stripped and not stripped.startswith(("#", "//", "}", "namespace", "TEST"))
                    and not stripped.endswith((";", "}"))):
                start = (number, indent)
        elif indent == start[1] and (stripped.startswith("}") or stripped.endswith(";") or not stripped):
            length = number - start[0] + 1
            if stripped.startswith("}") and length > MOST_FUNCTION_LINES:
                found.append((start[0], length))
            if stripped:
                start = None
    return found


def functions_are_short(tree):
    return [f"{path}:{line}: a function of {length} lines, at most {MOST_FUNCTION_LINES}"
            for path, text in tree.code() for line, length in long_functions(text)]


def nothing_is_put_off(tree):
    """No marks for work that was left undone."""
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
    return [f"{path}:{number}: {line.strip()}" for path, text in tree.files.items()
            for number, line in enumerate(text.splitlines(), 1) if marks.search(line)]


def no_exceptions_of_our_own(tree):
    """An operating error is a value; exceptions end at the library that throws them."""
    thrown = re.compile(r"^\s*throw\b|[;{]\s*throw\b", re.MULTILINE)
    return [f"{path} throws" for path, text in tree.code()
            if path not in MAY_THROW and thrown.search(text)]


def every_folder_has_its_tests(tree):
    """tests/ mirrors the floors: some test of the floor includes a header of each folder that has sources."""
    folders = {posixpath.dirname(path) for path, _ in tree.code()
               if path.endswith(".cpp") and posixpath.basename(path) not in ("main.cpp", "asio.cpp")}
    tested = {}
    for path, text in [*tree.under(("tests",), ".cpp"), *tree.under(("tests",), ".h")]:
        for found in INCLUDE.finditer(text):
            if found.group(1):
                tested.setdefault(path.split("/")[1], set()).add(posixpath.dirname(found.group(1)))
    problems = []
    for folder in sorted(folders):
        floor = folder.split("/")[0]
        if folder in DRIVEN_FROM_OUTSIDE:
            if not any(path.startswith("tests/integration/") for path in tree.files):
                problems.append(f"{folder} is tested in tests/integration/, which is empty")
        elif folder not in tested.get(floor, ()):
            problems.append(f"no test in tests/{floor}/ includes a header of {folder}/")
    return problems


def the_map_is_true(tree):
    """The README's map names every folder of the floors and of the top level, and none that is not there."""
    readme = tree.files.get("README.md", "")
    section = re.search(r"^## The map of the house\n(.*?)(?=^## |\Z)", readme, re.MULTILINE | re.DOTALL)
    if not section:
        return ["README.md has no section 'The map of the house'"]
    named = set(re.findall(r"`([a-z_./]+)/`", section.group(1)))
    there = tree.folders()
    needed = {one for one in there if one.split("/")[0] in FLOORS} | {one for one in there if "/" not in one}
    return ([f"README.md's map lacks {one}/" for one in sorted(needed - named)]
            + [f"README.md's map names {one}/, which is not there" for one in sorted(named - there)])


def links_lead_somewhere(tree):
    """Relative links of the Markdown files name files or folders that exist."""
    problems = []
    there = tree.folders() | set(tree.files)
    for path, text in tree.files.items():
        if not path.endswith(".md"):
            continue
        for target in LINK.findall(FENCE.sub("", text)):
            if re.match(r"[a-z]+:|#", target):
                continue
            linked = posixpath.normpath(posixpath.join(posixpath.dirname(path), target.split("#")[0]))
            if linked not in there:
                problems.append(f"{path} links to {target}")
    return problems


def names_are_snake_case(tree):
    problems = []
    for path in tree.files:
        if path.startswith(("examples/quickstart/", ".")):
            continue
        name = posixpath.basename(path)
        if name not in NAMES_OF_OTHERS and not re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)*", name):
            problems.append(f"{path} is not in snake_case")
    return problems


def programs_can_be_run(tree):
    """A file is executable exactly if it says what runs it."""
    problems = []
    for path, text in tree.files.items():
        if text.startswith("#!") != (path in tree.executable):
            problems.append(f"{path}: run bit {path in tree.executable}, first line {text.splitlines()[:1]}")
    return problems


def text_is_clean(tree):
    """No tabs, trailing spaces or carriage returns; a newline at the end; lines of at most 120
    characters in scripts (clang-format sees to the C++)."""
    problems = []
    for path, text in tree.files.items():
        if not path.endswith((".h", ".cpp", ".py", ".sh", ".md", ".txt", ".cmake", ".yaml")):
            continue
        if text and not text.endswith("\n"):
            problems.append(f"{path} has no newline at its end")
        for number, line in enumerate(text.split("\n"), 1):
            if re.search(r"[ \t\r]$|\t", line):
                problems.append(f"{path}:{number}: a tab or a trailing space")
            if len(line) > 120 and path.endswith((".py", ".sh")):
                problems.append(f"{path}:{number}: {len(line)} characters")
    return problems


# Faults and bad input that this version answers for, by their numbers. A test names those that it shows: FaultNN.
FAULTS = {
    1: "malformed line", 2: "invalid UTF-8", 3: "nesting", 4: "line over the limit", 5: "number beyond float64",
    6: "number beyond float32", 7: "duplicate key", 8: "unknown field, wrong type, no embedding",
    9: "blank line, BOM", 10: "half a line", 11: "10,000 pipelined requests", 12: "id in flight",
    13: "client that never reads", 14: "half-closed client", 15: "bad magic", 16: "unknown frame version",
    17: "frame over the limit", 18: "lengths that contradict", 19: "frame cut off", 20: "frame byte by byte",
    21: "another dimension in a frame", 22: "NaN bits in a frame", 23: "unknown op, reserved flag",
    34: "configuration that is not strict YAML", 35: "value outside its range", 36: "routes, targets, vector files",
    37: "file that is none", 38: "secret that others can read", 39: "another dimension", 40: "NaN, no numbers",
    41: "zero vector", 42: "norm beyond the range", 43: "empty index", 44: "changes while searching",
    45: "capacity reached", 46: "everything deleted and inserted again", 47: "more than there are",
    48: "inserted twice", 50: "kill at any moment", 51: "power loss", 52: "torn tail of the log",
    53: "damage in the middle", 54: "flipped bit in a snapshot", 55: "damaged graph", 56: "full disk, short write",
    57: "failed sync", 58: "read-only file system", 59: "second daemon on a folder",
    60: "newer format, another dimension", 61: "crash while a snapshot is written", 62: "connection refused",
    63: "target that hangs", 64: "reset after sending", 65: "stale connection", 66: "garbage, oversized reply",
    67: "dripping reply", 68: "lengths that disagree", 69: "name that does not resolve", 70: "denied network",
    71: "redirect", 72: "flapping endpoint", 73: "everything fails",
    74: "subprocess that exits, ignores its input, forks", 75: "client that leaves",
    76: "plugin of another version, without the symbol", 77: "plugin that hangs",
    78: "plugin that others can write", 81: "queue that is full",
    83: "decision log on a full disk", 84: "storm of SIGHUP", 85: "SIGTERM under load",
    91: "listener beyond loopback"}
TEST_NAME = re.compile(r"^TEST(?:_F|_P)?\(\s*\w+,\s*(\w+)\s*\)", re.MULTILINE)


def every_fault_has_its_test(tree):
    """Each fault of the list is named by at least one test."""
    named = {int(number) for path, text in tree.under(("tests",), ".cpp") for name in TEST_NAME.findall(text)
             for number in re.findall(r"Fault(\d{2})", name)}
    return [f"no test names Fault{number:02} ({what})" for number, what in FAULTS.items() if number not in named]


RULES = (floors_look_down, core_rooms_look_down, third_parties_keep_their_room, includes_are_written_from_the_root,
         headers_say_what_they_are, files_are_short, functions_are_short, nothing_is_put_off, no_exceptions_of_our_own,
         every_folder_has_its_tests, every_fault_has_its_test, the_map_is_true, links_lead_somewhere,
         names_are_snake_case, programs_can_be_run, text_is_clean)
