package sample

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// small keeps the cases short that do not need the demo's volume.
var small = Volume{Firms: 2, Users: 4, Documents: 9, AuditRows: 20, DocumentBytes: 2000, Seed: 7}

func TestInstallation(t *testing.T) {
	s := startServer(t)
	for _, test := range []struct {
		name string
		run  func(*testing.T, Config)
	}{
		{"ServesWhatWasSeeded", servesWhatWasSeeded},
		{"SeedsTheSameTwice", func(t *testing.T, c Config) { seedsTheSameTwice(t, c, s) }},
		{"SeedRefusesAnInstallationInUse", seedRefusesAnInstallationInUse},
		{"StartWritesNothing", startWritesNothing},
		{"StartOnEmptyDatabaseMovesOrphans", startOnEmptyDatabaseMovesOrphans},
		{"StartOnFullDatabaseKeepsOrphans", startOnFullDatabaseKeepsOrphans},
		{"StartRefuses", startRefuses},
		{"AnswersForBadBlobs", answersForBadBlobs},
		{"PostAppends", postAppends},
		{"PostRefuses", postRefuses},
		{"StopLetsRequestsFinish", stopLetsRequestsFinish},
		{"ShowsTampering", showsTampering},
		{"FieldsNeedTheirKey", fieldsNeedTheirKey},
		{"HealthNeedsTheSchema", healthNeedsTheSchema},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, s.install(t)) })
	}
}

func servesWhatWasSeeded(t *testing.T, c Config) {
	seeded := seed(t, c, Volume{})
	if seeded.Firms != 3 || seeded.Users != 12 || seeded.Documents != 220 || seeded.AuditRows != 1200 {
		t.Errorf("seeded: got %+v, want the demo's volume", seeded)
	}

	app := start(t, c)
	if err := CheckHealth(t.Context(), app.url+"/api/health"); err != nil {
		t.Error(err)
	}
	if got := app.get(t, "/api/health"); string(got.body) != `{"status":"ok","version":"1.2.0","documents":220}`+"\n" {
		t.Errorf("health: got %s", got.body)
	}
	if got := app.get(t, "/"); got.status != http.StatusOK || !strings.Contains(string(got.body), "password") {
		t.Errorf("login page: got %d", got.status)
	}

	documents := app.documents(t)
	if len(documents) != 220 {
		t.Errorf("list: got %d documents, want 220", len(documents))
	}
	for _, d := range documents {
		served := app.get(t, "/api/documents/"+d.ID)
		sum := sha256.Sum256(served.body)
		if served.status != http.StatusOK || hex.EncodeToString(sum[:]) != d.SHA256 || int64(len(served.body)) != d.SizeBytes {
			t.Errorf("%s: got %d and %d bytes, want %d with SHA-256 %s", d.FileName, served.status, len(served.body), d.SizeBytes, d.SHA256)
		}
		if got := served.header.Get("Content-Type"); got != d.MimeType {
			t.Errorf("%s: got type %s, want %s", d.FileName, got, d.MimeType)
		}
		if got := served.header.Get("X-Content-Sha256"); got != d.SHA256 {
			t.Errorf("%s: got digest %s, want %s", d.FileName, got, d.SHA256)
		}
	}

	length, head, err := VerifyChain(t.Context(), c)
	if length != 1200 || head != seeded.Head || err != nil {
		t.Errorf("chain: got %d, %s, %v, want 1200, %s", length, head, err, seeded.Head)
	}
}

func seedsTheSameTwice(t *testing.T, c Config, s server) {
	twin := c
	twin.DatabaseURL, twin.Uploads = s.address("twin"), filepath.Join(t.TempDir(), "uploads")
	execute(t, c, `CREATE DATABASE twin`)

	if one, two := seed(t, c, small), seed(t, twin, small); one != two {
		t.Errorf("got %+v and %+v", one, two)
	}
	if one, two := start(t, c).documents(t), start(t, twin).documents(t); !reflect.DeepEqual(one, two) {
		t.Errorf("got documents %v and %v", one, two)
	}
}

func seedRefusesAnInstallationInUse(t *testing.T, c Config) {
	seed(t, c, small)
	if _, err := Seed(t.Context(), c, Volume{Seed: 8}); err == nil || !strings.Contains(err.Error(), "2 already") {
		t.Errorf("got %v, want the firms that are there", err)
	}
	if _, err := Seed(t.Context(), c, Volume{Users: -1}); err == nil {
		t.Error("a negative volume: got no error")
	}
}

func startWritesNothing(t *testing.T, c Config) {
	seed(t, c, small)
	before := rowsAndIDs(t, c)

	app := start(t, c)
	for _, d := range app.documents(t) {
		app.get(t, "/api/documents/"+d.ID)
	}
	app.get(t, "/api/health")
	app.get(t, "/api/audit/verify")

	if after := rowsAndIDs(t, c); after != before {
		t.Errorf("got %v after, %v before", after, before)
	}
	if got := app.log.String(); strings.Contains(got, "created") {
		t.Errorf("got %q, want only that it listens", got)
	}
}

