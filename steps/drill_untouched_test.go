package steps

import (
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack"
	"firmflow-recovery/recovery/vault"
)

func TestAnInstallationThatChangedIsNotCalledUntouched(t *testing.T) {
	d := Drill{Installation: stopped(t)}
	began := time.Date(2026, 11, 23, 3, 1, 7, 0, time.UTC)
	documents := dump.Table{Schema: "public", Name: "Document"}
	stand := func(change func(*seen)) seen {
		s := seen{
			env: "a", vault: vault.Tree{Files: 9, Bytes: 900, Newest: began}, still: vault.Still{Files: 9, Root: "1:2"}, rows: map[dump.Table]int64{documents: 9}, others: []string{"firmflow", "postgres"},
			has:      []stack.Possession{{Kind: stack.Container, ID: "1", Name: "web-1", As: "running"}, {Kind: stack.Volume, ID: "data", Name: "data", As: "at /v"}},
			services: []stack.Service{{Name: "web", ID: "1", State: stack.Running, StartedAt: began}, {Name: "db", ID: "2", State: stack.Running, StartedAt: began}},
		}
		change(&s)

		return s
	}
	same := func(*seen) {}
	halted := func(s *seen) { s.services[0].State = stack.Exited }
	for name, c := range map[string]struct {
		before, after func(*seen)
		want          recovery.Status
		says          string
	}{
		"as it was":               {same, same, recovery.Passed, "9 rows, .env, 2 services, 1 container, 1 volume as before"},
		"nothing installed":       {func(s *seen) { *s = seen{none: true} }, func(s *seen) { *s = seen{none: true} }, recovery.Passed, "nothing to touch"},
		"users wrote":             {same, func(s *seen) { s.rows[documents], s.vault.Files, s.vault.Bytes = 11, 10, 990 }, recovery.Passed, "1 file more, 2 rows more"},
		"grown while halted":      {halted, func(s *seen) { halted(s); s.vault.Files = 10 }, recovery.Unproven, "1 file more"},
		"rows are gone":           {same, func(s *seen) { s.rows[documents] = 8 }, recovery.Unproven, "Document: 8 rows, were 9"},
		"documents are gone":      {same, func(s *seen) { s.vault.Files = 8 }, recovery.Unproven, "8 files"},
		".env written":            {same, func(s *seen) { s.env = "b" }, recovery.Unproven, ".env was written"},
		"a container is new":      {same, func(s *seen) { s.services[1].ID = "3" }, recovery.Unproven, "service db"},
		"a container started":     {same, func(s *seen) { s.services[1].StartedAt = began.Add(1) }, recovery.Unproven, "service db"},
		"a database is new":       {same, func(s *seen) { s.others = append(s.others, "firmflow_restoring_1") }, recovery.Unproven, "firmflow_restoring_1"},
		"a document written anew": {same, func(s *seen) { s.still.Files = 8 }, recovery.Passed, "1 document written anew"},
		"a document redated":      {same, func(s *seen) { s.still.Sum[0] = 1 }, recovery.Unproven, "another size, date or name"},
		"another vault":           {same, func(s *seen) { s.still.Root = "1:3" }, recovery.Unproven, "another directory"},
		"a volume is gone":        {same, func(s *seen) { s.has = s.has[:1] }, recovery.Unproven, "volume data is gone"},
		"a volume is elsewhere":   {same, func(s *seen) { s.has[1].As = "at /w" }, recovery.Unproven, "volume data: was at /v, is at /w"},
		"a container more":        {same, func(s *seen) { s.has = append(s.has, stack.Possession{Kind: stack.Container, ID: "9", Name: "x"}) }, recovery.Unproven, "container x is new"},
		"it came meanwhile":       {func(s *seen) { *s = seen{none: true} }, same, recovery.Unproven, ".env was written"},
		"not looked at":           {func(s *seen) { s.unseen = append(s.unseen, stack.ErrEngineUnreachable) }, same, recovery.Unproven, "does not answer"},
	} {
		found := d.untouched(stand(c.before), stand(c.after))
		text := found.Text
		if found.Diagnosis != nil {
			text += found.Diagnosis.Seen
		}
		if found.Status != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: %s %q, want %s with %q", name, found.Status, text, c.want, c.says)
		}
	}
}
