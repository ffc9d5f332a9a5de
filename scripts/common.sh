# Shared by run.sh and test.sh (sourced, from the repository's root).

# Where everything is built; a sanitizer build is a folder in it.
build_root=${SEMROUTE_BUILD_ROOT:-build}

# One compiler cache for all clones and build folders: paths below the repository count as relative.
use_ccache() {
  local cache=${CCACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/nonexistent}/.cache}/ccache}
  mkdir -p "$cache" 2>/dev/null && [ -w "$cache" ] || cache=$PWD/$build_root/ccache
  export CCACHE_DIR=$cache CCACHE_BASEDIR=$PWD CCACHE_NOHASHDIR=1
}

# run_quietly LOG COMMAND...: silent when it succeeds, the end of its output when it fails.
run_quietly() {
  local log=$1
  shift
  mkdir -p "$(dirname "$log")"
  "$@" >"$log" 2>&1 </dev/null && return 0
  local status=$?
  tail -n 60 "$log" >&2
  echo "Failed: $* (all of its output: $log)" >&2
  return "$status"
}
