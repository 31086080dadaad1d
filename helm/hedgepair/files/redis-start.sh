#!/bin/sh
# Starts the release's Redis with its users as they were saved, and the operator's own user as the
# mounted Secret has it now. Pairs' users come back by this file even while the operator is down.
set -eu
umask 077
data=${REDIS_DATA:-/data}
secret=${REDIS_SECRET:-/etc/hedgepair/master}
config=${REDIS_CONFIG:-/etc/hedgepair/redis/redis.conf}

hash=$(tr -d '\r\n' <"$secret/password" | sha256sum | cut -c1-64)
{
    echo "user default on sanitize-payload #$hash ~* &* +@all"
    if [ -f "$data/users.acl" ]; then
        grep -v '^user default ' "$data/users.acl" || true
    fi
} >"$data/users.acl.new"
mv "$data/users.acl.new" "$data/users.acl"

exec redis-server "$config" --dir "$data" --aclfile "$data/users.acl"
