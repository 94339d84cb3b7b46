package steps

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// silent takes progress and shows none.
type silent struct{}

func (silent) Phase(string, recovery.Unit) {}
func (silent) Advance(int64, int64)        {}
func (silent) Note(string)                 {}
func (silent) Log(string)                  {}

var began = time.Date(2026, 11, 23, 3, 0, 0, 0, time.UTC)

func running(change func(*stack.Service)) []stack.Service {
	s := stack.Service{Name: "web", ID: "c1", State: stack.Running, Health: stack.Healthy, StartedAt: began}
	if change != nil {
		change(&s)
	}

	return []stack.Service{s}
}

// nothingHeld is data of which nothing is asked.
func nothingHeld(context.Context, recovery.Progress) ([]recovery.Finding, error) { return nil, nil }

// restored is step 5 after its switch, over an app that answers.
func restored(t *testing.T, holds string, services ...[]stack.Service) *restart {
	t.Helper()
	s := stopped(t)
	s.OriginalEnv = filepath.Join(s.ProjectDir, "original.env")
	if err := os.WriteFile(s.OriginalEnv, []byte("AUTH_SECRET='a$b'\nLICENSE_KEY=key\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.AppURL = "http://127.0.0.1:9002"
	s.Settle = time.Millisecond
	s.Probe = func(context.Context, string) (int, time.Duration, error) { return 200, time.Millisecond, nil }
	s.Runtime = &still{services: services, holds: map[string]secret.String{"AUTH_SECRET": secret.New(holds), "LICENSE_KEY": secret.New("key")}}

	return &restart{Stack: s, switched: true}
}

func TestE14TheAppIsProvenToStayUpAndToHoldTheSecrets(t *testing.T) {
	for name, c := range map[string]struct {
		holds         string
		before, after []stack.Service
		want          recovery.Code // empty: all is proven
	}{
		"all well":                {"a$b", running(nil), running(nil), ""},
		"restarted meanwhile":     {"a$b", running(nil), running(func(s *stack.Service) { s.Restarts++ }), CodeAppDown},
		"started anew meanwhile":  {"a$b", running(nil), running(func(s *stack.Service) { s.StartedAt = began.Add(time.Second) }), CodeAppDown},
		"another container":       {"a$b", running(nil), running(func(s *stack.Service) { s.ID = "c2" }), CodeAppDown},
		"ends again and again":    {"a$b", running(func(s *stack.Service) { s.State = stack.Restarting }), nil, CodeAppDown},
		"E16 killed for memory":   {"a$b", running(nil), running(func(s *stack.Service) { s.State, s.OOMKilled = stack.Exited, true }), CodeAppDown},
		"one character different": {"a$c", running(nil), running(nil), CodeSecretContainer},
		"D1 cut at the dollar":    {"a", running(nil), running(nil), CodeSecretContainer},
		"D2 empty":                {"", running(nil), running(nil), CodeSecretContainer},
	} {
		r := restored(t, c.holds, c.before, c.after)
		findings, _, err := r.prove(t.Context(), silent{}, nothingHeld)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var got recovery.Code
		for _, f := range findings {
			if f.Status != recovery.Passed && f.Diagnosis != nil {
				got = f.Diagnosis.Code
			}
		}
		if got != c.want {
			t.Errorf("%s: %q is what is wrong, want %q", name, got, c.want)
		}
	}
}

func TestAnAppThatAnswersWithAnErrorIsNotProven(t *testing.T) {
	for name, probe := range map[string]Prober{
		"an error page": func(context.Context, string) (int, time.Duration, error) { return 500, time.Millisecond, nil },
		"no answer": func(context.Context, string) (int, time.Duration, error) {
			return 0, 0, errors.New("connection refused")
		},
	} {
		r := restored(t, "a$b", running(nil))
		r.Probe = probe
		findings, _, err := r.prove(t.Context(), silent{}, nothingHeld)
		if err != nil || standing(findings) != recovery.Blocked {
			t.Errorf("%s: %+v, %v; want a finding that failed", name, findings, err)
		}
	}
}

func TestAnAppWithoutAnAddressIsUnprovenAndNotFailed(t *testing.T) {
	r := restored(t, "a$b", running(nil))
	r.AppURL = ""
	findings, _, err := r.prove(t.Context(), silent{}, nothingHeld)
	if err != nil {
		t.Fatal(err)
	}
	last := findings[len(findings)-1]
	if last.Status != recovery.Unproven || last.Diagnosis.Code != CodeAppNoURL {
		t.Errorf("the last finding is %+v, want %s unproven", last, CodeAppNoURL)
	}
}

// A held container with other secrets is made anew once; if it then still holds
// others, the step does not go on.
func TestTheHeldAppIsMadeAnewUntilItHoldsTheSecrets(t *testing.T) {
	held := running(func(s *stack.Service) { s.State = stack.Created })
	r := restored(t, "other", held)
	s := &services{Stack: r.Stack}
	if finding, wrong := s.heldSecrets(t.Context()); !wrong || finding.Diagnosis.Code != CodeSecretContainer {
		t.Errorf("held with another secret: %+v", finding)
	}
	same := restored(t, "a$b", held)
	if finding, wrong := (&services{Stack: same.Stack}).heldSecrets(t.Context()); wrong {
		t.Errorf("held with the original's secret: %+v", finding)
	}
}
