package steps

import (
	"context"
	"errors"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/recovery/secret"
)

// typing is an operator who types texts that are not shown, one after the other;
// an empty one goes back.
func typing(texts ...string) *recoverytest.Operator {
	o := &recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{}}
	for _, text := range texts {
		answer := recovery.Answer{Choice: recovery.Go, Concealed: recovery.Conceal(text)}
		if text == "" {
			answer = recovery.Answer{Choice: recovery.Back}
		}
		o.Answers[recovery.AskSecret] = append(o.Answers[recovery.AskSecret], answer)
	}

	return o
}

func TestTheKeysOfALostOriginalAreTyped(t *testing.T) {
	g := &Guide{Operator: typing("a$uth", "FF-1", "")}
	var got Chosen
	g.Make = func(_ context.Context, c Chosen) (recovery.Runner, error) {
		got = c
		return recovery.Runner{}, nil
	}
	if _, err := g.unlocked(t.Context(), Chosen{Original: TypedOriginal}); err != nil {
		t.Fatal(err)
	}
	if len(got.Typed) != 2 || secret.Reveal(got.Typed[envfile.AuthSecret]) != "a$uth" || secret.Reveal(got.Typed[envfile.LicenseKey]) != "FF-1" {
		t.Errorf("%d keys were handed on, or others than were typed", len(got.Typed))
	}
	if _, err := g.unlocked(t.Context(), Chosen{Original: TypedOriginal}); err != nil {
		t.Errorf("what was typed is asked for again: %v", err)
	}
	for name, o := range map[string]*recoverytest.Operator{"at once": typing(""), "after the first": typing("a$uth", "")} {
		g = &Guide{Operator: o, Make: g.Make}
		if _, err := g.unlocked(t.Context(), Chosen{Original: TypedOriginal}); !errors.Is(err, errWentBack) || unlessBack(err) != nil {
			t.Errorf("back %s: %v", name, err)
		}
	}
}

func TestWhatOpensTheOriginalIsAskedForUntilItDoes(t *testing.T) {
	tried := 0
	g := &Guide{Operator: typing("wrong", "right")}
	g.Make = func(_ context.Context, c Chosen) (recovery.Runner, error) {
		tried++
		switch secret.Reveal(c.Key.Passphrase) {
		case "":
			return recovery.Runner{}, recovery.Fail(recovery.Diagnosis{}, &originalError{"/safe/env.age", &envfile.LockedError{Needs: envfile.ByPassphrase}})
		case "right":
			return recovery.Runner{Backup: "2026-11-22"}, nil
		default:
			return recovery.Runner{}, recovery.Fail(recovery.Diagnosis{}, &originalError{"/safe/env.age", envfile.ErrPassphrase})
		}
	}
	r, err := g.unlocked(t.Context(), Chosen{})
	if err != nil || r.Backup != "2026-11-22" || tried != 3 {
		t.Errorf("%v after %d tries", err, tried)
	}
	if _, err := g.unlocked(t.Context(), Chosen{}); err != nil || tried != 4 {
		t.Errorf("it is asked for again: %v", err)
	}

	g.Operator, g.Key = typing(""), envfile.Key{}
	if _, err := g.unlocked(t.Context(), Chosen{}); !errors.Is(err, errWentBack) {
		t.Errorf("went back: %v", err)
	}
	g.Operator = typing()
	if _, err := g.unlocked(t.Context(), Chosen{}); !WantsPassphrase(err) {
		t.Errorf("where nobody can be asked, what is wrong must be told: %v", err)
	}
}

func TestAKeyFileIsAskedForByItsPath(t *testing.T) {
	o := typing()
	o.Answers[recovery.AskOriginal] = []recovery.Answer{{Choice: recovery.Go, Typed: "/safe/key.txt"}}
	g := &Guide{Operator: o}
	g.Make = func(_ context.Context, c Chosen) (recovery.Runner, error) {
		if c.Key.Identity != "/safe/key.txt" {
			return recovery.Runner{}, recovery.Fail(recovery.Diagnosis{}, &originalError{"/safe/env.age", &envfile.LockedError{Needs: envfile.ByIdentity}})
		}
		return recovery.Runner{}, nil
	}
	if _, err := g.unlocked(t.Context(), Chosen{}); err != nil {
		t.Error(err)
	}
}
