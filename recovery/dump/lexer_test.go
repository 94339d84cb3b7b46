package dump

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// begun is how pg_dump begins a script.
const begun = "--\n-- PostgreSQL database dump\n--\n\n-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)\n-- Dumped by pg_dump version 15.18\n\n"

// ended is how it ends one.
const ended = "--\n-- PostgreSQL database dump complete\n--\n\n"

const aTable = "--\n-- Name: t; Type: TABLE; Schema: public; Owner: firmflow\n--\n\nCREATE TABLE public.t (n integer);\n\n" +
	"--\n-- Data for Name: t; Type: TABLE DATA; Schema: public; Owner: firmflow\n--\n\nCOPY public.t (n) FROM stdin;\n1\n2\n\\.\n\n"

// seen notes what a lexer tells.
type seen struct{ parts []string }

func (s *seen) statement(text string, _ int64) { s.parts = append(s.parts, "S "+text) }
func (s *seen) comment(text string)            { s.parts = append(s.parts, "C "+text) }
func (s *seen) copied(rows int64)              { s.parts = append(s.parts, "R "+string(rune('0'+rows))) }
func (s *seen) command(text string, _ int64, alone bool) {
	if !alone {
		text += " within"
	}
	s.parts = append(s.parts, "M "+text)
}

func TestTheLexerCutsAsPsqlDoes(t *testing.T) {
	for name, c := range map[string]struct {
		script string
		want   []string
		within string
	}{
		"statements":               {"SET a = 1;\nSELECT 2;", []string{"S SET a = 1", "S SELECT 2"}, ""},
		"a text":                   {`SELECT 'a;b''c\';` + "\n\\q\n", []string{`S SELECT 'a;b''c\'`, `M \q`}, ""},
		"a text with backslashes":  {`SELECT E'a\';\\';SELECT 1;`, []string{`S SELECT E'a\';\\'`, "S SELECT 1"}, ""},
		"a name that ends in e":    {`SELECT nameE'a\';SELECT 1;`, []string{`S SELECT nameE'a\'`, "S SELECT 1"}, ""},
		"not standard":             {"SET standard_conforming_strings = off;SELECT 'a\\';b';", []string{"S SET standard_conforming_strings = off", `S SELECT 'a\';b'`}, ""},
		"a name":                   {`CREATE TABLE "a;""b\" (n int);`, []string{`S CREATE TABLE "a;""b\" (n int)`}, ""},
		"a dollar-quoted body":     {"CREATE FUNCTION f() AS $_$ a;'\\! $$ b; $_ $_$;SELECT 1;", []string{"S CREATE FUNCTION f() AS $_$ a;'\\! $$ b; $_ $_$", "S SELECT 1"}, ""},
		"an empty tag":             {"DO $$;$$;", []string{"S DO $$;$$"}, ""},
		"a parameter is no tag":    {"SELECT $1;$2;", []string{"S SELECT $1", "S $2"}, ""},
		"a dollar in a name":       {"SELECT a$b$;SELECT 1;", []string{"S SELECT a$b$", "S SELECT 1"}, ""},
		"a comment":                {"-- one; \\!\nSELECT 1 -- two;'\n;", []string{"C -- one; \\!", "S SELECT 1"}, ""},
		"comments in comments":     {"/* a /* ; */ \\! */SELECT 1/* x */;", []string{"S SELECT 1"}, ""},
		"semicolons in parens":     {"CREATE RULE r AS DO (SELECT 1; SELECT 2);", []string{"S CREATE RULE r AS DO (SELECT 1; SELECT 2)"}, ""},
		"rows":                     {"COPY t (a) FROM stdin;\n\\! id\n\\.x\n\n\\.\nSELECT 1;", []string{"S COPY t (a) FROM stdin", "R 3", "S SELECT 1"}, ""},
		"rows of Windows":          {"COPY t FROM stdin;\r\n1\r\n\\.\r\nSELECT 1;", []string{"S COPY t FROM stdin", "R 1", "S SELECT 1"}, ""},
		"no rows":                  {"COPY t (a) FROM stdin;\n\\.\n", []string{"S COPY t (a) FROM stdin", "R 0"}, ""},
		"a meta command":           {"\\restrict abc\nSELECT 1\n\\gexec\n", []string{`M \restrict abc`, `M \gexec within`}, "a statement"},
		"behind a COPY":            {"COPY t FROM stdin; \\! id\n\\.\n", []string{"S COPY t FROM stdin", `M  \! id within`, "R 0"}, ""},
		"cut in rows":              {"COPY t FROM stdin;\n1\n", []string{"S COPY t FROM stdin"}, "the rows of a table"},
		"cut in a text":            {"SELECT 'a", nil, "a statement"},
		"cut in a statement":       {"SELECT 1", nil, "a statement"},
		"cut in a dollar's text":   {"DO $a$ $", nil, "a statement"},
		"cut in a comment":         {"/* a", nil, "a comment"},
		"a quote in a COPY's name": {"COPY \"x\ny\" (a) FROM stdin;\n1\n\\.\n", []string{"S COPY \"x\ny\" (a) FROM stdin", "R 1"}, ""},
	} {
		for _, piece := range []int{1, 2, 3, 1000} {
			got := &seen{}
			l := &lexer{to: got}
			for at := 0; at < len(c.script); at += piece {
				_, _ = l.Write([]byte(c.script[at:min(at+piece, len(c.script))]))
			}
			if d := cmp.Diff(c.want, got.parts); d != "" || l.within() != c.within {
				t.Errorf("%s, %d bytes at a time: within %q, want %q; (-want +got)\n%s", name, piece, l.within(), c.within, d)
			}
		}
	}
}

