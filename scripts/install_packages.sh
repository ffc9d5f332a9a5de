#!/usr/bin/env bash
# Installs the Debian packages that are missing. Quick and silent when nothing is.
#   scripts/install_packages.sh run|test|neon|bench...
# This is the one list of what the project needs.
set -euo pipefail
cd "$(dirname "$0")/.."

# Boost is named with its version: Debian 12's unversioned packages are 1.74, which has neither
# Boost.JSON nor Boost.URL, and libboost-all-dev would remove these.
run_packages=(
  g++ cmake ninja-build ccache python3
  libboost1.81-dev libboost-json1.81-dev libboost-url1.81-dev libssl-dev
  libyaml-cpp-dev libspdlog-dev prometheus-cpp-dev libcli11-dev
)
test_packages=(
  libgtest-dev libgmock-dev libsimde-dev e2fsprogs mount nginx-light haproxy openssl socat
  clang libclang-rt-14-dev clang-format clang-tidy
)
neon_packages=(g++-aarch64-linux-gnu qemu-user googletest)
bench_packages=(
  gnuplot-nox libbenchmark-dev libfaiss-dev libhnswlib-dev libopenblas-dev libsqlite3-dev
  nginx-light haproxy
)

wanted=()
for set in "$@"; do
  case "$set" in
    run) wanted+=("${run_packages[@]}") ;;
    test) wanted+=("${test_packages[@]}") ;;
    neon) wanted+=("${neon_packages[@]}") ;;
    bench) wanted+=("${bench_packages[@]}") ;;
    *) echo "install_packages.sh: the sets are run, test, neon and bench, not '$set'" >&2; exit 64 ;;
  esac
done
[ ${#wanted[@]} -gt 0 ] || { echo "usage: scripts/install_packages.sh run|test|neon|bench..." >&2; exit 64; }

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "This is not a Debian system, so nothing was installed. The packages meant are, by their Debian 12 names:" >&2
  echo "  ${wanted[*]}" >&2
  echo "With SEMROUTE_INSTALL=no the commands go on with what is there." >&2
  [ "${SEMROUTE_INSTALL:-yes}" = no ] && exit 0
  exit 69
fi

installed=" $(dpkg-query -W -f='${db:Status-Status}/${Package} ' 2>/dev/null) "
missing=()
for package in "${wanted[@]}"; do
  case "$installed" in *" installed/$package "*) ;; *) missing+=("$package") ;; esac
done
[ ${#missing[@]} -gt 0 ] || exit 0
if [ "${SEMROUTE_INSTALL:-yes}" = no ]; then
  echo "Not installed, as SEMROUTE_INSTALL=no asks: ${missing[*]}" >&2
  exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
  if ! command -v sudo >/dev/null || { ! sudo -n true 2>/dev/null && [ ! -t 0 ]; }; then
    echo "These packages are missing, and installing them needs root:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 77
  fi
  as_root=(sudo)
fi

echo "Installing ${missing[*]} ..." >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q \
    -o Acquire::Retries=3 -o DPkg::Lock::Timeout=300 "$@" >>"$log" 2>&1
}
if ! apt update || ! apt install --no-install-recommends "${missing[@]}"; then
  tail -n 40 "$log" >&2
  echo "Installing failed; the lines above are apt's. The package names are those of Debian 12 (bookworm)." >&2
  exit 69
fi
