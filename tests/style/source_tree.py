"""SourceTree: the repository's text files by path, and what the rules ask about them."""

import os
import re
import subprocess

FLOORS = ("core", "config", "plugins", "router")  # lowest first
INCLUDE = re.compile(r'^\s*#\s*include\s+(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)


class SourceTree:
    def __init__(self, files, executable=()):
        self.files = dict(files)  # path from the repository's root -> text
        self.executable = set(executable)

    @staticmethod
    def read(root):
        """The files that belong to the repository: tracked, or new and not ignored."""
        try:
            output = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=root,
                                    capture_output=True, check=True).stdout.decode()
            paths = [path for path in output.split("\0") if path]
        except (OSError, subprocess.CalledProcessError):
            paths = []
            for parent, folders, names in os.walk(root):
                folders[:] = [one for one in folders if one != "__pycache__" and not one.startswith(("build", ".git"))]
                paths += [os.path.relpath(os.path.join(parent, name), root) for name in names]
        files, executable = {}, set()
        for path in sorted(paths):
            full = os.path.join(root, path)
            if not os.path.isfile(full):
                continue
            if os.access(full, os.X_OK):
                executable.add(path)
            try:
                with open(full, encoding="utf-8", newline="") as file:
                    files[path] = file.read()
            except UnicodeDecodeError:
                files[path] = ""  # data, known by its name alone
        return SourceTree(files, executable)

    def under(self, folders, endings):
        """(path, text) of the files below any of the folders, in order."""
        for path, text in self.files.items():
            if path.split("/")[0] in folders and path.endswith(endings):
                yield path, text

    def code(self):
        """The floors' own C++: no tests, no benchmarks."""
        return self.under(FLOORS, (".h", ".cpp"))

    def includes(self):
        """(path, included name) for every #include of the floors."""
        for path, text in self.code():
            for found in INCLUDE.finditer(text):
                yield path, found.group(1) or found.group(2)

    def folders(self):
        found = set()
        for path in self.files:
            parts = path.split("/")[:-1]
            found |= {"/".join(parts[:depth + 1]) for depth in range(len(parts))}
        return found
