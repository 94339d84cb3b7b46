package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/drill"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/steps"
)

// trainee is an operator who meets one fault and takes the way out of it: once
// they are asked what to do, they do it and go on.
type trainee struct {
	recoverytest.Operator
	way func(place drill.Place) error // nil: there is nothing to be done by hand

	mu    sync.Mutex
	place func() (drill.Place, error)
	asked int
	met   []recovery.Code
}

func (o *trainee) Tell(e recovery.Event) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if e.Diagnosis != nil {
		o.met = append(o.met, e.Diagnosis.Code)
	}
	if e.Finding != nil && e.Finding.Diagnosis != nil {
		o.met = append(o.met, e.Finding.Diagnosis.Code)
	}
	o.Operator.Tell(e)
}

func (o *trainee) Ask(_ context.Context, q recovery.Question) (recovery.Answer, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	choices := map[recovery.QuestionID]recovery.Choice{
		recovery.AskStart: recovery.Go, recovery.AskRemedy: recovery.Apply, recovery.AskBlocked: recovery.Again, recovery.AskFailure: recovery.Retry,
	}
	if q.ID == recovery.AskStart {
		return recovery.Answer{Choice: recovery.Go}, nil
	}
	if o.asked++; o.asked > 3 {
		return recovery.Answer{}, errors.New("asked for the fourth time: " + q.Text)
	}
	if o.way != nil && q.ID != recovery.AskRemedy {
		place, err := o.place()
		if err == nil {
			err = o.way(place)
		}
		if err != nil {
			return recovery.Answer{}, err
		}
	}

	return recovery.Answer{Choice: choices[q.ID]}, nil
}

// copyAgain is the way out of a copy that ends early.
func copyAgain(i *demo.Installation, pattern string) func(drill.Place) error {
	return func(p drill.Place) error {
		all, err := filepath.Glob(filepath.Join(i.Backups, pattern))
		if err != nil || len(all) != 1 {
			return errors.Join(err, errors.New("no such file: "+pattern))
		}
		good, err := os.ReadFile(all[0])
		if err != nil {
			return err
		}

		return os.WriteFile(filepath.Join(p.Copies(), filepath.Base(all[0])), good, 0o600)
	}
}

// repaired is the way out of a dump that went through a terminal.
func repaired(p drill.Place) error {
	tool, err := sandbox.Host(compose.Environment(os.Environ()), &secret.Scrubber{})
	if err != nil {
		return err
	}
	made, err := steps.Repair{Dir: p.Copies(), Name: "latest", Database: "firmflow", Tool: tool, Now: time.Now, Moved: func(string, int64, int64) {}}.Run(context.Background())
	if err != nil {
		return err
	}

	return os.Rename(made.Copies[0].To, made.Copies[0].From)
}

func inPlace(p drill.Place) *sandbox.Runtime {
	return sandbox.New(sandbox.Options{Dir: p.Work(), Environment: compose.Environment(os.Environ()), Scrub: &secret.Scrubber{}})
}

// readdressed is the way out of an app that has the wrong address.
func readdressed(p drill.Place) error {
	path := filepath.Join(p.Work(), "sandbox.json")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	_, rest, _ := strings.Cut(string(text), `"port": `)
	if _, after, found := strings.Cut(string(text), `"db": {`); found {
		_, rest, _ = strings.Cut(after, `"port": `)
	}
	port, _, _ := strings.Cut(rest, ",")
	right := strings.Replace(string(text), "@127.0.0.1:1/", "@127.0.0.1:"+port+"/", 1)

	return errors.Join(inPlace(p).Stop(context.Background(), "app"), os.WriteFile(path, []byte(right), 0o600))
}

