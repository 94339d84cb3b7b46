package backup

import (
	"path/filepath"
	"slices"
	"testing"
)

func TestARepairedCopyIsABackupOfItsOwn(t *testing.T) {
	at := night("2026-11-22")
	p := newPlace(t).set("2026-11-20").set("2026-11-21").set("2026-11-22").file("env_2026-11-21", 5, at).
		file("db_2026-11-21.repaired.dump", 990, night("2026-11-21")).file("db_2026-11-21.repaired.dump.partial", 9, at)
	d := p.open()
	var names []string
	for _, s := range d.Sets {
		names = append(names, s.Name())
	}
	if want := []string{"2026-11-22", "2026-11-21-repaired", "2026-11-21", "2026-11-20"}; !slices.Equal(names, want) {
		t.Fatalf("sets %q, want %q", names, want)
	}
	for name, file := range map[string]string{
		"2026-11-21-repaired": "db_2026-11-21.repaired.dump", "2026-11-21": "db_2026-11-21.dump", "db_2026-11-21.repaired.dump": "db_2026-11-21.repaired.dump",
	} {
		s, err := d.Choose(name)
		if err != nil || s.Dump.Path != filepath.Join(p.dir, file) || s.Archive.Path != filepath.Join(p.dir, "vault_snapshot_2026-11-21.tar.gz") || !s.Env.Exists() {
			t.Errorf("Choose(%q) = %+v, %v, want %s", name, s, err, file)
		}
	}
	repaired, _ := d.Choose("2026-11-21-repaired")
	if f := d.Facts(repaired, at); !f.Taken.Equal(night("2026-11-21")) || len(f.Shrunk)+len(f.Missing) > 0 || !f.ApartKnown {
		t.Errorf("facts %+v", f)
	}
	if newer := d.Newer(repaired); len(newer) != 1 || newer[0].Date != "2026-11-22" {
		t.Errorf("newer than it: %+v", newer)
	}
}

func TestARepairedArchiveStandsForTheArchive(t *testing.T) {
	p := newPlace(t).set("2026-11-21").file("vault_snapshot_2026-11-21.repaired.tar.gz", 980, night("2026-11-21"))
	d := p.open()
	for name, file := range map[string]string{"2026-11-21-repaired": "vault_snapshot_2026-11-21.repaired.tar.gz", "2026-11-21": "vault_snapshot_2026-11-21.tar.gz"} {
		s, err := d.Choose(name)
		if err != nil || s.Dump.Path != filepath.Join(p.dir, "db_2026-11-21.dump") || s.Archive.Path != filepath.Join(p.dir, file) || s.RepairedDump || s.Repaired() != s.RepairedArchive {
			t.Errorf("Choose(%q) = %+v, %v, want %s", name, s, err, file)
		}
	}
	file, name := d.Sets[1].RepairedArchiveName()
	if file != "vault_snapshot_2026-11-21.repaired.tar.gz" || name != d.Sets[0].Name() {
		t.Errorf("its copy is %q, the backup %q", file, name)
	}
}

func TestARepairedCopyOfTheNewestIsTheLatest(t *testing.T) {
	p := newPlace(t).set("2026-11-21").set("2026-11-22").file("db_2026-11-22.repaired.dump", 990, night("2026-11-22"))
	if s, err := p.open().Choose(Latest); err != nil || s.Name() != "2026-11-22-repaired" {
		t.Errorf("latest is %q, %v", s.Name(), err)
	}
}

func TestRepairedCopiesFindTheirPlace(t *testing.T) {
	at := night("2026-11-22")
	for _, c := range []struct {
		name  string
		files []string
		want  []string
	}{
		{"the broken dump is gone", []string{"db_2026-11-22.repaired.dump", "vault_snapshot_2026-11-22.tar.gz"}, []string{"2026-11-22-repaired da", "2026-11-22 a"}},
		{"older than all", []string{"db_2026-11-21.repaired.dump", "db_2026-11-22.dump"}, []string{"2026-11-22 d", "2026-11-21-repaired d"}},
		{"alone", []string{"db_2026-11-22_0200.repaired.dump"}, []string{"2026-11-22_0200-repaired d"}},
		{
			"hourly dumps, nightly archive", []string{"db_2026-11-22_0200.dump", "db_2026-11-22_1400.dump", "db_2026-11-22_0200.repaired.dump", "vault_snapshot_2026-11-22.tar.gz"},
			[]string{"2026-11-22_1400 da", "2026-11-22_0200-repaired da", "2026-11-22_0200 da"},
		},
		{"one time written in two ways", []string{"db_2026-11-22_0200.repaired.dump", "db_2026-11-22T0200.repaired.dump"}, []string{"2026-11-22_0200-repaired d"}},
		{"only the archive", []string{"db_2026-11-22.dump", "vault_snapshot_2026-11-22.tar.gz", "vault_snapshot_2026-11-22.repaired.tar.gz"}, []string{"2026-11-22-repaired da", "2026-11-22 da"}},
		{"both", []string{"db_2026-11-22.dump", "vault_snapshot_2026-11-22.tar.gz", "db_2026-11-22.repaired.dump", "vault_snapshot_2026-11-22.repaired.tar.gz"}, []string{"2026-11-22-repaired da", "2026-11-22 da"}},
		{"a copy of a lent archive", []string{"db_2026-11-22_0200.dump", "vault_snapshot_2026-11-22.tar.gz", "vault_snapshot_2026-11-22_0200.repaired.tar.gz"}, []string{"2026-11-22_0200-repaired da", "2026-11-22_0200 da"}},
	} {
		p := newPlace(t)
		for _, f := range c.files {
			p.file(f, 10, at)
		}
		if got := picture(p.open()); !slices.Equal(got, c.want) {
			t.Errorf("%s: sets %q, want %q", c.name, got, c.want)
		}
	}
}

func TestRepairedName(t *testing.T) {
	for _, c := range []struct {
		set          Set
		file, backup string
	}{
		{Set{Date: "2026-11-22", Dump: File{Path: "/b/db_2026-11-22.dump"}}, "db_2026-11-22.repaired.dump", "2026-11-22-repaired"},
		{Set{Date: "2026-11-22_0200", Dump: File{Path: "/elsewhere/linked"}}, "db_2026-11-22_0200.repaired.dump", "2026-11-22_0200-repaired"},
		{Set{Dump: File{Path: "/b/db_2026-11-22.dump.zst.age"}}, "db_2026-11-22.repaired.dump", "2026-11-22-repaired"},
		{Set{Dump: File{Path: "/b/before upgrade.dump"}}, "before upgrade.repaired.dump", "before upgrade.repaired.dump"},
		{Set{Dump: File{Path: "/b/copy.gz"}}, "copy.repaired.dump", "copy.repaired.dump"},
	} {
		file, name := c.set.RepairedDumpName()
		if file != c.file || name != c.backup {
			t.Errorf("%+v: %q, %q, want %q, %q", c.set, file, name, c.file, c.backup)
		}
		if part, _, _, ours := classify(file); ours && part != Dump {
			t.Errorf("%q is a %s", file, part)
		}
	}
}

func TestLookGivesIncompleteSetsToo(t *testing.T) {
	d := newPlace(t).file("db_2026-11-22.dump", 10, night("2026-11-22")).open()
	if s, err := d.Look("2026-11-22"); err != nil || !slices.Equal(s.Missing(), []Part{Vault}) {
		t.Errorf("Look = %+v, %v", s, err)
	}
	if _, err := d.Look("2026-11-23"); err == nil {
		t.Error("a backup that is not there was found")
	}
}
