package tui

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/exp/golden"

	"firmflow-recovery/recovery"
	"firmflow-recovery/ui/quiet"
)

// TestMain is also the program that TestTheTerminalIsNotQuestionedAtTheStart runs.
func TestMain(m *testing.M) {
	if os.Getenv("FIRMFLOW_TEST_QUIET") != "" {
		fmt.Print(quiet.Restore())
		os.Exit(0)
	}
	flag.Parse()
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := flag.Set("update", "true"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

const host = "ffhost-01"

// tape makes events as a runner would, a second apart.
type tape struct {
	events []recovery.Event
	now    time.Time
}

func (t *tape) add(after time.Duration, e recovery.Event) *tape {
	if t.now.IsZero() {
		t.now = time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)
	}
	t.now = t.now.Add(after)
	e.V, e.Seq, e.Time, e.Run = recovery.Version, uint64(len(t.events)+1), t.now, "20261123-030107"
	t.events = append(t.events, e)

	return t
}

var titles = map[recovery.StepID]string{
	"environment": "prepare the environment", "vault": "restore the vault", "services": "start the database, hold the app",
	"database": "load the database dump", "restart": "make it live, restart the stack",
}

var order = []recovery.StepID{"environment", "vault", "services", "database", "restart"}

func secretsCut() recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: "secrets.cut", Summary: "Compose cuts AUTH_SECRET",
		Seen:   "AUTH_SECRET holds a $ outside single quotes in /opt/firmflow/.env: Compose takes what follows for a variable, so the app would get a shorter secret.",
		Intact: "Nothing was changed.",
		Remedies: []recovery.Remedy{{Do: "Put the original line, quoted, into .env", Action: "requote"},
			{Do: "Or write it by hand", Command: "vi /opt/firmflow/.env"}},
	}
}

func diskFull() recovery.Diagnosis {
	return recovery.Diagnosis{
		Code: "database.disk.full", Summary: "The disk is full",
		Seen:     "pg_restore: could not extend file \"base/16384/2619\": No space left on device, while loading \"AuditLog\" (31 of 58)",
		Intact:   "The database of before is live and untouched. The vault is swapped; the old one is kept. The app is held.",
		Remedies: []recovery.Remedy{{Do: "Free 12 GiB on /var/lib/docker, then retry", Command: "docker system df"}},
	}
}

func assessments() map[recovery.StepID]recovery.Assessment {
	unproven := recovery.Diagnosis{Code: "backup.manifest.missing", Summary: "The backup has no manifest, so counts cannot be compared", Seen: "no manifest beside db_2026-11-22.dump"}
	return map[recovery.StepID]recovery.Assessment{
		"environment": {Standing: recovery.Done, Findings: []recovery.Finding{
			recovery.OK("docker", "compose 5.0.1, engine 29.1"), recovery.OK("secrets", "AUTH_SECRET, LICENSE_KEY, FIELD_ENCRYPTION_KEY identical"),
		}},
		"vault": {Changes: []string{"stage 41,208 files (11.2 GiB) beside /opt/firmflow/uploads, verify, swap; today's vault is set aside"},
			Replaces: []string{"vault /opt/firmflow/uploads (11.1 GiB)"}, Commands: []string{"mkdir /opt/firmflow/uploads.restoring",
				"tar -xzf /mnt/nfs/backups/firmflow/vault_snapshot_2026-11-22.tar.gz -C /opt/firmflow/uploads.restoring"},
			Findings: []recovery.Finding{recovery.OK("archive", "11.2 GiB, complete"), recovery.Problem("manifest", recovery.Unproven, unproven)}},
		"services": {Changes: []string{"start db; create the app, held until the data is in"}, Commands: []string{"docker compose up -d db"}},
		"database": {Changes: []string{"load 214 objects into firmflow_restoring_20261123, count, swap; today's database stays as firmflow_before_20261123"},
			Replaces: []string{"database firmflow (7.1 GiB)"}, Loses: "everything written after 2026-11-22 02:00Z (25 h 11 min)",
			Commands: []string{"pg_restore -d firmflow_restoring_20261123 db_2026-11-22.dump"}},
		"restart": {Changes: []string{"start everything, on the restored data; prove it"}},
	}
}

func (t *tape) open() *tape {
	return t.add(0, recovery.Event{Kind: recovery.RunOpened, Host: host, Text: "2026-11-22"})
}

func (t *tape) look(id recovery.StepID, findings ...recovery.Finding) *tape {
	t.add(time.Second, recovery.Event{Kind: recovery.CheckStarted, Step: id, Title: titles[id]})
	for _, f := range findings {
		t.add(time.Second, recovery.Event{Kind: recovery.CheckFinding, Step: id, Finding: &f})
	}

	return t
}

func (t *tape) plan(replaces bool) *tape {
	p := recovery.Plan{Backup: "2026-11-22", Target: "project firmflow in /opt/firmflow"}
	for _, id := range order {
		a := assessments()[id]
		if !replaces {
			a.Replaces, a.Loses = nil, ""
		}
		t.look(id, a.Findings...)
		p.Steps = append(p.Steps, recovery.PlannedStep{ID: id, Title: titles[id], Assessment: a})
	}

	return t.add(0, recovery.Event{Kind: recovery.PlanMade, Plan: &p})
}