// rowsAndIDs tells two states of a server apart between which anything was written: every write takes a transaction
// id, and the server vacuums nothing by itself.
func rowsAndIDs(t *testing.T, c Config) (state [4]int64) {
	t.Helper()
	db, err := dial(t.Context(), c.DatabaseURL, startPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	err = db.QueryRow(t.Context(), `SELECT (SELECT count(*) FROM "Document"), (SELECT count(*) FROM "AuditLog"),
		(SELECT last_value FROM "AuditLog_id_seq"), pg_snapshot_xmax(pg_current_snapshot())::text::bigint`).
		Scan(&state[0], &state[1], &state[2], &state[3])
	if err != nil {
		t.Fatal(err)
	}
	return state
}

func startOnEmptyDatabaseMovesOrphans(t *testing.T, c Config) {
	v, err := newVault(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.write("cfirm/1-restored.pdf", []byte("restored too early")); err != nil {
		t.Fatal(err)
	}

	app := start(t, c)
	if got := app.log.String(); !strings.Contains(got, "moved 1 orphaned blobs") {
		t.Errorf("got %q, want it to say what it moved", got)
	}
	if _, err := v.read("cfirm/1-restored.pdf"); err == nil {
		t.Error("the blob is still where it was")
	}
	if _, err := v.read(".orphaned/cfirm/1-restored.pdf"); err != nil {
		t.Errorf("the blob was not set aside: %v", err)
	}
	if n := len(app.documents(t)); n != 0 {
		t.Errorf("got %d documents, want none", n)
	}
}

func startOnFullDatabaseKeepsOrphans(t *testing.T, c Config) {
	seed(t, c, small)
	v, err := newVault(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := v.write("cfirm/1-orphan.pdf", []byte("newer than the dump")); err != nil {
		t.Fatal(err)
	}

	start(t, c)
	if _, err := v.read("cfirm/1-orphan.pdf"); err != nil {
		t.Errorf("the orphan was moved: %v", err)
	}
}

func startRefuses(t *testing.T, c Config) {
	seed(t, c, small)
	execute(t, c, `UPDATE "_prisma_migrations" SET checksum = 'other' WHERE migration_name LIKE '%_init'`)

	for _, test := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"a wrong licence", func(c *Config) { c.LicenseKey = "FF-test-" + strings.Repeat("0", 64) }, "LICENSE_KEY is refused"},
		{"no auth secret", func(c *Config) { c.AuthSecret = "" }, "AUTH_SECRET"},
		{"no such database", func(c *Config) { c.DatabaseURL = strings.Replace(c.DatabaseURL, "@/", "@/no_", 1) }, "does not exist"},
		{"another text of a migration", func(*Config) {}, "compare migration 20251103091500_init"},
	} {
		changed := c
		test.change(&changed)
		if err := Serve(t.Context(), changed, io.Discard); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %q", test.name, err, test.want)
		}
	}

	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Serve(cancelled, c, io.Discard); !errors.Is(err, context.Canceled) {
		t.Errorf("stopped before it started: got %v", err)
	}
}

func answersForBadBlobs(t *testing.T, c Config) {
	seed(t, c, small)
	stranger := c
	stranger.AuthSecret = "another"
	app, other := start(t, c), start(t, stranger)

	documents := app.documents(t)
	missing, cut, whole := documents[0], documents[1], documents[2]
	if err := os.Remove(filepath.Join(c.Uploads, missing.StorageKey)); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(c.Uploads, cut.StorageKey), 40); err != nil {
		t.Fatal(err)
	}

	for _, test := range []struct {
		name string
		app  running
		id   string
		want int
	}{
		{"whole", app, whole.ID, http.StatusOK},
		{"missing", app, missing.ID, http.StatusNotFound},
		{"cut short", app, cut.ID, http.StatusInternalServerError},
		{"another secret", other, whole.ID, http.StatusInternalServerError},
		{"no such document", app, "cnone", http.StatusNotFound},
	} {
		if got := test.app.get(t, "/api/documents/"+test.id); got.status != test.want {
			t.Errorf("%s: got %d %s, want %d", test.name, got.status, got.body, test.want)
		}
	}
}

