#!/bin/sh
# Whether Redis has loaded its file and takes the operator's password.
set -eu
REDISCLI_AUTH=$(cat "${REDIS_SECRET:-/etc/hedgepair/master}/password")
export REDISCLI_AUTH
[ "$(redis-cli -p "${REDIS_PORT:-6379}" ping)" = PONG ]
