package sample

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

const loginPage = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>FirmFlow (sample)</title></head>
<body><main><h1>FirmFlow</h1><p>A stand-in for demo, drill and tests. All documents in it are invented.</p>
<form><label>E-mail <input type="email" name="email"></label>
<label>Password <input type="password" name="password"></label><button disabled>Sign in</button></form>
</main></body></html>
`

// app answers requests.
type app struct {
	db    *pgxpool.Pool
	vault vault
	log   *log.Logger

	routed http.Handler // of a stand-in; nil: the app's own
}

// statusError is a failure that the caller of the API is told about. Every other error becomes a plain 500.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

func (a *app) routes() http.Handler {
	if a.routed != nil {
		return a.routed
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", a.answer(login))
	mux.Handle("GET /api/health", a.answer(a.health))
	mux.Handle("GET /api/audit/verify", a.answer(a.verifyAudit))
	mux.Handle("GET /api/documents", a.answer(a.listDocuments))
	mux.Handle("POST /api/documents", a.answer(a.storeDocument))
	mux.Handle("GET /api/documents/{id}", a.answer(a.serveDocument))

	return mux
}

// answer turns what a route returns into a response: an error or a panic is logged and answered, once, here.
func (a *app) answer(route func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := recovered(func() error { return route(w, r) })
		if err == nil {
			return
		}

		status, text := http.StatusInternalServerError, "internal error"
		var told *statusError
		if errors.As(err, &told) {
			status, text = told.status, told.Error()
		}

		a.log.Printf("%s %s: %d: %v", r.Method, r.URL.EscapedPath(), status, err)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": text}) // the caller has gone; there is nobody to tell
	})
}

func recovered(work func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()

	return work()
}

func login(w http.ResponseWriter, _ *http.Request) error {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, err := io.WriteString(w, loginPage)
	return err
}

// health is 200 only when the database answers and has been migrated, so that "healthy" means "can serve".
func (a *app) health(w http.ResponseWriter, r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), 4*time.Second)
	defer cancel()

	answer := health{Status: "ok", Version: Version}
	if err := a.db.QueryRow(ctx, `SELECT count(*) FROM "Document"`).Scan(&answer.Documents); err != nil {
		return &statusError{http.StatusServiceUnavailable, fmt.Errorf("count the documents: %w", err)}
	}
	return writeJSON(w, http.StatusOK, answer)
}

// verifyAudit answers 200 for a broken chain too: the question was answered, and ok says how.
func (a *app) verifyAudit(w http.ResponseWriter, r *http.Request) error {
	length, head, err := verifyChain(r.Context(), a.db)

	var broken *ChainError
	if err != nil && !errors.As(err, &broken) {
		return &statusError{http.StatusServiceUnavailable, err}
	}

	answer := struct {
		Length int    `json:"length"`
		Head   string `json:"head"`
		OK     bool   `json:"ok"`
		Broken string `json:"broken,omitempty"`
	}{Length: length, Head: head, OK: broken == nil}
	if broken != nil {
		answer.Broken = broken.Error()
	}
	return writeJSON(w, http.StatusOK, answer)
}

func writeJSON(w http.ResponseWriter, status int, answer any) error {
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("encode the answer: %w", err)
	}

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, err = w.Write(append(body, '\n'))
	return err
}