func TestEveryTrainingFaultShowsItsDiagnosisAndHasAWayOut(t *testing.T) {
	i := sandboxed(t)
	ways := map[string]func(drill.Place) error{
		"full-disk": func(p drill.Place) error {
			return syscall.Mount(p.Receipt.Project, p.Work(), "tmpfs", syscall.MS_REMOUNT, "size=1g")
		},
		"truncated-archive": copyAgain(i, "vault_snapshot_*.tar.gz"), "truncated-dump": copyAgain(i, "db_*.dump"), "terminal-dump": repaired,
		"database-dies": func(p drill.Place) error { return inPlace(p).Start(context.Background(), "db") },
	}
	refused := map[string]bool{"other-days": true, "missing-documents": true} // no copy of these is whole
	before := treeOf(t, i.Backups)
	t.Run("all", func(t *testing.T) {
		for _, fault := range drill.Faults() {
			t.Run(fault.Name, func(t *testing.T) {
				t.Parallel()
				root, home := filepath.Join(i.Dir, "places-"+fault.Name), journal.Home{Dir: filepath.Join(i.Dir, "state-"+fault.Name)}
				mkdir(t, root)
				op := &trainee{way: ways[fault.Name], place: func() (drill.Place, error) {
					found, err := drill.Found(root, home.Dir)
					if err != nil || len(found) != 1 {
						return drill.Place{}, errors.Join(err, errors.New("the drill has no place"))
					}

					return found[0], nil
				}}
				dropped := 0
				patience := 5 * time.Minute
				rehearsal := stackOf(i, 100*time.Millisecond, patience)
				if fault.Address { // it never becomes ready, until it was corrected
					rehearsal.Patience = 10 * time.Second
					op.way = func(p drill.Place) error {
						rehearsal.Patience = patience
						return readdressed(p)
					}
				}
				d := steps.Drill{
					Home: home, Live: journal.Home{Dir: i.State}, Installation: stackOf(i, 0, patience), Rehearsal: rehearsal,
					Root: root, Host: "ffhost-01", Fault: fault, Hangup: func() error { dropped++; return nil },
					Sandbox: drill.Sandbox{Program: []string{program, "sample-app", "--stand-in"}, Environment: compose.Environment(os.Environ())},
				}
				d.Installation.ProjectDir = filepath.Join(i.Dir, "not-installed") // other faults' drills need not be looked at
				did, err := d.Run(t.Context(), op, steps.Chosen{Backup: "latest", Original: i.OriginalEnv})
				if err != nil {
					t.Fatal(err)
				}
				want := recovery.Verified
				if refused[fault.Name] {
					want = recovery.NotVerified
				}
				if did.Verdict.Outcome != want {
					t.Errorf("%s: %v, met %v", did.Verdict.Outcome, did.Verdict.Diagnosis, op.met)
				}
				shown := strings.Contains(join(op.met), fault.Shows)
				if fault.Moment == drill.DatabaseDies { // where the engine does not know of the end yet
					shown = shown || strings.Contains(join(op.met), string(steps.CodeDatabaseGone))
				}
				if fault.Shows != "" && !shown {
					t.Errorf("met %v, want %s", op.met, fault.Shows)
				}
				if hangs := fault.Moment == drill.LineDrops; hangs != (dropped == 1) || hangs && op.asked > 0 {
					t.Errorf("the line dropped %d times, and something was asked %d times", dropped, op.asked)
				}
				if left := listed(t, root); len(left) > 0 {
					t.Errorf("left behind: %q", left)
				}
				noneRuns(t, root)
			})
		}
	})
	if treeOf(t, i.Backups) != before {
		t.Error("a backup was changed")
	}
}

func join(codes []recovery.Code) string {
	var b strings.Builder
	for _, c := range codes {
		b.WriteString(string(c) + " ")
	}

	return b.String()
}

func stackOf(i *demo.Installation, settle, patience time.Duration) *steps.Stack {
	scrub := &secret.Scrubber{}
	runtime := sandbox.New(sandbox.Options{Dir: i.Project, Environment: compose.Environment(os.Environ()), Scrub: scrub})

	return &steps.Stack{
		Runtime: runtime, ProjectDir: i.Project, Vault: i.Vault, Database: "firmflow", User: "firmflow", DBService: "db", AppService: "app",
		BackupDir: i.Backups, Shell: os.Environ(), Scrub: scrub, Now: time.Now, Settle: settle, Patience: patience, Probe: steps.Probe,
		Keep: func(recovery.RunID, string, []byte) (string, error) { return "", nil },
	}
}

// treeOf gives names, sizes and times of what lies in a directory.
func treeOf(t *testing.T, dir string) string {
	t.Helper()

	return must(t, dir, "find", ".", "-printf", "%p %s %T@ %i\n")
}
