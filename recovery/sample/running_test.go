package sample

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// running is a started app.
type running struct {
	url  string
	log  *transcript
	stop context.CancelFunc
}

// transcript keeps what the app said, for a search for secrets when it has stopped.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *transcript) add(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.WriteString(line + "\n")
}

func (l *transcript) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// start serves until the test ends, and fails the test if the app did not stop well or told a secret.
func start(t *testing.T, c Config) running {
	t.Helper()

	ctx, stop := context.WithCancel(context.Background())
	read, write := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := Serve(ctx, c, write)
		write.CloseWithError(io.EOF)
		ended <- err
	}()

	at, said := make(chan string, 1), &transcript{}
	go func() {
		for lines := bufio.NewScanner(read); lines.Scan(); {
			said.add(lines.Text())
			if _, address, found := strings.Cut(lines.Text(), "listening on "); found {
				at <- address
			}
		}
	}()

	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("stop: got %v, want a clean end", err)
		}
		for _, secret := range append(secrets, c.LicenseKey) {
			if strings.Contains(said.String(), secret) {
				t.Errorf("the log tells %q:\n%s", secret, said)
			}
		}
	})

	select {
	case address := <-at:
		return running{address, said, stop}
	case err := <-ended:
		ended <- nil
		t.Fatalf("start: %v", err)
		return running{}
	}
}

// reply is a response that was read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r running) get(t *testing.T, path string) reply {
	t.Helper()
	return r.do(t, http.MethodGet, path, nil)
}

func (r running) do(t *testing.T, method, path string, body []byte) reply {
	t.Helper()
	got, err := r.send(t.Context(), method, path, body)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// send is do for goroutines, which may not end the test.
func (r running) send(ctx context.Context, method, path string, body []byte) (reply, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.url+path, bytes.NewReader(body))
	if err != nil {
		return reply{}, err
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return reply{}, err
	}
	defer response.Body.Close()

	content, err := io.ReadAll(response.Body)
	return reply{response.StatusCode, response.Header, content}, err
}

func (r running) documents(t *testing.T) []document {
	t.Helper()
	body := r.get(t, "/api/documents").body

	var documents []document
	if err := json.Unmarshal(body, &documents); err != nil {
		t.Fatalf("list: %v\n%s", err, body)
	}
	return documents
}

func seed(t *testing.T, c Config, volume Volume) Seeded {
	t.Helper()
	seeded, err := Seed(t.Context(), c, volume)
	if err != nil {
		t.Fatal(err)
	}
	return seeded
}
