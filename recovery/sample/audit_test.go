package sample

import (
	"errors"
	"strings"
	"testing"
	"time"
)

func TestChainLinks(t *testing.T) {
	at := time.Date(2026, 1, 5, 8, 0, 0, 123_456_789, time.UTC)
	e, err := newEntry(genesis, "cfirm", "cuser", "document.view", at, map[string]int{"n": 1})
	if err != nil {
		t.Fatal(err)
	}

	want := `{"action":"document.view","firmId":"cfirm","userId":"cuser","at":"2026-01-05T08:00:00.123Z","details":{"n":1}}`
	if e.Payload != want {
		t.Errorf("payload: got %s, want %s", e.Payload, want)
	}
	if want := hexSHA256(strings.Repeat("0", 64) + hexSHA256(want)); e.Hash != want {
		t.Errorf("hash: got %s, want %s", e.Hash, want)
	}

	next, err := newEntry(e.Hash, "cfirm", "", "user.login", at, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(e.follows(genesis), next.follows(e.Hash)); err != nil {
		t.Errorf("an intact chain: %v", err)
	}
}

func TestChainShowsTampering(t *testing.T) {
	for _, test := range []struct {
		name   string
		tamper func(*entry)
		want   string
	}{
		{"payload", func(e *entry) { e.Payload = strings.Replace(e.Payload, "paid", "owed", 1) }, "payload hash"},
		{"payload with its hash", func(e *entry) { e.Payload = "{}"; e.PayloadHash = hexSHA256("{}") }, "not over"},
		{"all but the link to the next", func(e *entry) {
			e.Payload = "{}"
			e.PayloadHash = hexSHA256("{}")
			e.Hash = hexSHA256(e.PrevHash + e.PayloadHash)
		}, "columns"},
		{"payload that is no JSON", func(e *entry) {
			e.Payload = "{"
			e.PayloadHash = hexSHA256("{")
			e.Hash = hexSHA256(e.PrevHash + e.PayloadHash)
		}, "not JSON"},
		{"action", func(e *entry) { e.Action = "user.login" }, "columns"},
		{"user", func(e *entry) { e.User = "cother" }, "columns"},
		{"time", func(e *entry) { e.At = e.At.Add(time.Hour) }, "columns"},
		{"predecessor", func(e *entry) { e.PrevHash = hexSHA256("") }, "previous hash"},
	} {
		e, err := newEntry(genesis, "cfirm", "cuser", "document.view", time.Unix(0, 0), "paid")
		if err != nil {
			t.Fatal(err)
		}
		e.ID = 7
		test.tamper(&e)

		var broken *ChainError
		if err := e.follows(genesis); !errors.As(err, &broken) || broken.ID != 7 || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want audit row 7 and %q", test.name, err, test.want)
		}
	}
}
