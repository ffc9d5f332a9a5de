#!/usr/bin/env bash
# Builds semrouted, starts it on examples/quickstart/ and sends it 32 requests; see --help.
set -euo pipefail
cd "$(dirname "$0")"
. scripts/common.sh

usage() {
  cat <<'END'
usage: ./run.sh [--once]

Installs what is missing, builds, starts semrouted on examples/quickstart/, sends its 32 requests
over TCP and prints what came of them; then semrouted stays up until Ctrl-C.

  --once   stop after the table; exit code 0 only if every request was decided as expected
  --help   this text

Environment:
  SEMROUTE_RUN_PORT, SEMROUTE_RUN_ADMIN_PORT   other ports than 7311 and 7312
  SEMROUTE_BUILD_ROOT                          another build folder than build/
  SEMROUTE_INSTALL=no                          never install packages
END
}

once=no
for argument in "$@"; do
  case "$argument" in
    --once) once=yes ;;
    --help | -h) usage; exit 0 ;;
    *) echo "run.sh: unknown argument '$argument'" >&2; usage >&2; exit 64 ;;
  esac
done

port=${SEMROUTE_RUN_PORT:-7311}
admin_port=${SEMROUTE_RUN_ADMIN_PORT:-7312}
server=127.0.0.1:$port
admin=127.0.0.1:$admin_port

scripts/install_packages.sh run

use_ccache
if [ ! -f "$build_root/build.ninja" ]; then
  echo "Building into $build_root/ (the first time takes some minutes) ..."
  run_quietly "$build_root/logs/configure.log" cmake --preset release -B "$build_root" -DSEMROUTE_TESTS=OFF
fi
run_quietly "$build_root/logs/build.log" cmake --build "$build_root" --target semrouted semroute

# Taken ports are told before the start, because then it can be said what to do.
for taken in "$port" "$admin_port"; do
  if (exec 3<>"/dev/tcp/127.0.0.1/$taken") 2>/dev/null; then
    echo "Port $taken on 127.0.0.1 is taken, perhaps by a semrouted that is still running" >&2
    echo "(ss -ltnp 'sport = :$taken' shows by whom). Stop it, or take other ports:" >&2
    echo "  SEMROUTE_RUN_PORT=7411 SEMROUTE_RUN_ADMIN_PORT=7412 ./run.sh" >&2
    exit 69
  fi
done

log=$build_root/logs/semrouted.log
mkdir -p "$(dirname "$log")"
# In a session of its own, so that Ctrl-C reaches this script alone and the daemon gets one signal.
SEMROUTE_LISTEN=$server SEMROUTE_ADMIN=$admin \
  setsid "$build_root/semrouted" --config examples/quickstart/semrouted.yaml >"$log" 2>&1 </dev/null &
daemon=$!

stop_daemon() {
  trap '' INT TERM HUP
  kill -TERM "$daemon" 2>/dev/null || true
  wait "$daemon" 2>/dev/null
}
trap 'stop_daemon || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for attempt in $(seq 100); do
  "$build_root/semroute" ping --server "$server" >/dev/null 2>&1 && break
  if ! kill -0 "$daemon" 2>/dev/null || [ "$attempt" -eq 100 ]; then
    echo "semrouted did not start; its log ($log) ends with:" >&2
    tail -n 20 "$log" >&2
    exit 69
  fi
  sleep 0.1
done

expected=0
python3 examples/quickstart/try.py --server "$server" || expected=$?

if [ "$once" = yes ]; then
  trap - EXIT
  stop_daemon || { echo "semrouted ended with exit code $?; its log: $log" >&2; exit 70; }
  exit "$expected"
fi

flag=""
[ "$server" = 127.0.0.1:7311 ] || flag=" --server $server"
cat <<END

semrouted is up (pid $daemon, log $log). Try, in another terminal:

  $build_root/semroute routes list$flag
  $build_root/semroute match$flag --vectors examples/quickstart/queries.npy --texts examples/quickstart/queries.jsonl
  $build_root/semroute route$flag --vectors examples/quickstart/queries.npy --row 3 --payload '{"text":"hi"}' --explain
  $build_root/semroute stats$flag
  $build_root/semroute bench --help
  bash -c 'exec 3<>/dev/tcp/127.0.0.1/$port; echo "{\"id\":1,\"op\":\"ping\"}" >&3; head -n 1 <&3'
  curl http://$admin/readyz        also /healthz and /metrics

Change examples/quickstart/semrouted.yaml and apply it with: $build_root/semroute reload$flag
Stop with Ctrl-C.
END
status=0
wait "$daemon" || status=$?
trap - EXIT
if [ "$status" -ne 0 ]; then
  echo "semrouted ended with exit code $status; its log ($log) ends with:" >&2
  tail -n 20 "$log" >&2
fi
exit "$status"