func (t *tape) finish(id recovery.StepID, took time.Duration, summary string) *tape {
	t.add(time.Second, recovery.Event{Kind: recovery.StepStarted, Step: id, Title: titles[id], Attempt: 1})
	return t.add(took, recovery.Event{Kind: recovery.StepFinished, Step: id, Title: titles[id], Text: summary})
}

func (t *tape) load() *tape {
	t.open().plan(true).add(time.Minute, recovery.Event{Kind: recovery.RunStarted})
	t.finish("environment", 3*time.Second, "secrets identical").finish("vault", 171*time.Second, "41,208 files, 11.2 GiB, every checksum matches")
	t.finish("services", 19*time.Second, "db healthy; app created and held")
	t.add(time.Second, recovery.Event{Kind: recovery.StepStarted, Step: "database", Title: titles["database"], Attempt: 1})
	for i := range int64(36) {
		t.add(time.Second, recovery.Event{Kind: recovery.StepProgress, Step: "database", Phase: "load data", Unit: recovery.Bytes, Done: i * 92274688, Total: 7730941132})
		t.add(0, recovery.Event{Kind: recovery.StepLog, Step: "database", Text: fmt.Sprintf("pg_restore: processing data for table \"public.Table%02d\"", i)})
	}

	return t.add(0, recovery.Event{Kind: recovery.StepNoted, Step: "database", Text: "loading \"AuditLog\", table 31 of 58"})
}

func (t *tape) fail() *tape {
	d := diskFull()
	return t.load().add(time.Second, recovery.Event{Kind: recovery.StepFailed, Step: "database", Title: titles["database"], Diagnosis: &d})
}

func (t *tape) end(v recovery.Verdict) *tape {
	return t.add(time.Second, recovery.Event{Kind: recovery.RunEnded, Verdict: &v})
}

var startTyped = recovery.Question{
	ID: recovery.AskStart, Typed: host, Flag: "--confirm " + host,
	Text:    "This replaces the data of a running installation. Type the host name " + host + " to start",
	Options: []recovery.Option{{Key: recovery.Go, Label: "Start"}, {Key: recovery.Stop, Label: "Go back; nothing has been changed"}},
}

var startPlain = recovery.Question{ID: recovery.AskStart, Text: "Start the recovery", Options: startTyped.Options, Flag: "--yes"}

var remedy = recovery.Question{
	ID: recovery.AskRemedy, Step: "environment", Action: "requote", Flag: "--fix",
	Text: "Compose cuts AUTH_SECRET. Put the original line, quoted, into .env?",
	Options: []recovery.Option{{Key: recovery.Apply, Label: "Put the original line, quoted, into .env"},
		{Key: recovery.Stop, Label: "Stop here; nothing has been changed"}},
}

var failure = recovery.Question{
	ID: recovery.AskFailure, Step: "database", Text: "The disk is full", Flag: "--retries N",
	Options: []recovery.Option{{Key: recovery.Retry, Label: "Retry"}, {Key: recovery.Stop, Label: "Stop, resume later"}},
}

func verified() recovery.Verdict {
	noLicence := recovery.Diagnosis{Code: "licence.host", Summary: "This host is not the one in the manifest", Seen: "ffhost-01, was ffhost-00",
		Remedies: []recovery.Remedy{{Do: "Call the vendor"}}}
	return recovery.Verdict{
		Outcome: recovery.Verified, Took: 664 * time.Second,
		Proofs: []recovery.Finding{
			recovery.OK("secrets", "the running app holds the original's three keys"), recovery.OK("vault", "41,208 of 41,208 files, bytes as in the manifest"),
			recovery.OK("database", "58 tables, 1,409,551 rows as in the manifest; sequences set"),
			recovery.OK("documents", "41,190 of 41,190 referenced blobs exist; 18 orphans"), recovery.Problem("licence", recovery.Warned, noLicence),
		},
		Next: []string{"tell people: data after 2026-11-22 02:00Z is gone", "take a backup:  firmflow-recovery backup"},
	}
}

// doubtful is a verdict over data that is not whole.
func doubtful() recovery.Verdict {
	v := verified()
	missing := recovery.Diagnosis{Code: "evidence.documents.missing", Summary: "1 of 41,190 documents that the database names are not in the vault",
		Seen: "compared with public.Document.storageKey", Remedies: []recovery.Remedy{{Do: "Look for them in vault_sync"}}}
	v.Outcome, v.Exit = recovery.NotVerified, recovery.ExitNotVerified
	v.Proofs[3] = recovery.Problem("documents", recovery.Failed, missing)

	return v
}

// scene is a screen to be looked at: what was told, what is asked, and which
// keys were pressed.
type scene struct {
	name string
	tape *tape
	ask  *recovery.Question
	keys string
}

