package dump

import (
	"strings"
	"testing"
)

// TestG4B39 changes a loaded database in one way at a time: each must be seen.
func TestG4B39WhatIsMissingAfterALoadIsSeen(t *testing.T) {
	c, s, content := sample(t)
	into := RestoringName(sampleName, "compare")
	contents, reading := loaded(t, c, s, written(t, content), into)
	for _, change := range []struct{ id, do, undo, want string }{
		{"G4 serial", `select setval('"User_id_seq"', 1999), 1`, `select setval('"User_id_seq"', 2000), 1`,
			"sequence public.User_id_seq would give 2000 next, and public.User has 2000 already"},
		{"G4 never called", `select setval('"User_id_seq"', 1, false), 1`, `select setval('"User_id_seq"', 2000), 1`,
			"sequence public.User_id_seq would give 1 next"},
		{"G4 identity", `select setval('"Document_id_seq"', 1), 1`, `select setval('"Document_id_seq"', 3005), 1`,
			"sequence public.Document_id_seq would give 2 next"},
		{"B15 a row more", `insert into nocolumns default values`, `delete from nocolumns where ctid in (select ctid from nocolumns limit 1)`,
			"table public.nocolumns has 3 rows, the dump has 2"},
		{"B39 no primary key", `alter table "AuditLog" drop constraint "AuditLog_pkey"`, `alter table "AuditLog" add primary key (id, "at")`,
			"constraint public.AuditLog AuditLog_pkey is missing"},
		{"B39 no foreign key", `alter table "Document" drop constraint "Document_ownerId_fkey"`,
			`alter table "Document" add constraint "Document_ownerId_fkey" foreign key ("ownerId") references "User" (id)`,
			"fk constraint public.Document Document_ownerId_fkey is missing"},
		{"B39 no index", `drop index "User_email_key"`, `create unique index "User_email_key" on "User" (lower(email))`,
			"index public.User_email_key is missing"},
		{"B39 an index not valid", `update pg_index set indisvalid = false where indexrelid = '"User_members"'::regclass`,
			`update pg_index set indisvalid = true where indexrelid = '"User_members"'::regclass`,
			"index public.User_members is not valid"},
		{"no view", `drop view "Owners"`, `create view "Owners" as select 1 as n`, "view public.Owners is missing"},
		{"no trigger", `drop trigger "User_touched" on "User"`,
			`create trigger "User_touched" before update on "User" for each row execute function touched()`,
			"trigger public.User User_touched is missing"},
		{"G1 no table", `alter table "Empty" rename to "Emptied"`, `alter table "Emptied" rename to "Empty"`, "table public.Empty is missing"},
	} {
		c.sql(t, into, change.do)
		found, err := s.Compare(t.Context(), into, contents, reading)
		if err != nil {
			t.Fatal(err)
		}
		if text := strings.Join(found.Problems(), "\n"); !strings.Contains(text, change.want) {
			t.Errorf("%s: problems are %q, want %q", change.id, text, change.want)
		}
		c.sql(t, into, change.undo)
	}
	compareWell(t, s, into, contents, reading)
}

func TestB26TablesWithoutTheirRowsAreNamed(t *testing.T) {
	c, s, content := sample(t, `--exclude-table-data=public."Document"`)
	into := RestoringName(sampleName, "b26")
	contents, reading := loaded(t, c, s, written(t, content), into)
	found := compareWell(t, s, into, contents, reading)
	if len(found.NoRows) != 1 || found.NoRows[0] != (Table{"public", "Document"}) {
		t.Errorf("tables without rows in the dump: %v", found.NoRows)
	}
}

func TestG1AComparisonWithoutTablesIsAProblem(t *testing.T) {
	if problems := (Comparison{}).Problems(); len(problems) == 0 {
		t.Error("the zero comparison is a success")
	}
}
