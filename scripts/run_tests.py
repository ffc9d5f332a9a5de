"""What test.sh runs: builds, then every suite, counted. See `./test.sh --help`."""

import os
import signal
import sys

import fuzz
import lint
import processes
from free_ports import free_ports
from outcome import Outcome, run_one_check
from suites import run_gtest, run_sanitized, run_unittest

FLOORS = ("core", "config", "plugins", "router")
PROGRAMS = ("integration", "router", "plugins", "config", "core")  # the longest first
PYTHON_SUITES = {"style": "tests/style", "docs": "tests/docs", "examples": "tests/examples"}
SANITIZERS = {
    "asan": {"ASAN_OPTIONS": "detect_stack_use_after_return=1:check_initialization_order=1:strict_string_checks=1",
             "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"},
    "tsan": {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"},
}
WITHOUT = {"asan": (), "tsan": ("config",)}  # the configuration is read by one thread
NEON_EMULATOR = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu")
# The emulator cannot start a second process of an ARM program, so tests that expect a crash are left out, and a test
# that starts this program again is told how. It keeps a note of every page that was ever reserved, which hundreds of
# indexes make gigabytes of; and what differs between processors is in the codecs, which their own tests and scans show.
NEON_WITHOUT = ("*DeathTest*", "RandomIndex.*", "Every/Codes.*/pq_*", "Every/Codes.*_hnsw")
NEON = {"GTEST_FILTER": "-" + ":".join(NEON_WITHOUT), "SEMROUTE_TEST_EMULATOR": " ".join(NEON_EMULATOR)}
ONLY_WITH_ALL = (*SANITIZERS, "neon", "fuzz")  # builds of their own: with --all, or by name
SUITES = (*FLOORS, "integration", *PYTHON_SUITES, "format", "tidy", "run", *ONLY_WITH_ALL)
INTERRUPTS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
NEED_NO_BUILD = {"style", "format"}

BUILD_ROOT = os.environ.get("SEMROUTE_BUILD_ROOT", "build")
JOBS = int(os.environ.get("SEMROUTE_JOBS", os.cpu_count() or 1))


def log_path(name):
    return os.path.join(BUILD_ROOT, "logs", name + ".log")


def build(preset, folder, targets):
    """Configures and builds; None when it went well, else an Outcome with the failure."""
    name = f"build ({preset})"
    configure = ["cmake", "--preset", preset, "-B", folder, "-DSEMROUTE_TESTS=ON"]
    outcome = run_one_check(name, configure, log_path(f"{preset}-configure"))
    if not outcome.failures:
        command = ["cmake", "--build", folder, "-j", str(JOBS), "--target", *targets]
        built = run_one_check(name, command, log_path(f"{preset}-build"))
        built.seconds += outcome.seconds
        outcome = built
    if outcome.failures:
        return outcome
    print(f"  {name:<20} {'':<36} {outcome.seconds:7.1f} s", flush=True)
    return None


def run_programs(names, folder, sanitizer=None):
    """The GoogleTest programs of a build folder, three at a time: those of the integration mostly wait."""
    def one(name):
        program = os.path.join(folder, "tests", f"{name}_tests")
        suite = f"{sanitizer} {name}" if sanitizer else name
        log = log_path(suite.replace(" ", "-"))
        if not os.path.exists(program):
            return Outcome(suite, failures=[(suite, f"{program} is not there")])
        if sanitizer:
            return run_sanitized(suite, program, log, SANITIZERS[sanitizer])
        return run_gtest(suite, program, log)

    yield from processes.side_by_side([lambda name=name: one(name) for name in names], 3)


def run_neon(program):
    """The tests of core under the emulator, in two shares side by side."""
    def one(share):
        shares = {"GTEST_TOTAL_SHARDS": "2", "GTEST_SHARD_INDEX": str(share)}
        return run_gtest(f"neon core {share + 1}/2", program, log_path(f"neon-core-{share + 1}"), {**NEON, **shares},
                         NEON_EMULATOR)

    yield from processes.side_by_side([lambda share=share: one(share) for share in range(2)], 2)


def check_run():
    port, admin_port = free_ports(2)
    environment = {"SEMROUTE_RUN_PORT": str(port), "SEMROUTE_RUN_ADMIN_PORT": str(admin_port)}
    return run_one_check("run", ["./run.sh", "--once"], log_path("run"), environment)


def run_suites(wanted, everything):
    """Yields the outcome of every suite asked for, in a useful order: what is quick first."""
    if "style" in wanted:
        yield run_unittest("style", PYTHON_SUITES["style"], log_path("style"))
    if "format" in wanted:
        yield lint.check_format(log_path("format"))

    if wanted - NEED_NO_BUILD - set(ONLY_WITH_ALL):
        programs = [name for name in PROGRAMS if name in wanted]
        targets = [f"{name}_tests" for name in programs]
        if wanted & {"tidy"}:
            targets = ["all"]  # clang-tidy's memory needs the dependencies of every source
        elif wanted & {"run", "docs", "examples"}:
            targets += ["semrouted", "semroute"]
        broken = build("release", BUILD_ROOT, targets)
        if broken:
            yield broken
        else:
            yield from run_programs(programs, BUILD_ROOT)
            tools = {"SEMROUTE_BUILD": os.path.abspath(BUILD_ROOT)}
            for name in ("docs", "examples"):
                if name in wanted:
                    yield run_unittest(name, PYTHON_SUITES[name], log_path(name), tools)
            if "run" in wanted:
                yield check_run()
            if "tidy" in wanted:
                yield lint.check_tidy(BUILD_ROOT, everything, log_path("tidy"), JOBS)

    for preset in SANITIZERS:
        if preset in wanted:
            folder = os.path.join(BUILD_ROOT, preset)
            programs = [name for name in PROGRAMS if name not in WITHOUT[preset]]
            broken = build(preset, folder, [f"{name}_tests" for name in programs])
            if broken:
                yield broken
            else:
                yield from run_programs(programs, folder, preset)

    if "neon" in wanted:
        folder = os.path.join(BUILD_ROOT, "neon")
        broken = build("neon", folder, ["core_tests"])
        if broken:
            yield broken
        else:
            yield from run_neon(os.path.join(folder, "tests", "core_tests"))

    if "fuzz" in wanted:
        folder = os.path.join(BUILD_ROOT, "fuzz")
        broken = build("fuzz", folder, ["fuzzers"])
        if broken:
            yield broken
        else:
            yield from fuzz.run_fuzzers(folder, log_path, JOBS)


def main(arguments):
    everything = "--all" in arguments
    names = [argument for argument in arguments if argument != "--all"]
    unknown = [name for name in names if name not in SUITES]
    if unknown:
        print(f"test.sh: unknown suite or option {', '.join(unknown)}; ./test.sh --help names them", file=sys.stderr)
        return 64
    wanted = set(names) or set(SUITES) - (set() if everything else set(ONLY_WITH_ALL))

    def interrupt(*_):
        for number in INTERRUPTS:
            signal.signal(number, signal.SIG_IGN)  # once is enough: what runs is being ended
        raise KeyboardInterrupt

    for number in INTERRUPTS:
        signal.signal(number, interrupt)

    passed = failed = skipped = 0
    try:
        for outcome in run_suites(wanted, everything):
            outcome.report()
            sys.stdout.flush()
            passed += outcome.passed
            failed += len(outcome.failures)
            skipped += len(outcome.skipped)
    except KeyboardInterrupt:
        print("interrupted")
        failed += 1
    finally:
        processes.stop_all()
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
