package dump

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

var oddNames = []string{
	"firmflow", "Firm Flow", `we"ird`, `it's`, `back\slash`, "a=b", "postgres://x", "Zürich 日本 🙂",
	"select", `"`, `'`, "$$", "--", ";", "%s", "new\nline", ":name", ":'name'", "tab\tbed", strings.Repeat("ü", 31),
}

func TestNamesAndValuesReachTheServerAsTheyAre(t *testing.T) {
	c, s := postgres(t)
	for _, name := range oddNames {
		rows := c.sql(t, "postgres", "select "+literal(name)+" as "+identifier(name)+", 1")
		if len(rows) != 1 || rows[0][0] != name {
			t.Errorf("literal(%q) reads as %q", name, rows)
		}
	}
	for _, name := range oddNames {
		name += "!" // none that the other tests use
		if err := s.Create(t.Context(), name, Options{}); err != nil {
			t.Errorf("create %q: %v", name, err)
			continue
		}
		c.dropAfter(t, name)
		if rows := c.sql(t, name, "select current_database(), 1"); rows[0][0] != name {
			t.Errorf("connected to %q, want %q", rows[0][0], name)
		}
		comment := "receipt of " + name + `\ "x" $1`
		if err := s.Comment(t.Context(), name, comment); err != nil {
			t.Errorf("comment on %q: %v", name, err)
		}
		if got, err := s.CommentOf(t.Context(), name); err != nil || got != comment {
			t.Errorf("the comment on %q is %q, %v", name, got, err)
		}
	}
}

func TestNamesFitIntoPostgreSQL(t *testing.T) {
	seen := map[string]bool{}
	for _, live := range []string{"f", "firmflow", strings.Repeat("a", 63), strings.Repeat("a", 62) + "b", strings.Repeat("ü", 31), strings.Repeat("🙂", 15)} {
		for _, name := range []string{RestoringName(live, "20261120-020000-ab12"), AsideName(live, "20261120-020000-ab12")} {
			if len(name) > longestName || !utf8.ValidString(name) || seen[name] {
				t.Errorf("%q of %d bytes for %q; given before: %v", name, len(name), live, seen[name])
			}
			seen[name] = true
		}
	}
	if got := RestoringName("firmflow", "r7"); got != "firmflow_restoring_r7" || !IsRestoring(got) {
		t.Errorf("RestoringName = %q", got)
	}
	if got := AsideName("firmflow", "r7"); got != "firmflow_before_r7" || IsRestoring(got) {
		t.Errorf("AsideName = %q", got)
	}
}

func TestNamesThatPostgreSQLWouldChangeAreRefused(t *testing.T) {
	s := Server{Run: failing{errors.New("SQL was sent")}, User: "firmflow"}
	for _, name := range []string{"", strings.Repeat("a", 64), "a\x00b", "a\xffb", RestoringName("f", strings.Repeat("r", 80))} {
		for doing, err := range map[string]error{
			"create":  s.Create(t.Context(), name, Options{}),
			"comment": s.Comment(t.Context(), name, ""),
			"load":    s.Load(t.Context(), "", name, Contents{}, LoadOptions{}, LoadProgress{}),
		} {
			if !errors.Is(err, ErrName) {
				t.Errorf("%s %q: %v, want ErrName", doing, name, err)
			}
		}
	}
}

func TestDropRefusesEverythingButALoadOfOurs(t *testing.T) {
	s := Server{Run: failing{errors.New("SQL was sent")}, User: "firmflow"}
	for _, name := range []string{"firmflow", "postgres", "template1", "firmflow_before_r1", "", "_restoring_r1", "firmflow_restoring_", "firmflow restoring r1"} {
		if err := s.Drop(t.Context(), name); !errors.Is(err, ErrNotOurs) {
			t.Errorf("drop %q: %v, want ErrNotOurs", name, err)
		}
	}
}

func TestLiteralIsRightWhateverTheServerThinksOfBackslashes(t *testing.T) {
	c, _ := postgres(t)
	value := `a\'b\\c''d`
	rows := c.sql(t, "postgres", "set standard_conforming_strings = off; set escape_string_warning = off; select "+literal(value)+", 1")
	if rows[0][0] != value {
		t.Errorf("read as %q, want %q", rows[0][0], value)
	}
	if got := literal("a\x00b"); got != "'ab'" {
		t.Errorf("literal with a zero byte = %s", got)
	}
}

func TestB12RolesInDefinitions(t *testing.T) {
	for _, c := range []struct {
		kind, definition string
		want             []string
	}{
		{"ACL", "GRANT SELECT ON TABLE public.\"User\" TO app_reader;\nREVOKE ALL ON TABLE x FROM PUBLIC;\n", []string{"app_reader"}},
		{"ACL", "SET SESSION AUTHORIZATION boss;\nGRANT ALL ON SCHEMA \" TO x;\" TO \"App \"\"Writer\" WITH GRANT OPTION;\nRESET SESSION AUTHORIZATION;\n", []string{`App "Writer`, "boss"}},
		{"DEFAULT ACL", "ALTER DEFAULT PRIVILEGES FOR ROLE a IN SCHEMA public GRANT SELECT ON TABLES  TO b;\n", []string{"b", "a"}},
		{"POLICY", "CREATE POLICY p ON public.t FOR SELECT TO a, \"B C\" USING ((note = ' TO x;'::text));\n", []string{"a", "B C"}},
		{"POLICY", "CREATE POLICY p ON public.t USING (true);\n", nil},
	} {
		if got := rolesIn(c.kind, c.definition); !slices.Equal(got, c.want) {
			t.Errorf("%s %q names %q, want %q", c.kind, c.definition, got, c.want)
		}
	}
}
