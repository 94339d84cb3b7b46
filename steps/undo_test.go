package steps

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/recovery/stack"
)

const taken = recovery.RunID("20261123-030107")

// typedOnly is a runtime that is only asked what would be typed.
type typedOnly struct{ stack.Runtime }

func (typedOnly) Typed(a stack.Action, _ ...string) string { return string(a) }

func site() *Stack {
	return &Stack{Runtime: typedOnly{}, ProjectDir: "/srv/ff", Vault: "/srv/ff/uploads", Database: "firmflow", User: "firmflow", DBService: "db", AppService: "web", RunID: taken, Now: time.Now}
}

func (s *Stack) comment(t *testing.T, run recovery.RunID, replaces string) string {
	t.Helper()
	text, err := json.Marshal(receipt{Program: program, Run: run, Replaces: replaces})
	if err != nil {
		t.Fatal(err)
	}

	return string(text)
}

func vacantOf(run recovery.RunID) string {
	return `{"program":"firmflow-recovery","given_up_by_run":"` + string(run) + `"}`
}

func codeOf(err error) recovery.Code {
	var failure *recovery.Failure
	if !errors.As(err, &failure) {
		return ""
	}

	return failure.Diagnosis.Code
}

func TestTheDatabasesSayWhatAnUndoHasToDo(t *testing.T) {
	s := site()
	ours, bare, others := s.comment(t, taken, s.aside()), s.comment(t, taken, ""), s.comment(t, "20261124-000000", "x")
	for name, c := range map[string]struct {
		there map[string]string // database and its comment
		way   way
		code  recovery.Code
	}{
		"never loaded":                    {map[string]string{"firmflow": ""}, stays, ""},
		"loaded, not switched":            {map[string]string{"firmflow": "", s.restoring(): ours}, stays, ""},
		"switched":                        {map[string]string{"firmflow": ours, s.aside(): ""}, comesBack, ""},
		"switched, nothing was before":    {map[string]string{"firmflow": bare}, goesAside, ""},
		"switched, live lost":             {map[string]string{s.aside(): ""}, comesBack, ""},
		"undone":                          {map[string]string{"firmflow": "", s.undone(): ours}, isBack, ""},
		"undone, nothing was before":      {map[string]string{s.undone(): bare}, isBack, ""},
		"given up":                        {map[string]string{"firmflow": vacantOf(taken)}, stays, CodeUndoGivenUp},
		"given up, the old one is there":  {map[string]string{"firmflow": vacantOf(taken), s.aside(): ""}, comesBack, ""},
		"given up, switched":              {map[string]string{"firmflow": ours, s.aside(): vacantOf(taken)}, stays, CodeUndoGivenUp},
		"what was before is gone":         {map[string]string{"firmflow": ours}, stays, CodeUndoGone},
		"a later run is live":             {map[string]string{"firmflow": others, s.aside(): ""}, stays, CodeUndoOther},
		"somebody's own is live":          {map[string]string{"firmflow": "production", s.aside(): ""}, stays, CodeUndoOther},
		"the name for it is taken":        {map[string]string{"firmflow": ours, s.aside(): "", s.undone(): ""}, stays, CodeUndoName},
		"nothing is there at all":         {nil, stays, ""},
		"another run's load beside it":    {map[string]string{"firmflow": "", "firmflow_restoring_20261124-000000": others}, stays, ""},
		"another run's set-aside as well": {map[string]string{"firmflow": ours, s.aside(): "", "firmflow_before_20261101-000000": ""}, comesBack, ""},
	} {
		t.Run(name, func(t *testing.T) {
			there := map[string]dump.Database{}
			for db, comment := range c.there {
				there[db] = dump.Database{Name: db, Comment: comment}
			}
			got, _, err := (&undo{Stack: s}).databaseWay(there)
			if got != c.way || codeOf(err) != c.code || (err != nil) != (c.code != "") {
				t.Errorf("%q, %v; want %q, %q", got, err, c.way, c.code)
			}
		})
	}
}

