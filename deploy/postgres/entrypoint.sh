#!/bin/sh
# Makes the cluster in an empty volume, then runs the server.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
	# in a folder beside, so that a cluster that was cut off while it was made is never taken for one
	rm -rf "$PGDATA.draft"
	printf '%s' "${POSTGRES_PASSWORD:?must hold the password of the superuser}" >/tmp/password
	initdb --pgdata "$PGDATA.draft" --username postgres --pwfile /tmp/password --auth scram-sha-256 --encoding UTF8 --locale C.UTF-8
	rm /tmp/password
	echo "host all all all scram-sha-256" >>"$PGDATA.draft/pg_hba.conf"
	mv "$PGDATA.draft" "$PGDATA"
fi
unset POSTGRES_PASSWORD
exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/tmp "$@"
