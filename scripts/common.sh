# Shared by run.sh and test.sh (sourced, from the repository's root).

# Where everything is built; a sanitizer build is a folder in it.
build_root=${SEMROUTE_BUILD_ROOT:-build}

# One compiler cache for all clones and build folders: paths below the repository count as relative.
use_ccache() {
  local cache=${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/ccache}
  mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$PWD/$build_root/ccache
  export CCACHE_DIR=$cache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
}

# Ninja's "[57/230]" of a log that grows, once a second, where a person watches; ends with this script.
show_steps() {
  local log=$1 steps
  while kill -0 $$ 2>/dev/null && sleep 1; do
    steps=$(tail -c 1000 "$log" 2>/dev/null | grep -o '^\[[0-9]*/[0-9]*\]' | tail -n 1) || continue
    printf '\r  %s ' "$steps" >&2
  done
}

# run_quietly LOG COMMAND...: silent when it succeeds (a terminal sees the steps), the end of its output when it fails.
run_quietly() {
  local log=$1 steps="" status=0
  shift
  mkdir -p "$(dirname "$log")"
  if [ -t 2 ]; then
    show_steps "$log" &
    steps=$!
  fi
  "$@" >"$log" 2>&1 </dev/null || status=$?
  if [ -n "$steps" ]; then
    kill "$steps" 2>/dev/null || true
    wait "$steps" 2>/dev/null || true
    printf '\r\033[K' >&2
  fi
  [ "$status" -ne 0 ] || return 0
  tail -n 60 "$log" >&2
  echo "Failed: $* (all of its output: $log)" >&2
  return "$status"
}
