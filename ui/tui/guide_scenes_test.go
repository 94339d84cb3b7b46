package tui

import (
	"time"

	"firmflow-recovery/recovery"
)

// The questions that come before a run, as the guide asks them.

func listing() *recovery.Listing {
	taken := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	return &recovery.Listing{Directory: "/mnt/nfs/backups/firmflow", Unusable: []string{"db_2026-11-19.dump: a directory"}, Backups: []recovery.ListedBackup{
		{Name: "2026-11-22", Taken: taken, Age: 25*time.Hour + 11*time.Minute, DumpBytes: 7 << 30, VaultBytes: 11 << 30, Env: true, Recoverable: true},
		{Name: "2026-11-21", Taken: taken.AddDate(0, 0, -1), Age: 49 * time.Hour, DumpBytes: 3 << 30, Mirror: true, Recoverable: true,
			Remarks: []string{"dump less than half of the one before", "copied later; time from its name"}},
		{Name: "2026-11-20", Taken: taken.AddDate(0, 0, -2), Age: 73 * time.Hour, VaultBytes: 11 << 30, Remarks: []string{"dump missing"}},
	}}
}

func task(s recovery.Start, options ...recovery.Option) *recovery.Question {
	q := recovery.Question{ID: recovery.AskTask, Text: "What do you want to do?", Page: &recovery.Page{Start: &s}}
	q.Options = append(options,
		recovery.Option{Key: recovery.Recover, Label: "Recover from a backup", Detail: "the five steps; what is replaced is kept"},
		recovery.Option{Key: recovery.Preflight, Label: "Pre-flight check", Detail: "looks only, changes nothing"},
		recovery.Option{Key: recovery.Stop, Label: "Quit"})
	if s.Running != nil {
		q.Options[1].Why = "run 20261123-030107 goes on"
	}

	return &q
}

func summary() *recovery.Summary {
	return &recovery.Summary{Run: "20261123-030107", Backup: "2026-11-22", Host: host, Index: 4, Of: 5, Title: "load the database dump", Age: 14 * time.Minute}
}

func interruptedStart() *recovery.Question {
	last := *summary()
	last.Run, last.Outcome, last.Age = "20261109-100000", recovery.Verified, 14*24*time.Hour
	s := recovery.Start{Interrupted: summary(), Newest: &listing().Backups[0], Last: &last, Remarks: []string{"You are inside tmux."}}

	return task(s, recovery.Option{Key: recovery.Resume, Label: "Resume run 20261123-030107", Detail: "at step 4, nothing is repeated"})
}

func runningStart() *recovery.Question {
	return task(recovery.Start{Running: summary(), Newest: &listing().Backups[0]},
		recovery.Option{Key: recovery.Attach, Label: "Watch run 20261123-030107", Detail: "only a view; it goes on by itself"})
}

func chooseBackup() *recovery.Question {
	q := recovery.Question{ID: recovery.AskBackup, Text: "Which backup?", Page: &recovery.Page{Listing: listing()}}
	for _, b := range q.Page.Listing.Backups {
		o := recovery.Option{Key: recovery.Choice(b.Name), Label: b.Name}
		if !b.Recoverable {
			o.Why = "it is incomplete"
		}
		q.Options = append(q.Options, o)
	}
	q.Options = append(q.Options, recovery.Option{Key: recovery.Back, Label: "Back"})

	return &q
}

var whereOriginal = recovery.Question{
	ID: recovery.AskOriginal, Text: "Where is the .env of the installation that was backed up?", Enter: "path",
	Options: []recovery.Option{{Key: recovery.Go, Label: "Compare with it"}, {Key: recovery.Back, Label: "Back"}},
}

var whichPassphrase = recovery.Question{
	ID: recovery.AskSecret, Text: "env_2026-11-22.age is encrypted. What is its passphrase?", Enter: "passphrase", Conceal: true,
	Options: []recovery.Option{{Key: recovery.Go, Label: "Open it"}, {Key: recovery.Back, Label: "Back"}},
}

var readReport = recovery.Question{
	ID: recovery.AskRead, Text: "Report of run 20261109-100000", Options: []recovery.Option{{Key: recovery.Back, Label: "Back"}},
	Page: &recovery.Page{Document: &recovery.Document{Title: "Report of run 20261109-100000", Lines: []string{
		"# Recovery 20261109-100000 on ffhost-01", "", "**VERIFIED** in 11 min 4 s, exit code 0", "", "## Proven", "", "- ok: **vault** 41,208 files",
	}}},
}

var lookedGood = recovery.Question{
	ID: recovery.AskLooked, Text: "Nothing is in the way of a recovery from backup 2026-11-22",
	Options: []recovery.Option{{Key: recovery.Recover, Label: "Recover from it", Detail: "shows the plan first"}, {Key: recovery.Again, Label: "Check again"},
		{Key: recovery.Back, Label: "Choose another backup"}, {Key: recovery.Stop, Label: "Quit"}},
}

