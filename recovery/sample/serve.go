package sample

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// drainPatience is how long requests under way may take after the app was told to stop. Docker kills after 10 s.
const drainPatience = 8 * time.Second

// Serve migrates the database and answers requests until ctx is cancelled; it then lets those under way finish and
// returns nil. It says on log, one line each, what it did to get there and at last "listening on http://host:port".
func Serve(ctx context.Context, c Config, out io.Writer) error {
	if err := errors.Join(c.check(), checkLicense(c.LicenseKey)); err != nil {
		return err
	}
	lines := log.New(out, "sample-app: ", 0)

	db, err := dial(ctx, c.DatabaseURL, startPatience)
	if err != nil {
		return err
	}
	defer db.Close()

	if err := prepare(ctx, c, db, lines); err != nil {
		return err
	}

	files, err := newVault(c)
	if err != nil {
		return err
	}
	return listen(ctx, c.Listen, &app{db: db, vault: files, log: lines})
}

// prepare migrates, and cleans the vault where this start created the schema. A database that was restored first has
// its schema already, so a recovery in the right order never comes to the cleaning.
func prepare(ctx context.Context, c Config, db *pgxpool.Pool, lines *log.Logger) error {
	created, err := migrate(ctx, db)
	if err != nil || !created {
		return err
	}
	lines.Print("created the schema")

	rows, err := db.Query(ctx, `SELECT "storageKey" FROM "Document"`)
	if err != nil {
		return fmt.Errorf("read the known blobs: %w", err)
	}
	known := make(map[string]bool)
	var key string
	if _, err := pgx.ForEachRow(rows, []any{&key}, func() error { known[key] = true; return nil }); err != nil {
		return fmt.Errorf("read the known blobs: %w", err)
	}

	moved, err := purge(ctx, c.Uploads, known)
	if err != nil {
		return fmt.Errorf("clean the vault: %w", err)
	}
	lines.Printf("moved %d orphaned blobs to %s", moved, orphanedDir)
	return nil
}

func listen(ctx context.Context, address string, a *app) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}

	server := &http.Server{
		Handler:           a.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       time.Minute,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		ErrorLog:          a.log,
	}

	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	a.log.Printf("listening on http://%s", listener.Addr())

	select {
	case err := <-served:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}

	draining, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainPatience)
	defer cancel()
	if err := server.Shutdown(draining); err != nil {
		return errors.Join(fmt.Errorf("let requests finish: %w", err), server.Close())
	}
	return nil
}
