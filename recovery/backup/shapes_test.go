package backup

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A dump may have any of pg_dump's shapes. A directory counts with all that is in
// it, and is as old as its table of contents, which is written last.
func TestB6B7DumpsOfOtherShapesAreFound(t *testing.T) {
	p := newPlace(t)
	for _, date := range []string{"2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"} {
		p.file("vault_snapshot_"+date+".tar.gz", 9000, night(date))
	}
	p.file("db_2026-11-19.tar", 700, night("2026-11-19")).file("db_2026-11-20.sql", 600, night("2026-11-20"))
	for _, dir := range []string{"db_2026-11-21.dir/", "db_2026-11-22.dump/"} {
		p.file(dir+"toc.dat", 100, night("2026-11-21")).file(dir+"3385.dat.gz", 50, night("2026-11-20"))
	}
	p.file("db_2026-11-23.dir/3385.dat.gz", 50, night("2026-11-23"))
	p.file("elsewhere/toc.dat", 100, night("2026-11-21"))

	d, err := Open(t.Context(), p.dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"2026-11-19": 700, "2026-11-20": 600, "2026-11-21": 150, "2026-11-22": 150, "2026-11-23": 0}
	if len(d.Sets) != len(want) {
		t.Fatalf("%d sets, want %d", len(d.Sets), len(want))
	}
	for _, s := range d.Sets {
		if s.Dump.Size != want[s.Date] {
			t.Errorf("the dump of %s has %d bytes, want %d", s.Date, s.Dump.Size, want[s.Date])
		}
	}
	if s, err := d.Choose("2026-11-21"); err != nil || !s.Dump.Modified.Equal(night("2026-11-21")) {
		t.Errorf("chosen %v of %v, %v", s.Dump.Path, s.Dump.Modified, err)
	}
	if s, err := d.Look("elsewhere"); s.Dump.Size != 100 {
		t.Errorf("a directory of another name: %+v, %v", s.Dump, err)
	}
	if len(d.Unusable) != 1 || d.Unusable[0].Name != "db_2026-11-23.dir" || !errors.Is(d.Unusable[0].Why, ErrNoContents) {
		t.Errorf("unusable: %v, want the one that was not finished", d.Unusable)
	}
}

func TestDumpDigestIsTakenFromTheListBesideTheDump(t *testing.T) {
	sum := strings.Repeat("ab", 32)
	for text, want := range map[string]string{
		sum + "  db_2026-11-22.dump\n":                                           sum,
		sum + " *db_2026-11-22.dump":                                             sum,
		strings.Repeat("cd", 32) + "  other\n" + sum + "  /b/db_2026-11-22.dump": sum,
		strings.ToUpper(sum) + "  db_2026-11-22.dump\r\n":                        sum,
		sum + "  db_2026-11-21.dump\n":                                           "",
		"abc  db_2026-11-22.dump\n":                                              "",
		"":                                                                       "",
	} {
		p := newPlace(t).set("2026-11-22")
		path := filepath.Join(p.dir, "db_2026-11-22.dump")
		if err := os.WriteFile(path+sumEnd, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		got, from, err := Set{Dump: File{Path: path}}.DumpDigest()
		if got != want || (want == "") != errors.Is(err, ErrChanged) || (want == "") != (from == "") {
			t.Errorf("%q gives %q of %q, %v", text, got, from, err)
		}
	}
	if sum, from, err := (Set{Dump: File{Path: "/nowhere/db.dump"}}).DumpDigest(); sum+from != "" || err != nil {
		t.Errorf("without a list: %q, %q, %v", sum, from, err)
	}
}
