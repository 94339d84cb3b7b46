package sample

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// StandIn answers in the place of an app whose own programs are not there: a drill's, on a host without Docker. It
// changes nothing, whatever schema the database has: it is healthy while the database answers and the vault can be
// listed. What FirmFlow itself would do with them it cannot tell.
func StandIn(ctx context.Context, c Config, out io.Writer) error {
	if c.AuthSecret == "" {
		return errors.New("read AUTH_SECRET: it is not set")
	}
	lines := log.New(out, "stand-in: ", 0)
	db, err := dial(ctx, c.DatabaseURL, startPatience)
	if err != nil {
		return err
	}
	defer db.Close()

	return listen(ctx, c.Listen, &app{db: db, log: lines, routed: standing(db, c.Uploads, lines)})
}

// standing is all that a stand-in answers.
func standing(db *pgxpool.Pool, uploads string, lines *log.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /api/health", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 4*time.Second)
		defer cancel()
		if err := stands(ctx, db, uploads); err != nil {
			lines.Print(err)
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(health{Status: "ok", Version: "stand-in"}) // the caller has gone; there is nobody to tell
	})

	return mux
}

func stands(ctx context.Context, db *pgxpool.Pool, uploads string) error {
	if err := db.Ping(ctx); err != nil {
		return fmt.Errorf("ask the database: %w", err)
	}
	if _, err := os.ReadDir(uploads); err != nil {
		return fmt.Errorf("list the vault: %w", err)
	}

	return nil
}
