"""Holds the repository to the rules of rules.py, and every rule to a fault planted for it."""

import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

import rules  # noqa: E402
from source_tree import SourceTree  # noqa: E402

LONG_FUNCTION = "int f(int a,\n      int b) {\n" + "  ++a;\n" * 90 + "}\n"

# Per rule: a small tree that breaks it, and a word of what must be said.
PLANTED = {
    "floors_look_down": ({"core/base/a.h": '#include "router/net/x.h"\n'}, "core/base/a.h"),
    "core_rooms_look_down": ({"core/kernels/a.cpp": '#include "core/index/index.h"\n'}, "core/index/index.h"),
    "third_parties_keep_their_room": ({"config/load.cpp": "#include <yaml-cpp/yaml.h>\n"}, "yaml-cpp"),
    "includes_are_written_from_the_root": ({"config/load.cpp": '#include "../core/a.h"\n'}, "../core/a.h"),
    "headers_say_what_they_are": ({"core/base/a.h": "#pragma once\nnamespace semroute::core {}\n"}, "does not open"),
    "files_are_short": ({"router/net/a.h": "// x\n" * 300}, "300 lines"),
    "functions_are_short": ({"router/net/a.cpp": LONG_FUNCTION}, "93 lines"),
    "nothing_is_put_off": ({"docs/a.md": "later: TO" + "DO\n"}, "docs/a.md:1"),
    "no_exceptions_of_our_own": ({"core/a.cpp": "int f() {\n  throw 1;\n}\n"}, "throws"),
    "every_folder_has_its_tests": ({"router/decide/decide.cpp": ""}, "router/decide/"),
    "every_fault_has_its_test": ({"tests/integration/a_test.cpp": "TEST(A, Fault01Malformed) {}\n// Fault02\n"},
                                 r"^no test names Fault02 "),
    "the_map_is_true": ({"core/base/a.h": "", "README.md": "## The map of the house\n`core/` and `core/old/`\n"},
                        "core/base/"),
    "links_lead_somewhere": ({"README.md": "[a](docs/nothing.md)\n"}, "docs/nothing.md"),
    "names_are_snake_case": ({"core/base/BadName.cpp": ""}, "BadName"),
    "programs_can_be_run": ({"run.sh": "#!/usr/bin/env bash\n"}, "run.sh"),
    "text_is_clean": ({"core/a.cpp": "int a; \n"}, "core/a.cpp:1"),
}


class HouseRules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tree = SourceTree.read(os.path.dirname(os.path.dirname(HERE)))

    def test_the_tree_was_found(self):
        for path in ("CMakeLists.txt", "core/base/result.h", "tests/style/rules.py"):
            self.assertIn(path, self.tree.files)


class PlantedFaults(unittest.TestCase):
    def test_every_rule_has_a_planted_fault(self):
        self.assertEqual(set(PLANTED), {rule.__name__ for rule in rules.RULES})


def add_tests(rule):
    def repository(self):
        problems = rule(self.tree)
        self.assertFalse(problems, "\n" + "\n".join(problems))

    def planted(self):
        files, said = PLANTED[rule.__name__]
        self.assertRegex("\n".join(rule(SourceTree(files))), said)

    setattr(HouseRules, f"test_{rule.__name__}", repository)
    setattr(PlantedFaults, f"test_{rule.__name__}", planted)


for one in rules.RULES:
    add_tests(one)

if __name__ == "__main__":
    unittest.main()
