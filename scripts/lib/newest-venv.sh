# shellcheck shell=bash disable=SC2154 # $root and $state come from common.sh
# The newest LiteLLM in an environment of its own, as litellm/requirements-newest.lock has it.

newest_venv="$state/venv-newest"

install_newest() {
  local hash
  hash="$root $(hash_of litellm/requirements-newest.lock)"
  if fresh venv-newest "$hash" && [ -x "$newest_venv/bin/litellm" ]; then return; fi
  need_python
  make_venv "$newest_venv"
  step "the newest LiteLLM and its packages, about 120" pip_install "$newest_venv" -r "$root/litellm/requirements-newest.lock" ||
    die "The Python packages could not be installed; is the PyPI registry reachable? (all output: $bootstrap_log)"
  stamp venv-newest "$hash"
}
