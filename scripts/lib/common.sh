# shellcheck shell=bash
# Shared by scripts/up, scripts/down and scripts/test: where things are, how to fail, how to show progress.
# Written for bash 3.2, which is what macOS has.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
state="$root/.toolturn"
bootstrap_log="$state/logs/bootstrap.log"

# Ctrl-C ends the whole script, not only the command it meets.
trap 'printf "\n"; exit 130' INT

# die <sentence>: one clear sentence with what to do, and a failing exit code.
die() {
  printf '%s: %s\n' "$(basename "$0")" "$1" >&2
  exit 1
}

# step <title> <command...>: runs the command with its output in the bootstrap log; one line with the seconds it
# took, and a sign of life while it runs.
step() {
  local title=$1 from=$SECONDS status=0 ticker before
  shift
  mkdir -p "$state/logs"
  printf '\n== %s (%s)\n' "$title" "$(date)" >>"$bootstrap_log"
  before=$(wc -l <"$bootstrap_log")
  tick "$title" &
  ticker=$!
  # In the foreground, so that Ctrl-C reaches it.
  "$@" >>"$bootstrap_log" 2>&1 </dev/null || status=$?
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  [ ! -t 1 ] || printf '\r\033[K'
  if [ "$status" -ne 0 ]; then
    printf '  --  %s failed (%s s)\n' "$title" $((SECONDS - from))
    tail -n "+$((before + 1))" "$bootstrap_log" | tail -n 15 >&2
    return "$status"
  fi
  printf '  ok  %s (%s s)\n' "$title" $((SECONDS - from))
}

tick() {
  local seconds=0
  # Ends with its parent, should that be killed.
  while sleep 1 && kill -0 "$$" 2>/dev/null; do
    seconds=$((seconds + 1))
    if [ -t 1 ]; then
      printf '\r  …   %s (%s s)\033[K' "$1" "$seconds"
    elif [ $((seconds % 10)) -eq 0 ]; then
      printf '  …   %s (%s s)\n' "$1" "$seconds"
    fi
  done
}

# fresh <stamp> <hash>: true when this step was done with exactly these inputs.
fresh() { [ -f "$state/stamps/$1" ] && [ "$(cat "$state/stamps/$1")" = "$2" ]; }

# stamp <stamp> <hash>: remembers that the step is done.
stamp() { mkdir -p "$state/stamps" && printf '%s' "$2" >"$state/stamps/$1"; }

# hash_of <path...>: one hash over the content of files and folders, paths relative to the checkout.
hash_of() { (cd "$root" && node scripts/lib/hash.mjs "$@"); }
