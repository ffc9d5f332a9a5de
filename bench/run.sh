#!/usr/bin/env bash
# Builds the benchmarks, runs them beside their peers and keeps what they found; see --help.
set -euo pipefail
cd "$(dirname "$0")/.."
. scripts/common.sh

usage() {
  cat <<'END'
usage: bench/run.sh quick|full [--out DIR]

Installs what is missing, builds, measures, and leaves in DIR the report (report.txt), a CSV file for each table and a
plot for each curve (*.svg). bench/README.md says how to read them.

  quick      small sets, less than two minutes of measuring
  full       up to 1,000,000 vectors, about an hour and 8 GB of memory; what can be kept for a second run is in DIR/kept
  --out DIR  default: build/bench/results/quick or .../full

The exit code is 0 if every program ran and met its targets, 1 if one did not; the last lines name those.

Environment:
  SEMROUTE_BUILD_ROOT     another build folder than build/
  SEMROUTE_JOBS           compile jobs (default: one per processor)
  SEMROUTE_INSTALL=no     never install packages; peers that are not there are left out
  SEMROUTE_ISA=...        force an instruction set for ours: scalar, avx2, avx512; with scalar and avx2 the peers are
                          compiled for no more than that (x86-64, x86-64-v3)
END
}

extent="" out=""
while [ $# -gt 0 ]; do
  case "$1" in
    quick | full) extent=$1 ;;
    --out) [ $# -gt 1 ] || { usage >&2; exit 64; }; out=$2; shift ;;
    --help | -h) usage; exit 0 ;;
    *) echo "bench/run.sh: unknown argument '$1'" >&2; usage >&2; exit 64 ;;
  esac
  shift
done
[ -n "$extent" ] || { usage >&2; exit 64; }

scripts/install_packages.sh run bench
use_ccache
build=$build_root/bench
out=${out:-$build/results/$extent}
case "${SEMROUTE_ISA:-}" in
  scalar) arch=x86-64 ;;
  avx2) arch=x86-64-v3 ;;
  *) arch=native ;;
esac
run_quietly "$build/logs/configure.log" cmake --preset bench -B "$build" -DSEMROUTE_BENCH_ARCH="$arch"
run_quietly "$build/logs/build.log" cmake --build "$build" -j "${SEMROUTE_JOBS:-$(nproc)}" \
  --target bench_{machine,kernels,flat,graph,quantization,filter,mixed,store,load,decide} \
  bench_{loopback,dispatch,failover,changes,start}

mkdir -p "$out/kept"
report=$out/report.txt
rm -f "$out"/*.csv "$out"/*.svg
commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
echo "semrouted $commit, bench/run.sh $extent, $(date -u '+%Y-%m-%d %H:%M UTC')" >"$report"
cat "$report"

missed=""
# measure NAME OPTIONS...: bench_NAME, its tables on the screen and in the report.
measure() {
  local name=$1 status=0 started=$SECONDS
  shift
  printf '\n--- bench_%s %s\n' "$name" "$*" | tee -a "$report"
  "$build/bench/bench_$name" "$@" --out "$out" | tee -a "$report" || status=${PIPESTATUS[0]}
  echo "($((SECONDS - started)) s)" | tee -a "$report"
  case "$status" in
    0) ;;
    1) missed+=" bench_$name (targets missed)" ;;
    *) missed+=" bench_$name (exit code $status)" ;;
  esac
}

kept=(--keep "$out/kept")
if [ "$extent" = quick ]; then
  measure machine --rounds 5 --memory-mib 256
  measure flat --rounds 15
  measure graph --count 20000 --dimension 128 --queries 500 --ef 10,16,24,32,48,64,96,128,192,256 \
    --rounds 3 "${kept[@]}"
  measure quantization --count 5000 --dimension 128 --queries 200 --rounds 3 "${kept[@]}"
  measure filter --count 20000 --dimension 128 --queries 100 --rounds 5
  measure mixed --count 5000 --dimension 128
  measure store --rounds 1 --seconds 2 --count 20000 --folder "$out"
  measure load --count 20000 --dimension 128 --rounds 3 "${kept[@]}"
  measure start --count 20000 --dimension 128 --rounds 3
  measure changes --count 5000 --dimension 128 --rounds 2 --seconds 2 --folder "$out"
  measure dispatch --rounds 3 --turn-ms 500
  measure failover --rounds 1 --turn-ms 500
else
  measure machine
  measure kernels
  measure flat --rounds 101
  [ ! -d "${SEMROUTE_TEST_DATA:-../shared/data}/clinc150" ] || measure decide
  measure loopback
  measure dispatch
  measure failover
  measure quantization --count 50000 --dimension 384 "${kept[@]}"
  measure mixed --count 50000 --dimension 384
  measure store --count 1000000 --folder "$out"
  measure load --count 200000 "${kept[@]}"
  measure load --count 1000000 --ef-construction 40 "${kept[@]}"
  measure start --count 200000 "${kept[@]}"
  measure changes --count 100000 --folder "$out"
  measure filter --count 200000 --dimension 384
  measure graph --count 20000 --dimension 128 "${kept[@]}"
  measure graph --count 200000 --dimension 384 --ours none:f32,int8:f32 "${kept[@]}"
  measure graph --count 1000000 --dimension 384 --threads 2 --rounds 3 --peers hnswlib "${kept[@]}"
fi

python3 bench/plot.py "$out" | tee -a "$report"
echo "The report is $report"
[ -z "$missed" ] || { echo "Not as it should be:$missed" | tee -a "$report"; exit 1; }
