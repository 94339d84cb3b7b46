#!/bin/sh
# Entry point of the test database image. It keeps the promises of the official PostgreSQL image that a recovery relies on:
# POSTGRES_USER, POSTGRES_PASSWORD and POSTGRES_DB count on the first start only, a directory that already holds a cluster
# is left as it is, and nobody can connect over TCP before the database exists.
set -eu

PGDATA=${PGDATA:-/var/lib/postgresql/data}
export PGDATA

# A command other than the server (pg_restore, psql, sh) needs no cluster.
case "${1:-postgres}" in
postgres) ;;
-*) set -- postgres "$@" ;;
*) exec "$@" ;;
esac

# A new volume belongs to root; PostgreSQL wants to own its directory and refuses to run as root.
if [ "$(id -u)" = 0 ]; then
	mkdir -p "$PGDATA" /var/run/postgresql
	find "$PGDATA" ! -user postgres -exec chown postgres:postgres {} +
	chmod 700 "$PGDATA"
	chown postgres:postgres /var/run/postgresql
	exec setpriv --reuid=postgres --regid=postgres --init-groups --inh-caps=-all "$0" "$@"
fi

if [ -s "$PGDATA/PG_VERSION" ]; then
	printf '\nPostgreSQL Database directory appears to contain a database; Skipping initialization\n\n'
	exec "$@"
fi

user=${POSTGRES_USER:-postgres}
database=${POSTGRES_DB:-$user}
if [ -z "${POSTGRES_PASSWORD:-}" ]; then
	echo 'Error: Database is uninitialized and superuser password is not specified.' >&2
	echo '       Set POSTGRES_PASSWORD to a value that is not empty.' >&2
	exit 1
fi

# The password reaches initdb through a file, because arguments are visible to everyone on the host.
pwfile=$(mktemp)
printf '%s\n' "$POSTGRES_PASSWORD" >"$pwfile"
initdb --username="$user" --pwfile="$pwfile" --encoding=UTF8 --locale=C.UTF-8 \
	--auth-local=trust --auth-host=trust
rm -f "$pwfile"
printf '\nhost all all all scram-sha-256\n' >>"$PGDATA/pg_hba.conf"

# The server that creates the database listens on its socket only: whoever waits for TCP waits for a finished database.
pg_ctl -D "$PGDATA" -o "-c listen_addresses=''" -w start
if [ "$database" != postgres ]; then
	psql -v ON_ERROR_STOP=1 --no-psqlrc --username "$user" --dbname postgres --set "name=$database" <<-'SQL'
		CREATE DATABASE :"name";
	SQL
fi
pg_ctl -D "$PGDATA" -m fast -w stop

printf '\nPostgreSQL init process complete; ready for start up.\n\n'
exec "$@"
