#!/usr/bin/env bash
# The first thing a newcomer does: a clone of the last commit in an empty folder, then ./scripts/up --check.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
dir=$(mktemp -d "${TMPDIR:-/tmp}/toolturn-clone.XXXXXX")
trap 'rm -rf "$dir"' EXIT

git clone --quiet --no-hardlinks "$root" "$dir/toolturn"
cd "$dir/toolturn"
port=$(node -e 'const s = require("node:net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close(); })')
./scripts/up --check --port "$port"
