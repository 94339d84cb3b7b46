package sample

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

const (
	startPatience  = 30 * time.Second       // how long a database may take to come up before the app gives up
	startInterval  = 250 * time.Millisecond // between two tries
	connectTimeout = 5 * time.Second        // for one try
)

// errAddress stands in for the parser's error, which quotes the address and so might quote the password.
var errAddress = errors.New("read DATABASE_URL: it is not a PostgreSQL address (are special characters in the password percent-encoded?)")

// dial connects to the database and waits while it is still starting, as Compose may start both at once. The caller
// closes the pool.
func dial(ctx context.Context, address string, patience time.Duration) (*pgxpool.Pool, error) {
	address, err := withoutPrisma(address)
	if err != nil {
		return nil, err
	}

	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		return nil, errAddress
	}
	config.ConnConfig.ConnectTimeout = connectTimeout

	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("set up the database pool: %w", err)
	}

	if err := awaitDatabase(ctx, pool, patience); err != nil {
		pool.Close()
		return nil, fmt.Errorf("connect to the database: %w", err)
	}
	return pool, nil
}

func awaitDatabase(ctx context.Context, pool *pgxpool.Pool, patience time.Duration) error {
	bounded, cancel := context.WithTimeout(ctx, patience)
	defer cancel()

	ticker := time.NewTicker(startInterval)
	defer ticker.Stop()

	// The last try is usually cut short by the deadline; what the one before it met says more.
	var met error
	for {
		err := pool.Ping(bounded)
		if err == nil || refusedForGood(err) {
			return err
		}
		if met == nil || bounded.Err() == nil {
			met = err
		}

		select {
		case <-ticker.C:
		case <-bounded.Done():
			if ctx.Err() != nil {
				return ctx.Err()
			}
			return fmt.Errorf("it did not answer within %s: %w", patience, met)
		}
	}
}

// refusedForGood tells a database that is up and says no (wrong password, no such database) from one that is not up.
func refusedForGood(err error) bool {
	var refused *pgconn.PgError
	if !errors.As(err, &refused) {
		return false
	}
	return strings.HasPrefix(refused.Code, "28") || refused.Code == "3D000"
}

// withoutPrisma takes out of the address the parameters that only Prisma knows: PostgreSQL refuses a connection that
// brings them. Its schema becomes the search path.
func withoutPrisma(address string) (string, error) {
	if !strings.Contains(address, "://") {
		return address, nil
	}

	u, err := url.Parse(address)
	if err != nil {
		return "", errAddress
	}

	query := u.Query()
	if schema := query.Get("schema"); schema != "" {
		query.Set("search_path", `"`+strings.ReplaceAll(schema, `"`, `""`)+`"`)
	}
	for _, name := range []string{"schema", "connection_limit", "pool_timeout", "socket_timeout", "pgbouncer", "statement_cache_size"} {
		query.Del(name)
	}

	u.RawQuery = query.Encode()
	return u.String(), nil
}