var lookedBad = recovery.Question{
	ID: recovery.AskBlocked, Step: "environment", Text: "The disk is too small",
	Options: []recovery.Option{{Key: recovery.Again, Label: "Check again", Detail: "once it is mended"}, {Key: recovery.Shell, Label: "Open a shell", Detail: "exit comes back here"},
		{Key: recovery.Back, Label: "Choose another backup"}, {Key: recovery.Stop, Label: "Stop here", Detail: "nothing has been changed"}},
}

var giveUp = recovery.Question{
	ID: recovery.AskGiveUp, Step: "environment", Text: "The disk is too small", Flag: "--give-up-undo 'ffhost-01 without undo'",
	Options: append([]recovery.Option{lookedBad.Options[0], {Key: recovery.Apply, Label: "Give up undo", Detail: "asks once more"}}, lookedBad.Options[1:]...),
}

var giveUpTyped = recovery.Question{
	ID: recovery.AskGiveUp, Step: "environment", Typed: "ffhost-01 without undo", Flag: giveUp.Flag, Action: "undo.give-up.vault",
	Text:    "Give up undo: delete today's vault /opt/firmflow/uploads for good, when its replacement needs the room. Nothing brings that back. Type  ffhost-01 without undo  to agree",
	Options: []recovery.Option{{Key: recovery.Go, Label: "Give up undo"}, {Key: recovery.Back, Label: "Go back", Detail: "nothing has been changed"}},
}

var startGuided = recovery.Question{
	ID: recovery.AskStart, Text: "Start the recovery", Flag: "--yes",
	Options: []recovery.Option{{Key: recovery.Go, Label: "Start"}, {Key: recovery.Back, Label: "Go back", Detail: "nothing has been changed"}},
}

// compared is a plan that is blocked over the secrets.
func (t *tape) compared() *tape {
	d := secretsCut()
	secrets := recovery.Problem("secrets", recovery.Failed, d)
	t.open().look("environment", recovery.OK("docker", "compose 5.0.1, engine 29.1"), secrets)
	table := &recovery.SecretsTable{Original: "/safe/env_2026-11-22", Target: "/opt/firmflow/.env", Same: 37,
		Keys: []recovery.ComparedSecret{
			{Key: "AUTH_SECRET", Status: recovery.Failed, File: "identical", Read: "different", Result: "Compose cuts it"},
			{Key: "LICENSE_KEY", Status: recovery.Passed, File: "identical", Read: "identical", Result: "same"},
			{Key: "FIELD_ENCRYPTION_KEY", Status: recovery.Passed, File: "identical", Read: "identical", Result: "same"},
		},
		Others: []recovery.ComparedSecret{{Key: "SMTP_HOST", Status: recovery.Warned, File: "different", Result: "differs"}}}

	return t.add(0, recovery.Event{Kind: recovery.PlanMade, Plan: &recovery.Plan{Backup: "2026-11-22", Target: "FirmFlow", Steps: []recovery.PlannedStep{
		{ID: "environment", Title: titles["environment"], Assessment: recovery.Assessment{Standing: recovery.Blocked, Secrets: table,
			Findings: []recovery.Finding{recovery.OK("docker", "compose 5.0.1, engine 29.1"), secrets}}},
	}}})
}

// tooSmall is a plan that something else blocks.
func (t *tape) tooSmall() *tape {
	d := recovery.Diagnosis{Code: "space.disk", Summary: "The disk is too small", Seen: "/opt/firmflow has 3.0 GiB free, 12.4 GiB are needed beside what is there.",
		Intact: "Nothing was changed.", Remedies: []recovery.Remedy{{Do: "Free 9.4 GiB", Command: "df -h /opt/firmflow"}}}
	f := recovery.Problem("space", recovery.Failed, d)
	t.open().look("environment", recovery.OK("docker", "compose 5.0.1, engine 29.1"), f)

	return t.add(0, recovery.Event{Kind: recovery.PlanMade, Plan: &recovery.Plan{Backup: "2026-11-22", Target: "FirmFlow", Steps: []recovery.PlannedStep{
		{ID: "environment", Title: titles["environment"], Assessment: recovery.Assessment{Standing: recovery.Blocked, Findings: []recovery.Finding{f}}},
	}}})
}

