package sample

import (
	"bytes"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestPanicIsAnswered uses an app without a database, which every query panics on.
func TestPanicIsAnswered(t *testing.T) {
	var said bytes.Buffer
	broken := &app{log: log.New(&said, "", 0)}

	answer := httptest.NewRecorder()
	broken.routes().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/api/documents", nil))

	if got := answer.Body.String(); answer.Code != http.StatusInternalServerError || got != `{"error":"internal error"}`+"\n" {
		t.Errorf("got %d %s, want a plain 500", answer.Code, got)
	}
	if got := said.String(); !strings.Contains(got, "GET /api/documents: 500: panic: ") {
		t.Errorf("log: got %q, want the panic", got)
	}
}

func TestExtension(t *testing.T) {
	for name, want := range map[string]string{
		"a.PDF": ".pdf", "a.tar.gz": ".gz", "a": ".bin", "a.": ".bin", ".txt": ".txt", "a.p/../df": ".bin", "a.ü": ".bin",
		"a.waytoolongtobeone": ".bin",
	} {
		if got := extension(name); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
}

func TestCheckHealthRefuses(t *testing.T) {
	for _, test := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"ok", `{"status":"ok"}`, http.StatusOK, ""},
		{"another status", `{"status":"starting"}`, http.StatusOK, "starting"},
		{"another page", `<html>`, http.StatusOK, "read the health"},
		{"unavailable", `{"status":"ok"}`, http.StatusServiceUnavailable, "503"},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(test.status)
			_, _ = w.Write([]byte(test.body))
		}))

		err := CheckHealth(t.Context(), server.URL)
		server.Close()
		if (err == nil) != (test.want == "") || (err != nil && !strings.Contains(err.Error(), test.want)) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}
}
