package hook_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/hook"
	"firmflow-recovery/recovery/secret"
)

const report = `{"v":1,"outcome":"VERIFIED"}`

func local() command.Local { return command.Local{Env: []string{"PATH=" + os.Getenv("PATH")}} }

// script writes a program that does what its text says.
func script(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "hook with a blank")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}

	return path
}

func TestTheCommandThatFitsTheEndGetsTheReport(t *testing.T) {
	for exit, want := range map[int]string{0: "well", 8: "badly", 9: "badly", 143: "badly"} {
		out := filepath.Join(t.TempDir(), "out")
		hooks := hook.Hooks{Run: local()}
		hooks.Success = []string{script(t, `{ echo well; cat; echo " $FIRMFLOW_RECOVERY_EXIT $2"; } >"$1"`), out, "$(id) ; *"}
		hooks.Failure = []string{script(t, `{ echo badly; cat; echo " $FIRMFLOW_RECOVERY_EXIT $2"; } >"$1"`), out, "$(id) ; *"}
		if failed := hooks.Tell(t.Context(), hook.Ending{Outcome: "VERIFIED", Exit: exit}, []byte(report)); len(failed) > 0 {
			t.Fatal(failed)
		}
		text, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if first, rest, _ := strings.Cut(string(text), "\n"); first != want || !strings.HasPrefix(rest, report+" ") || !strings.HasSuffix(rest, " $(id) ; *\n") {
			t.Errorf("exit %d: %q", exit, text)
		}
	}
}

func TestAHookThatFailsIsSaidAndBounded(t *testing.T) {
	posted := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		posted++
		if body, err := io.ReadAll(r.Body); err != nil || string(body) != report || r.Header.Get("Content-Type") != "application/json" {
			t.Errorf("posted %q, %v", body, err)
		}
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer server.Close()
	for name, c := range map[string]struct {
		argv  []string
		bound time.Duration
		says  string
	}{
		"exits with 3":  {[]string{script(t, "echo it is broken >&2; exit 3")}, 0, "it is broken"},
		"is not there":  {[]string{"/none/such"}, 0, "/none/such"},
		"does not end":  {[]string{script(t, "exec sleep 1000")}, time.Millisecond, "not done after"},
		"reads nothing": {[]string{script(t, "exit 1")}, 0, "exit status 1"},
	} {
		before := posted
		hooks := hook.Hooks{Failure: c.argv, Run: local(), Webhook: secret.New(server.URL + "/token-of-ours"), Bound: c.bound}
		if c.bound > 0 {
			hooks.Webhook = secret.String{}
		}
		failed := hooks.Tell(t.Context(), hook.Ending{Exit: 9}, []byte(report))
		if len(failed) == 0 || !strings.Contains(failed[0].Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, failed, c.says)
		}
		if c.bound == 0 && (posted != before+1 || len(failed) != 2 || !strings.Contains(failed[1].Error(), "500")) {
			t.Errorf("%s: posted %d times, %v", name, posted-before, failed)
		}
	}
}

func TestTheAddressOfAWebhookStandsInNoError(t *testing.T) {
	closed := httptest.NewServer(http.NotFoundHandler())
	address := closed.URL
	closed.Close()
	for _, url := range []string{address + "/token-of-ours", "http://[token-of-ours", "ftp://token-of-ours", "://token-of-ours"} {
		failed := hook.Hooks{Webhook: secret.New(url)}.Tell(t.Context(), hook.Ending{}, []byte(report))
		if len(failed) != 1 || strings.Contains(failed[0].Error(), "token-of-ours") {
			t.Errorf("%v", failed)
		}
	}
}

func TestACommandIsReadWithoutAShell(t *testing.T) {
	for text, want := range map[string][]string{
		"": nil, "/bin/notify -v $HOME": {"/bin/notify", "-v", "$HOME"}, `["/a b", "c"]`: {"/a b", "c"},
	} {
		if got, err := hook.Argv(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"[1]", "[", "[]", `[""]`} {
		if got, err := hook.Argv(text); err == nil {
			t.Errorf("%q is taken for %q", text, got)
		}
	}
}
