#!/bin/sh
# Starts Redis with a password. The users stand in a file in memory, as digests, so that no password is on a command
# line or on disk. grafana may read metrics and nothing else, the names of other keys neither; without
# GRAFANA_REDIS_PASSWORD there is no such user.
set -eu
umask 077

digest() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

if [ -z "${REDIS_PASSWORD:-}" ]; then
  echo "REDIS_PASSWORD is not set: fill redis.env (docs/compose.md)." >&2
  exit 1
fi
# Both are good while it is changed: ./scripts/rotate redis-password.
previous=''
if [ -n "${REDIS_PASSWORD_PREVIOUS:-}" ]; then previous="#$(digest "$REDIS_PASSWORD_PREVIOUS") "; fi
{
  echo "user default on sanitize-payload #$(digest "$REDIS_PASSWORD") ${previous}~* &* +@all"
  if [ -n "${GRAFANA_REDIS_PASSWORD:-}" ]; then
    echo "user grafana on sanitize-payload #$(digest "$GRAFANA_REDIS_PASSWORD") resetchannels ~toolturn:* -@all +@read +ping +info -@dangerous -scan -randomkey +info"
  fi
} > /run/redis/users.acl
unset REDIS_PASSWORD REDIS_PASSWORD_PREVIOUS GRAFANA_REDIS_PASSWORD

exec redis-server --aclfile /run/redis/users.acl "$@"