func guideScenes() []scene {
	asksOnceMore := new(tape).load().add(0, recovery.Event{Kind: recovery.QuestionAsked, Question: &failure})
	return []scene{
		{name: "backups-checked", tape: new(tape), ask: checkedBackups()},
		{name: "backup-verified", tape: new(tape), ask: verifiedBackup()},
		{name: "backup-verifying", tape: new(tape).verifying()},
		{name: "start", tape: new(tape), ask: task(recovery.Start{Newest: &listing().Backups[0]})},
		{name: "start-interrupted", tape: new(tape), ask: interruptedStart()},
		{name: "start-running", tape: new(tape), ask: runningStart()},
		{name: "backups", tape: new(tape), ask: chooseBackup()},
		{name: "backups-odd", tape: new(tape), ask: chooseBackup(), keys: "down"},
		{name: "backups-incomplete", tape: new(tape), ask: chooseBackup(), keys: "down down"},
		{name: "original", tape: new(tape), ask: &whereOriginal, keys: "/ s a f e / . e n v"},
		{name: "original-empty", tape: new(tape), ask: &whereOriginal, keys: "enter"},
		{name: "passphrase", tape: new(tape), ask: &whichPassphrase},
		{name: "passphrase-typed", tape: new(tape), ask: &whichPassphrase, keys: "s 3 c r 3 t"},
		{name: "passphrase-empty", tape: new(tape), ask: &whichPassphrase, keys: "s ctrl+u enter"},
		{name: "report", tape: new(tape), ask: &readReport},
		{name: "looked-good", tape: new(tape).open().plan(true).end(recovery.Verdict{Outcome: recovery.Ready}), ask: &lookedGood},
		{name: "looked-bad", tape: new(tape).tooSmall(), ask: &lookedBad},
		{name: "give-up", tape: new(tape).tooSmall(), ask: &giveUp},
		{name: "give-up-typed", tape: new(tape).tooSmall(), ask: &giveUpTyped, keys: "f f h o s t enter"},
		{name: "secrets", tape: new(tape).compared(), ask: &remedy},
		{name: "secrets-all", tape: new(tape).compared(), ask: &remedy, keys: "a"},
		{name: "plan-guided", tape: new(tape).open().plan(false), ask: &startGuided},
		{name: "watching", tape: asksOnceMore, keys: "watch"},
		{name: "watching-stop", tape: asksOnceMore, keys: "watch ctrl+c"},
		{name: "stop-early", tape: new(tape).open().plan(true), ask: &startTyped, keys: "ctrl+c"},
		{name: "log-search", tape: new(tape).load(), keys: "l / t a b l e 1"},
		{name: "log-found", tape: new(tape).load(), keys: "l / t a b l e 1 enter n"},
		{name: "log-missed", tape: new(tape).load(), keys: "l / z enter"},
	}
}

// checkedBackups is what the list shows once backups were looked at.
func checkedBackups() *recovery.Question {
	q := chooseBackup()
	for i, status := range []recovery.Status{recovery.Passed, recovery.Failed, recovery.Unproven} {
		q.Page.Listing.Backups[i].Checked = status
	}
	q.At = recovery.Choice(q.Page.Listing.Backups[1].Name)
	q.Letters = []recovery.Letter{{Key: "v", Choice: recovery.Verify, Label: "verify in full"}, {Key: "i", Choice: recovery.Details, Label: "details"}}

	return q
}

func verifiedBackup() *recovery.Question {
	cut := recovery.Diagnosis{
		Code: "dump.truncated", Summary: "The dump ends early", Seen: "/mnt/nfs/backups/firmflow/db_2026-11-21.dump: at byte 3,221,225,472, the file ends inside a block",
		Intact: "Nothing was changed: this only reads.", Remedies: []recovery.Remedy{{Do: "Copy it again"}, {Do: "Or take another backup", Command: "firmflow-recovery backups"}},
	}

	return &recovery.Question{
		ID: recovery.AskRead, Text: "Backup 2026-11-21", Options: []recovery.Option{{Key: recovery.Back, Label: "Back"}},
		Page: &recovery.Page{Verification: &recovery.Verification{Directory: "/mnt/nfs/backups/firmflow", Backup: "2026-11-21", Full: true, Took: 96 * time.Second, Parts: []recovery.VerifiedPart{
			{Name: "dump", Path: "/mnt/nfs/backups/firmflow/db_2026-11-21.dump", Bytes: 3 << 30, Status: recovery.Failed, Findings: []recovery.Finding{recovery.Problem("dump", recovery.Failed, cut)}},
			{Name: "vault archive", Path: "/mnt/nfs/backups/firmflow/vault_snapshot_2026-11-21.tar.gz", Bytes: 11 << 30, SHA256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
				Status: recovery.Passed, Findings: []recovery.Finding{recovery.OK("vault archive", "41,208 files, 11.2 GiB, read to the last byte; every checksum matches, tar's end is there")},
				Untold: []string{"whether documents were missing when it was packed: only the database knows what it should hold"}},
		}}},
	}
}

// verifying is a look at a backup that goes on.
func (t *tape) verifying() *tape {
	t.add(0, recovery.Event{Kind: recovery.CheckStarted, Step: "verify", Title: "look at backup 2026-11-21"})

	return t.add(time.Second, recovery.Event{Kind: recovery.StepProgress, Step: "verify", Phase: "read the dump", Unit: recovery.Bytes, Done: 1 << 30, Total: 3 << 30})
}
