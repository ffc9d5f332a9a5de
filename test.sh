#!/usr/bin/env bash
# Builds everything, runs every test and check; see --help.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/common.sh

usage() {
  cat <<'END'
usage: ./test.sh [--all] [SUITE...]

Installs what is missing, builds, runs every test and check, and ends with the line
"N passed, M failed" (", K skipped" when tests were skipped, which are named with the reason).
The exit code is 0 only if nothing failed. Logs are kept in build/logs/.

  --all    also AddressSanitizer with UndefinedBehaviorSanitizer (built by clang++), ThreadSanitizer
           (g++), core on 64-bit ARM (cross-compiled, run by qemu), the fuzzers, and clang-tidy over everything
           instead of what differs from the last commit
  --help   this text

Suites, to run some alone:
  core config plugins router   the tests of one floor
  integration                  the real daemon over TCP
  examples docs style          Python: the examples, the README's walk, the rules of the house
  format tidy                  clang-format, clang-tidy
  run                          ./run.sh --once
  asan tsan                    the suites under a sanitizer; --all has both
  neon                         the tests of core on 64-bit ARM; --all has it
  fuzz                         every parser on its first inputs and on ones that libFuzzer makes of them; --all has it

Environment:
  SEMROUTE_TEST_DATA      where the large data sets are (default ../shared/data; README.md says which); tests
                          without theirs are skipped, and named with what was looked for
  SEMROUTE_BUILD_ROOT     another build folder than build/
  SEMROUTE_FUZZ_SECONDS   fuzz: this long a parser, on new inputs every time (default: 10, on the same ones)
  SEMROUTE_CRASH_CYCLES   core, integration: how often a program that commits, and the daemon, are killed and what they
                          kept is compared (default: 200); a twentieth of it for power cuts of the daemon's disk
  SEMROUTE_DISPATCH_REQUESTS
                          integration: how many requests go to upstreams that reset at random (default: 100,000)
  SEMROUTE_JOBS           compile jobs (default: one per processor)
  SEMROUTE_INSTALL=no     never install packages
END
}

for argument in "$@"; do
  case "$argument" in --help | -h) usage; exit 0 ;; esac
done

package_sets=(run test)
for argument in "$@"; do
  case "$argument" in --all | neon) package_sets+=(neon); break ;; esac
done
if ! scripts/install_packages.sh "${package_sets[@]}"; then
  echo "0 passed, 1 failed"
  exit 1
fi
use_ccache
export SEMROUTE_BUILD_ROOT=$build_root
exec python3 scripts/run_tests.py "$@"