// A script that reaches beyond its own database is refused with its line, before
// a word of it is run.
func TestB3B24AScriptThatWouldDoMoreIsRefused(t *testing.T) {
	for name, line := range map[string]string{
		"another database":     `\connect other`,
		"the shell":            `\! id`,
		"a file":               `\i /etc/passwd`,
		"an output":            `\o /tmp/x`,
		"a variable":           `\set x y`,
		"behind a statement":   `SELECT 1 \gexec`,
		"--create":             `CREATE DATABASE firmflow WITH TEMPLATE = template0;`,
		"--clean --create":     `drop  database firmflow;`,
		"its settings":         `ALTER DATABASE firmflow SET timezone TO 'UTC';`,
		"pg_dumpall's roles":   `CREATE ROLE app;`,
		"a user":               `ALTER USER firmflow WITH SUPERUSER;`,
		"the server":           `ALTER SYSTEM SET fsync = off;`,
		"a tablespace":         `CREATE TABLESPACE x LOCATION '/x';`,
		"a program":            `COPY public.t FROM PROGRAM 'id';`,
		"a file of the host":   `COPY public.t TO '/tmp/x';`,
		"a strange restrict":   `\restrict`,
		"restrict and more":    `\restrict abc \! id`,
		"within a statement":   "SELECT\n\\restrict abc\n;",
		"behind the COPY":      "COPY public.t FROM stdin; \\! id\n1\n\\.",
		"hidden in a comment":  "/* -- */ \\! id",
		"behind rows that end": "COPY public.t FROM stdin;\n\\.\r\n\\! id\n\\.",
		"other backslashes":    "SET standard_conforming_strings TO off;",
		"more of them":         "SELECT set_config('standard_conforming_strings', 'off', false);",
	} {
		path := written(t, []byte(begun+aTable+line+"\n"+ended))
		_, _, err := Scan(t.Context(), path, nil)
		var unsafe *ScriptError
		if !errors.As(err, &unsafe) || unsafe.Line < 20 || unsafe.Line > 25 {
			t.Errorf("%s: %v, want the line that does more", name, err)
		}
		if _, err := Look(path); !errors.Is(err, ErrScript) {
			t.Errorf("%s: a look says %v", name, err)
		}
	}
	for name, line := range map[string]string{
		"a user mapping": `CREATE USER MAPPING FOR firmflow SERVER s;`,
		"a row":          "COPY public.t (n) FROM stdin;\n\\\\! id\n\\.\n",
		"a text":         `COMMENT ON TABLE public.t IS 'CREATE DATABASE x; \! id';`,
		"a body":         "CREATE FUNCTION f() RETURNS void AS $$\n\\! id\nDROP DATABASE x;\n$$;",
		"restrict":       "\\restrict aB3\n\\unrestrict aB3",
	} {
		if _, _, err := Scan(t.Context(), written(t, []byte(begun+aTable+line+"\n"+ended)), nil); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestB3ACutScriptIsRefusedWhereverItIsCut(t *testing.T) {
	whole := begun + aTable + ended
	if _, r, err := Scan(t.Context(), written(t, []byte(whole)), nil); err != nil || r.Rows[Table{"public", "t"}] != 2 {
		t.Fatalf("the whole of it: %v, %v", r, err)
	}
	dir := t.TempDir()
	for at := range len(whole) - len("\n--\n\n") { // the last lines say nothing
		path := filepath.Join(dir, "cut")
		if err := os.WriteFile(path, []byte(whole[:at]), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Scan(t.Context(), path, nil); err == nil {
			t.Errorf("cut at byte %d of %d it is taken for whole", at, len(whole))
		}
		if _, err := Look(path); err == nil {
			t.Errorf("cut at byte %d of %d a look takes it for whole", at, len(whole))
		}
	}
	for name, behind := range map[string]string{"a statement": "SELECT 1;\n", "a half line": "-", "another dump": whole + "x", "a row": "1\n"} {
		if _, _, err := Scan(t.Context(), written(t, []byte(whole+behind)), nil); err == nil {
			t.Errorf("%s behind its end is not seen", name)
		}
	}
}

func TestAScriptOfAnotherProgramIsNoDump(t *testing.T) {
	for _, script := range []string{"-- MySQL dump 10.13\n\nCREATE TABLE t (n int);\n", "SET x = 1;\n", "CREATE TABLE t (n int);\n" + ended} {
		if _, err := Inspect(written(t, []byte(script))); !errors.Is(err, ErrNotDump) {
			t.Errorf("%q: %v, want ErrNotDump", script, err)
		}
	}
	if _, err := Inspect(written(t, bytes.ReplaceAll([]byte(begun+aTable+aTable+ended), []byte("\n"), []byte("\r\n")))); !errors.Is(err, ErrTerminal) {
		t.Errorf("through a terminal: %v, want ErrTerminal", err)
	}
}

func TestB10WhichPsqlKnowsRestrict(t *testing.T) {
	for said, want := range map[string]bool{
		"psql (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)": false, "psql (PostgreSQL) 15.14": true, "psql (PostgreSQL) 13.22": true, "psql (PostgreSQL) 13.21": false,
		"psql (PostgreSQL) 17.5": false, "psql (PostgreSQL) 17.6": true, "psql (PostgreSQL) 18.0": true, "psql (PostgreSQL) 18beta1": true,
		"psql (PostgreSQL) 12.22": false, "": false,
	} {
		if got := KnowsRestrict(said); got != want {
			t.Errorf("%q: %v, want %v", said, got, want)
		}
	}
	c, _, err := Scan(t.Context(), written(t, []byte(strings.Replace(begun, "--\n", "--\n\n\\restrict aB3\n", 1)+aTable+ended+"\\unrestrict aB3\n\n")), nil)
	if err != nil || !c.Restricted {
		t.Errorf("restricted: %v, %v", c.Restricted, err)
	}
}