func scenes() []scene {
	d, stop := diskFull(), secretsCut()
	return append(guideScenes(), []scene{
		{name: "preparing", tape: new(tape).open().look("environment", assessments()["environment"].Findings...).look("vault", assessments()["vault"].Findings...)},
		{name: "blocked", tape: new(tape).open().look("environment", recovery.OK("docker", "compose 5.0.1"), recovery.Problem("secrets", recovery.Failed, stop))},
		{name: "remedy", tape: new(tape).open().look("environment", recovery.Problem("secrets", recovery.Failed, stop)), ask: &remedy},
		{name: "plan-typed", tape: new(tape).open().plan(true), ask: &startTyped, keys: "f f h o s t - 0"},
		{name: "plan-refused", tape: new(tape).open().plan(true), ask: &startTyped, keys: "f f enter end"},
		{name: "plan-plain", tape: new(tape).open().plan(false), ask: &startPlain},
		{name: "running", tape: new(tape).load()},
		{name: "trouble", tape: new(tape).fail(), ask: &failure},
		{name: "stop", tape: new(tape).load(), keys: "ctrl+c"},
		{name: "log", tape: new(tape).load(), keys: "l"},
		{name: "log-held", tape: new(tape).load(), keys: "l up up up pgup"},
		{name: "commands", tape: new(tape).load(), keys: "x"},
		{name: "help", tape: new(tape).load(), keys: "?"},
		{name: "verified", tape: new(tape).load().end(verified())},
		{name: "not-verified", tape: new(tape).load().end(doubtful())},
		{name: "failed", tape: new(tape).fail().end(recovery.Verdict{Outcome: recovery.PreviousLive, Exit: 14, Took: 5 * time.Minute, Diagnosis: &d})},
		{name: "interrupted", tape: new(tape).load().end(recovery.Verdict{Outcome: recovery.Interrupted, Exit: 130, Took: 5 * time.Minute})},
		{name: "refused", tape: new(tape).open().plan(true).end(recovery.Verdict{Outcome: recovery.NothingChanged, Exit: 4, Took: time.Minute})},
	}...)
}

var special = map[string]tea.KeyType{
	"enter": tea.KeyEnter, "esc": tea.KeyEsc, "up": tea.KeyUp, "down": tea.KeyDown, "pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	"home": tea.KeyHome, "end": tea.KeyEnd, "tab": tea.KeyTab, "ctrl+c": tea.KeyCtrlC, "ctrl+t": tea.KeyCtrlT, "ctrl+u": tea.KeyCtrlU,
	"backspace": tea.KeyBackspace,
}

func key(name string) tea.KeyMsg {
	if t, is := special[name]; is {
		return tea.KeyMsg{Type: t}
	}

	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

// play sends messages and gives the model with the commands it asked for.
func play(t interface{ Fatalf(string, ...any) }, m model, msgs ...tea.Msg) (model, []tea.Cmd) {
	var cmds []tea.Cmd
	for _, msg := range msgs {
		next, cmd := m.Update(msg)
		is := false
		if m, is = next.(model); !is {
			t.Fatalf("the model became %T", next)
		}
		if cmd != nil {
			cmds = append(cmds, cmd)
		}
	}

	return m, cmds
}

func (s scene) at(t testing.TB, o Options, width, height int) model {
	msgs := []tea.Msg{tea.WindowSizeMsg{Width: width, Height: height}, eventsMsg(s.tape.events)}
	if s.ask != nil {
		msgs = append(msgs, newAsking(*s.ask, make(chan recovery.Answer, 1)))
	}
	for _, name := range strings.Fields(s.keys) {
		if name == "watch" {
			msgs = append(msgs, watchMsg(true))
			continue
		}
		msgs = append(msgs, key(name))
	}
	m, _ := play(t, newModel(o), msgs...)

	return m
}

func TestScreensLookAsAgreed(t *testing.T) {
	looks := []struct {
		name          string
		options       Options
		width, height int
	}{
		{"60x18", Options{NoColour: true}, 60, 18}, {"80x24", Options{NoColour: true}, 80, 24}, {"120x40", Options{NoColour: true}, 120, 40},
		{"ascii", Options{NoColour: true, ASCII: true}, 80, 24}, {"colour", Options{Dark: true}, 80, 24},
	}
	for _, s := range scenes() {
		for _, l := range looks {
			t.Run(s.name+"/"+l.name, func(t *testing.T) {
				l.options.Host, l.options.Detach = host, func() {}
				view := s.at(t, l.options, l.width, l.height).View()
				fits(t, view, l.width, l.height)
				golden.RequireEqual(t, view)
			})
		}
	}
}

func TestNoColourMeansNoEscape(t *testing.T) {
	for _, s := range scenes() {
		if view := s.at(t, Options{NoColour: true}, 80, 24).View(); strings.Contains(view, "\x1b") {
			t.Errorf("%s holds an escape: %q", s.name, view)
		}
	}
}

func TestASCIIMeansASCII(t *testing.T) {
	for _, s := range scenes() {
		view := s.at(t, Options{NoColour: true, ASCII: true}, 80, 24).View()
		for _, r := range view {
			if r > 0x7e {
				t.Errorf("%s holds %q:\n%s", s.name, r, view)
				break
			}
		}
	}
}
