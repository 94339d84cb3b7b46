package steps

import (
	"strings"
	"testing"

	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
)

// TestWhatADumpLeavesOutIsComparedAndNamed: with the statement for it, and never
// with what a changed manifest would have us write.
func TestWhatADumpLeavesOutIsComparedAndNamed(t *testing.T) {
	roles := []backup.RoleRecord{
		{Name: "firmflow", Attributes: []string{"SUPERUSER", "LOGIN"}, MemberOf: []string{"staff"}},
		{Name: "rea\"der", Attributes: []string{"LOGIN", "LOGIN; drop table x"}, MemberOf: []string{"staff"}}, {Name: "staff"},
	}
	settings := []backup.SettingRecord{
		{Database: "firmflow", Setting: "TimeZone=Europe/Zurich"}, {Database: "firmflow", Role: "firmflow", Setting: "work_mem=64MB"},
		{Role: "reader", Setting: "search_path=a, b"}, {Setting: "statement_timeout=5s'; drop table x"}, {Role: "firmflow", Setting: "hidden=(not recorded)"},
	}
	same := []dump.Setting{
		{Database: "firmflow_restoring_1", Text: "TimeZone=Europe/Zurich"}, {Database: "firmflow_restoring_1", Role: "firmflow", Text: "work_mem=64MB"},
		{Role: "reader", Text: "search_path=a, b"}, {Text: "statement_timeout=5s'; drop table x"}, {Role: "firmflow", Text: "hidden=hunter2"},
	}
	for name, c := range map[string]struct {
		missing []aside
		want    []aside
	}{
		"roles as they were": {rolesAside(roles[:1], []dump.Role{{Name: "firmflow", Attributes: []string{"SUPERUSER", "LOGIN", "CREATEDB"}, MemberOf: []string{"staff"}}}), nil},
		"less": {rolesAside(roles, []dump.Role{{Name: "firmflow", Attributes: []string{"LOGIN"}}, {Name: "staff"}}), []aside{
			{"role firmflow is not SUPERUSER", `alter role "firmflow" SUPERUSER`}, {"role firmflow is no member of staff", `grant "staff" to "firmflow"`},
			{`role rea"der is missing`, `create role "rea""der" LOGIN; grant "staff" to "rea""der"`},
		}},
		"settings as they were": {settingsAside("firmflow", settings, same), nil},
		"none": {settingsAside("firmflow", settings, nil), []aside{
			{"setting TimeZone=Europe/Zurich of the database is not the same", `alter database "firmflow" set TimeZone to 'Europe/Zurich'`},
			{"setting work_mem=64MB of role firmflow in the database is not the same", `alter role "firmflow" in database "firmflow" set work_mem to '64MB'`},
			{"setting search_path=a, b of role reader is not the same", ""},
			{"setting statement_timeout=5s'; drop table x everywhere is not the same", `alter system set statement_timeout to '5s''; drop table x'`},
			{"setting hidden=(not recorded) of role firmflow is not the same", ""},
		}},
	} {
		if len(c.missing) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, c.missing, c.want)
			continue
		}
		for i := range c.want {
			if c.missing[i] != c.want[i] {
				t.Errorf("%s: %q, want %q", name, c.missing[i], c.want[i])
			}
		}
	}
	d := outsideDiffers(stopped(t), settingsAside("firmflow", settings, nil))
	if !strings.Contains(d.Summary, "5 differences") || len(d.Remedies) != 5 || strings.Contains(d.Text(), "hunter2") {
		t.Errorf("%s", d.Text())
	}
}