// told writes a journal with these events.
func told(t *testing.T, h journal.Home, run recovery.RunID, events ...recovery.Event) {
	t.Helper()
	s := site()
	j, err := h.Create(run)
	if err != nil {
		t.Fatal(err)
	}
	for n, e := range append([]recovery.Event{{Kind: recovery.RunOpened, Text: "2026-11-22", Inputs: s.Inputs()}}, events...) {
		e.V, e.Seq, e.Run, e.Time = recovery.Version, uint64(n)+1, run, time.Now()
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
}

func ended(o recovery.Outcome) recovery.Event {
	return recovery.Event{Kind: recovery.RunEnded, Verdict: &recovery.Verdict{Outcome: o}}
}

func TestWhichRunsAreUndoneCleanedUpAndResumed(t *testing.T) {
	started := recovery.Event{Kind: recovery.RunStarted}
	opened := func(p recovery.Purpose) recovery.Event { return recovery.Event{Kind: recovery.RunResumed, Purpose: p} }
	undoing := []recovery.Event{started, ended(recovery.Verified), opened(recovery.Undoing), started}
	cleaning := []recovery.Event{started, ended(recovery.Verified), opened(recovery.CleaningUp), started}
	for name, c := range map[string]struct {
		events                []recovery.Event
		undo, cleanup, resume recovery.Code
	}{
		"never confirmed":            {nil, CodeUndoNothing, CodeCleanNothing, recovery.CodeResumeNothing},
		"killed":                     {[]recovery.Event{started}, "", CodeCleanEarly, ""},
		"failed":                     {[]recovery.Event{started, ended(recovery.PreviousLive)}, "", CodeCleanEarly, ""},
		"verified":                   {[]recovery.Event{started, ended(recovery.Verified)}, "", "", recovery.CodeResumeNothing},
		"not verified":               {[]recovery.Event{started, ended(recovery.NotVerified)}, "", "", ""}, // by its id: it is proven again
		"not verified, undo refused": {[]recovery.Event{started, ended(recovery.NotVerified), opened(recovery.Undoing), ended(recovery.NothingChanged)}, "", "", ""},
		"an undo was refused":        {[]recovery.Event{started, ended(recovery.Verified), opened(recovery.Undoing), ended(recovery.NothingChanged)}, "", "", recovery.CodeResumeNothing},
		"an undo was killed":         {undoing, "", CodeCleanEarly, recovery.CodeResumeUndone},
		"undone":                     {append(slices.Clone(undoing), ended(recovery.Undone)), "", "", recovery.CodeResumeUndone},
		"undone, the app is down":    {append(slices.Clone(undoing), ended(recovery.UndoneNotVerified)), "", "", recovery.CodeResumeUndone},
		"a cleanup was killed":       {cleaning, CodeUndoCleaned, "", recovery.CodeResumeNothing},
		"cleaned up":                 {append(slices.Clone(cleaning), ended(recovery.CleanedUp)), CodeUndoCleaned, "", recovery.CodeResumeNothing},
	} {
		t.Run(name, func(t *testing.T) {
			h := journal.Home{Dir: t.TempDir()}
			told(t, h, taken, c.events...)
			for _, run := range []recovery.RunID{taken, ""} {
				if _, err := ToUndo(h, run); codeOf(err) != c.undo || (err != nil) != (c.undo != "") {
					t.Errorf("undo %q: %v, want %q", run, err, c.undo)
				}
				if _, err := ToCleanUp(h, run); codeOf(err) != c.cleanup || (err != nil) != (c.cleanup != "") {
					t.Errorf("cleanup %q: %v, want %q", run, err, c.cleanup)
				}
			}
			if _, err := Earlier(h, taken); codeOf(err) != c.resume || (err != nil) != (c.resume != "") {
				t.Errorf("resume: %v, want %q", err, c.resume)
			}
		})
	}
}

func TestARunIsOnlyUndoneInItsOwnInstallation(t *testing.T) {
	h := journal.Home{Dir: t.TempDir()}
	told(t, h, taken, recovery.Event{Kind: recovery.RunStarted}, ended(recovery.NotVerified))
	of, err := ToUndo(h, "")
	if err != nil {
		t.Fatal(err)
	}
	r, err := site().OfRun(recovery.CleaningUp, of, "ffhost-01")
	if err != nil || r.Run != taken || r.Phrase != "ffhost-01 not verified" || len(r.Steps) != 2 {
		t.Errorf("%+v, %v", r, err)
	}
	if r, err = site().OfRun(recovery.Undoing, of, "ffhost-01"); err != nil || r.Phrase != "" || len(r.Steps) != 3 {
		t.Errorf("%+v, %v", r, err)
	}
	for name, change := range map[string]func(*Stack){
		"vault": func(s *Stack) { s.Vault = "/elsewhere" }, "database": func(s *Stack) { s.Database = "other" },
		"project": func(s *Stack) { s.ProjectDir = "/elsewhere" },
	} {
		s := site()
		change(s)
		if _, err := s.OfRun(recovery.Undoing, of, "ffhost-01"); codeOf(err) != CodeUndoInputs {
			t.Errorf("another %s: %v", name, err)
		}
	}
}

func TestTheWizardOffersAnUndoWhereThereIsOne(t *testing.T) {
	started := recovery.Event{Kind: recovery.RunStarted}
	begun := []recovery.Event{started, ended(recovery.Verified), {Kind: recovery.RunResumed, Purpose: recovery.Undoing}, started}
	for name, c := range map[string]struct {
		events []recovery.Event
		label  string
	}{
		"nothing confirmed": {nil, ""},
		"verified":          {begun[:2], "Undo the last recovery"},
		"being undone":      {begun, "Go on with the undo of run " + string(taken)},
		"undone":            {append(slices.Clone(begun), ended(recovery.Undone)), ""},
	} {
		h := journal.Home{Dir: t.TempDir()}
		told(t, h, taken, c.events...)
		back := func(recovery.State) (recovery.Runner, error) { return recovery.Runner{}, nil }
		g := Guide{Execution: Execution{Home: h, TakeBack: back}, Now: time.Now, Backups: t.TempDir()}
		label := ""
		for _, o := range g.undoable("") {
			label = o.Label
		}
		if label != c.label {
			t.Errorf("%s: offered %q, want %q", name, label, c.label)
		}
		if start := g.Start(t.Context()); start.Interrupted != nil {
			t.Errorf("%s: offered to be resumed", name)
		}
	}
}

// TestAFailureIsFollowedByItsUndo: the undo has the last word, unless nobody
// confirms it.
func TestAFailureIsFollowedByItsUndo(t *testing.T) {
	pending := recovery.Assessment{}
	done := recovery.Assessment{Standing: recovery.Done, Findings: []recovery.Finding{recovery.OK("thing", "is there")}}
	for name, c := range map[string]struct {
		typed   string
		outcome recovery.Outcome
		exit    recovery.ExitCode
		undone  bool
	}{
		"confirmed":     {"ffhost-01", recovery.Undone, recovery.ExitOK, true},
		"not confirmed": {"ffhost-02", recovery.PreviousLive, recovery.ExitStep1, false},
	} {
		t.Run(name, func(t *testing.T) {
			h := journal.Home{Dir: t.TempDir()}
			fails := &recoverytest.Step{Name: "one", Checks: []recovery.Assessment{pending}, Do: func(context.Context, recovery.Progress) error { return errors.New("disk full") }}
			back := &recoverytest.Step{Name: "back", Checks: []recovery.Assessment{pending, pending, done}}
			runner := recovery.Runner{
				Now: time.Now, Host: "ffhost-01", Run: taken, Steps: []recovery.Step{fails},
				Operator: &recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{
					recovery.AskStart:   {{Choice: recovery.Go}, {Choice: recovery.Go, Typed: c.typed}},
					recovery.AskFailure: {{Choice: recovery.Undo}},
				}},
			}
			v, report, err := Execution{Home: h, TakeBack: func(of recovery.State) (recovery.Runner, error) {
				r := runner
				r.Steps, r.Purpose, r.Earlier = []recovery.Step{back}, recovery.Undoing, of
				return r, nil
			}}.Execute(t.Context(), runner)
			if err != nil || v.Outcome != c.outcome || v.Exit != c.exit || v.Turn != "" || report == "" {
				t.Errorf("%s, exit %d, turn %q, report %q, %v", v.Outcome, v.Exit, v.Turn, report, err)
			}
			if state, err := h.Read(taken); err != nil || state.Undone() != c.undone || state.Unfinished() == c.undone {
				t.Errorf("undone %v, unfinished %v, %v", state.Undone(), state.Unfinished(), err)
			}
		})
	}
}
