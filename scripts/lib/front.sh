# shellcheck shell=bash disable=SC2154 # $root and $bootstrap_log come from common.sh
# The front of scripts whose work is TypeScript: --help needs nothing; everything else needs the build.

# front <name> <arguments...>: shows scripts/lib/help-<name>.txt, or runs scripts/dist/<name>.js. Only what that program
# prints goes to stdout.
front() {
  local name=$1 argument
  shift
  for argument in "$@"; do
    case $argument in
      --help | -h) cat "$root/scripts/lib/help-$name.txt" && exit 0 ;;
      --) break ;;
    esac
  done
  {
    need_node
    install_packages
    build || die "The build failed (all output: $bootstrap_log)"
  } >&2
  # The dashes: Node itself would look for a file after --env-file, wherever it stands.
  exec node -- "$root/scripts/dist/$name.js" "$@"
}