// postAppends stores from several callers at once: the chain must stay one.
func postAppends(t *testing.T, c Config) {
	seed(t, c, small)
	app := start(t, c)
	firm := app.documents(t)[0].Firm

	const callers, each = 4, 5
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for n := range each {
				if err := storeAndFetch(t.Context(), app, firm, []byte{byte(caller), byte(n)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()

	if got, want := len(app.documents(t)), small.Documents+callers*each; got != want {
		t.Errorf("got %d documents, want %d", got, want)
	}
	length, head, err := VerifyChain(t.Context(), c)
	if want := small.AuditRows + callers*each; length != want || err != nil {
		t.Errorf("chain: got %d, %v, want %d", length, err, want)
	}
	if got := app.get(t, "/api/audit/verify"); !strings.Contains(string(got.body), `"head":"`+head+`","ok":true`) {
		t.Errorf("verify: got %s, want head %s", got.body, head)
	}
}

func storeAndFetch(ctx context.Context, app running, firm string, body []byte) error {
	stored, err := app.send(ctx, http.MethodPost, "/api/documents?firm="+firm+"&name="+url.QueryEscape("neu – ü.PDF"), body)
	if err != nil {
		return err
	}

	var d document
	if err := json.Unmarshal(stored.body, &d); err != nil || stored.status != http.StatusCreated {
		return fmt.Errorf("store: got %d %s, %w", stored.status, stored.body, err)
	}

	fetched, err := app.send(ctx, http.MethodGet, "/api/documents/"+d.ID, nil)
	if err != nil || !bytes.Equal(fetched.body, body) {
		return fmt.Errorf("fetch %s: got %v, %w, want %v", d.ID, fetched.body, err, body)
	}
	return nil
}

func postRefuses(t *testing.T, c Config) {
	seed(t, c, small)
	app := start(t, c)

	for _, test := range []struct {
		query string
		want  int
	}{
		{"", http.StatusBadRequest},
		{"?firm=cfirm", http.StatusBadRequest},
		{"?firm=cfirm&name=a%00b", http.StatusBadRequest},
		{"?firm=..%2F..&name=a.pdf", http.StatusNotFound},
	} {
		if got := app.do(t, http.MethodPost, "/api/documents"+test.query, []byte("x")); got.status != test.want {
			t.Errorf("%q: got %d %s, want %d", test.query, got.status, got.body, test.want)
		}
	}
	if n := len(app.documents(t)); n != small.Documents {
		t.Errorf("got %d documents, want %d as before", n, small.Documents)
	}
}

// stopLetsRequestsFinish stops the app in the middle of an upload: the server asks for the body when it is under way.
func stopLetsRequestsFinish(t *testing.T, c Config) {
	seed(t, c, small)
	app := start(t, c)
	query := "?name=late.txt&firm=" + app.documents(t)[0].Firm

	body, rest := io.Pipe()
	trace := &httptrace.ClientTrace{Got100Continue: func() {
		app.stop()
		go func() {
			_, err := io.WriteString(rest, "still arrives")
			rest.CloseWithError(err)
		}()
	}}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodPost, app.url+"/api/documents"+query, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Expect", "100-continue")

	patient := &http.Client{Transport: &http.Transport{ExpectContinueTimeout: time.Minute}}
	defer patient.CloseIdleConnections()
	response, err := patient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()

	if response.StatusCode != http.StatusCreated {
		t.Errorf("got %s, want 201", response.Status)
	}
	if length, _, err := VerifyChain(t.Context(), c); length != small.AuditRows+1 || err != nil {
		t.Errorf("chain: got %d, %v, want %d", length, err, small.AuditRows+1)
	}
}

func showsTampering(t *testing.T, c Config) {
	seed(t, c, small)
	app := start(t, c)
	if n := execute(t, c, `UPDATE "AuditLog" SET "payload" = replace("payload", 'document', 'Document') WHERE "id" = 5`); n != 1 {
		t.Fatalf("tampered with %d rows, want 1", n)
	}

	var broken *ChainError
	length, _, err := VerifyChain(t.Context(), c)
	if !errors.As(err, &broken) || broken.ID != 5 || length != 4 {
		t.Errorf("got %d rows and %v, want 4 and row 5", length, err)
	}
	if got := app.get(t, "/api/audit/verify"); got.status != http.StatusOK || !strings.Contains(string(got.body), `"ok":false`) {
		t.Errorf("got %d %s, want ok to be false", got.status, got.body)
	}

	execute(t, c, `DELETE FROM "AuditLog" WHERE "id" = 5`)
	if _, _, err := VerifyChain(t.Context(), c); !errors.As(err, &broken) || broken.ID != 6 {
		t.Errorf("a row gone: got %v, want row 6", err)
	}
}

func fieldsNeedTheirKey(t *testing.T, c Config) {
	seed(t, c, small)
	if n, err := VerifyFields(t.Context(), c); n != 3 || err != nil {
		t.Errorf("got %d, %v, want 3", n, err)
	}

	for _, key := range []string{"", "another"} {
		wrong := c
		wrong.FieldKey = key
		if n, err := VerifyFields(t.Context(), wrong); n != 0 || err == nil {
			t.Errorf("key %q: got %d, %v, want an error", key, n, err)
		}
	}
}

func healthNeedsTheSchema(t *testing.T, c Config) {
	app := start(t, c)
	execute(t, c, `ALTER TABLE "Document" RENAME TO "Gone"`)

	if got := app.get(t, "/api/health"); got.status != http.StatusServiceUnavailable {
		t.Errorf("got %d %s, want 503", got.status, got.body)
	}
	if err := CheckHealth(t.Context(), app.url+"/api/health"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("got %v, want 503", err)
	}
}
