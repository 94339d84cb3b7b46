package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/steps"
)

// looking runs verify or repair on a directory of backups.
func looking(t *testing.T, command, dir string, more ...string) result {
	t.Helper()
	return firmflow(t, nil, append([]string{command, "--backups", dir, "--state-dir", t.TempDir()}, more...)...)
}

// copied gives a copy of the backups, with a backup of the day before beside
// them, and the names of today's dump and archive.
func copied(t *testing.T, i *demo.Installation) (dir, date, dump, archive string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "backups")
	must(t, "/", "cp", "-a", i.Backups, dir)
	date = time.Now().Format(time.DateOnly)
	dump, archive = filepath.Join(dir, "db_"+date+".dump"), filepath.Join(dir, "vault_snapshot_"+date+".tar.gz")
	before := time.Now().AddDate(0, 0, -1).Format(time.DateOnly)
	must(t, "/", "cp", "-a", dump, filepath.Join(dir, "db_"+before+".dump"))
	must(t, "/", "cp", "-a", archive, filepath.Join(dir, "vault_snapshot_"+before+".tar.gz"))

	return dir, date, dump, archive
}

// TestA1ARecoveryFromATerminalsDump is the whole way: refused, repaired,
// recovered, and equal to what was lost.
func TestA1ARecoveryFromATerminalsDump(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	dir, date, dump, _ := copied(t, i)
	good := content(t, dump)
	edit(t, dump, recoverytest.ThroughTerminal)
	broken := content(t, dump)
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}

	repairing := "firmflow-recovery repair " + date + " --backups " + dir
	firmflow(t, nil, args(i, "restore", dir, "--backup", date, "--confirm", hostname(t))...).want(t, 5, "dump.terminal", repairing)
	looking(t, "repair", dir, date).want(t, 0, "the line ends of 1 terminal", "REPAIRED, as backup "+date+"-repaired")
	if content(t, filepath.Join(dir, "db_"+date+".repaired.dump")) != good || content(t, dump) != broken {
		t.Error("the copy is not the original, or the broken dump was changed")
	}
	looking(t, "repair", dir, date).want(t, 3, "repair.in-the-way", "A copy is there already")
	looking(t, "verify", dir, "--full").want(t, 0, "Backup "+date+"-repaired", "GOOD")
	firmflow(t, nil, args(i, "restore", dir, "--backup", date+"-repaired", "--confirm", hostname(t))...).want(t, 0, "VERIFIED in")
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the lost one")
	}
}

// TestA1IntoAnotherDirectory: the backups' own is often read-only.
func TestA1IntoAnotherDirectory(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	dir, date, dump, _ := copied(t, i)
	edit(t, dump, recoverytest.ThroughTerminal)
	names := must(t, dir, "ls", "-la")
	into := filepath.Join(t.TempDir(), "new", "place")
	looking(t, "repair", dir, date, "--into", into).want(t, 0, "REPAIRED", "vault_sync leads to", "--backups "+into)
	if must(t, dir, "ls", "-la") != names {
		t.Error("the directory of the backups was changed")
	}
	looking(t, "verify", into, "--full").want(t, 0, "GOOD", "220 files")
	firmflow(t, nil, args(i, "restore", into, "--confirm", hostname(t))...).want(t, 0, "VERIFIED in")
	if standing(t, i) != before {
		t.Error("the recovered installation differs")
	}
}

// cutWhere cuts an archive where its last bytes cannot be the end of one.
func cutWhere(b []byte) []byte {
	n := len(b) / 2
	for b[n-4] == 0 {
		n--
	}

	return b[:n]
}

func TestVerifyTellsWhatEachLevelCan(t *testing.T) {
	i := sandboxed(t)
	edited := func(change func([]byte) []byte) func(t *testing.T, path string) {
		return func(t *testing.T, path string) { edit(t, path, change) }
	}
	at := func(b []byte) int { return len(b) * 3 / 4 }
	for name, c := range map[string]struct {
		dump, archive func(t *testing.T, path string)
		more          []string
		fast, full    int
		fastSays      []string
		fullSays      []string
	}{
		"sound":                {nil, nil, nil, 0, 0, []string{"GOOD as far", "cannot tell", "pg_restore lists the same"}, []string{"GOOD: every byte", "SHA-256", "220 files", "rows counted"}},
		"A1":                   {edited(recoverytest.ThroughTerminal), nil, nil, 5, 5, []string{"dump.terminal", "firmflow-recovery repair"}, []string{"dump.terminal"}},
		"A2":                   {edited(func(b []byte) []byte { return recoverytest.ThroughTerminal(recoverytest.ThroughTerminal(b)) }), nil, nil, 5, 5, []string{"dump.terminal"}, []string{"dump.terminal"}},
		"A3":                   {edited(func(b []byte) []byte { return append([]byte("WARNING: x\n"), b...) }), nil, nil, 5, 5, []string{"dump.prefix", "repair"}, []string{"dump.prefix"}},
		"A6":                   {edited(func(b []byte) []byte { return append([]byte{0xff, 0xfe}, b...) }), nil, nil, 5, 5, []string{"dump.not-a-dump"}, []string{"next best backup"}},
		"B1":                   {edited(func([]byte) []byte { return nil }), nil, nil, 5, 5, []string{"dump.empty"}, []string{"dump.empty"}},
		"B2":                   {edited(func(b []byte) []byte { return b[:len(b)-1] }), nil, nil, 5, 5, []string{"dump.truncated"}, []string{"dump.truncated", "next best backup"}},
		"B3":                   {edited(func([]byte) []byte { return []byte("--\n-- PostgreSQL database dump\n--\n\nSET x;\n") }), nil, nil, 5, 5, []string{"dump.truncated"}, []string{"dump.truncated"}},
		"B5":                   {edited(func(b []byte) []byte { return append([]byte("\x1f\x8b\x08"), b...) }), nil, nil, 5, 5, []string{"dump.wrapped", "repair"}, []string{"dump.wrapped"}},
		"B8":                   {edited(func(b []byte) []byte { b[6] = 17; return b }), nil, nil, 9, 9, []string{"dump.newer", "NOT PROVEN"}, []string{"dump.newer"}},
		"B38":                  {nil, nil, []string{"--database", "other"}, 5, 5, []string{"dump.database.other"}, []string{"dump.database.other"}},
		"B-power, a bit":       {edited(func(b []byte) []byte { b[at(b)] ^= 4; return b }), nil, nil, 0, 5, []string{"a flipped bit"}, []string{"dump."}},
		"B-power, a block":     {edited(func(b []byte) []byte { clear(b[at(b) : at(b)+4096]); return b }), nil, nil, 0, 5, nil, []string{"dump."}},
		"B-power, two bytes":   {edited(func(b []byte) []byte { return append(b[:at(b):at(b)], append([]byte("xy"), b[at(b):]...)...) }), nil, nil, 0, 5, nil, []string{"dump.damaged"}},
		"B-power, junk behind": {edited(func(b []byte) []byte { return append(b, "junk behind it"...) }), nil, nil, 5, 5, []string{"dump."}, []string{"dump.damaged"}},
		"B-power, two dumps":   {edited(func(b []byte) []byte { return append(b, b...) }), nil, nil, 0, 5, nil, []string{"dump.damaged"}},
		"C1, cut":              {nil, edited(cutWhere), nil, 9, 5, []string{"verify.end-in-doubt", "--full"}, []string{"vault.archive.truncated", "next best backup"}},
		"C1, a bit":            {nil, edited(func(b []byte) []byte { b[len(b)/2] ^= 4; return b }), nil, 0, 5, []string{"whether the documents between are whole"}, []string{"vault.archive."}},
		"C1, not gzip":         {nil, edited(func([]byte) []byte { return []byte("<?xml version='1.0'?>") }), nil, 5, 5, []string{"vault.archive.not-an-archive"}, nil},
		"C3, two archives":     {nil, edited(func(b []byte) []byte { return append(b, b...) }), nil, 0, 5, nil, []string{"vault.archive.damaged"}},
		"C11, an empty one":    {nil, edited(func([]byte) []byte { return nil }), nil, 0, 0, []string{"a restore takes vault_sync"}, []string{"each could be read", "220 files"}},
		"no archive":           {nil, remove, nil, 0, 0, []string{"a restore takes vault_sync"}, []string{"each could be read", "220 files"}},
		"no dump":              {remove, nil, nil, 5, 5, []string{"backup.incomplete"}, []string{"next best backup"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, date, dump, archive := copied(t, i)
			if c.dump != nil {
				c.dump(t, dump)
			}
			if c.archive != nil {
				c.archive(t, archive)
			}
			before := must(t, dir, "ls", "-laR", "--time-style=full-iso")
			looking(t, "verify", dir, append(c.more, date)...).want(t, c.fast, c.fastSays...)
			looking(t, "verify", dir, append(c.more, date, "--full")...).want(t, c.full, c.fullSays...)
			if must(t, dir, "ls", "-laR", "--time-style=full-iso") != before {
				t.Error("looking changed something")
			}
		})
	}
}

func TestC4ALevelTooManyIsLeftOutWithConsent(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	dir, date, _, archive := copied(t, i)
	must(t, i.Project, "tar", "-czf", archive, "uploads")
	mirror := filepath.Join(dir, "vault_sync")
	remove(t, mirror)
	mkdir(t, mirror)
	must(t, "/", "cp", "-a", i.Vault, filepath.Join(mirror, "uploads"))
	looking(t, "verify", dir, date).want(t, 9, "vault.archive.nested")
	looking(t, "verify", dir, date, "--full").want(t, 5, "vault.archive.nested", "uploads")
	for _, from := range []string{"archive", "mirror"} {
		all := args(i, "restore", dir, "--confirm", hostname(t), "--vault-from", from)
		firmflow(t, nil, all...).want(t, 5, "vault.archive.nested", "NOTHING CHANGED", "--fix")
		if standing(t, i) != before {
			t.Errorf("from %s: something changed without consent", from)
		}
		firmflow(t, nil, append(all, "--fix")...).want(t, 0, "VERIFIED in", "without its directory uploads/", "the directory level uploads/ was left out", "220 of 220 referenced files exist")
		if standing(t, i) != before {
			t.Errorf("from %s: the recovered installation differs", from)
		}
	}
}

// TestC4ARecoveryFromARepairedArchive is the whole way: refused, repaired,
// recovered without asking anything more, and equal to what was lost.
func TestC4ARecoveryFromARepairedArchive(t *testing.T) {
	i := sandboxed(t)
	before := standing(t, i)
	dir, date, dump, archive := copied(t, i)
	must(t, i.Project, "tar", "-czf", archive, "uploads")
	copied := filepath.Join(dir, "vault_snapshot_"+date+".repaired.tar.gz")
	nested, names := content(t, archive), must(t, dir, "ls", "-la")
	into := filepath.Join(t.TempDir(), "elsewhere")
	looking(t, "repair", dir, date, "--into", into).want(t, 0, "too many", "db_"+date+".dump leads to", "--backups "+into)
	if must(t, dir, "ls", "-la") != names {
		t.Error("the directory of the backups was changed")
	}
	looking(t, "verify", into, "--full").want(t, 0, "Backup "+date+"-repaired", "GOOD", "220 files")

	edit(t, dump, recoverytest.ThroughTerminal) // the dump as well
	looking(t, "repair", dir, date).want(t, 0, "the line ends of 1 terminal", "the directory level uploads/ too many", "220 files", "REPAIRED, as backup "+date+"-repaired")
	if content(t, archive) != nested {
		t.Error("the archive itself was changed")
	}
	looking(t, "repair", dir, date).want(t, 3, "repair.in-the-way")
	looking(t, "repair", dir, date+"-repaired").want(t, 3, "repair.nothing")
	looking(t, "verify", dir, date+"-repaired", "--full").want(t, 0, "GOOD", "220 files")
	firmflow(t, nil, args(i, "restore", dir, "--backup", date, "--confirm", hostname(t))...).want(t, 5, "NOTHING CHANGED")
	if err := i.Lose(t.Context()); err != nil {
		t.Fatal(err)
	}
	firmflow(t, nil, args(i, "restore", dir, "--backup", date+"-repaired", "--vault-from", "archive", "--confirm", hostname(t))...).want(t, 0, "VERIFIED in", "220 of 220 referenced files exist")
	if standing(t, i) != before {
		t.Error("the recovered installation differs from the lost one")
	}
	if must(t, dir, "tar", "-tzf", copied) == must(t, dir, "tar", "-tzf", archive) {
		t.Error("tar lists the same names in both")
	}
}

// TestC4WhatIsNotCertainIsNotRepaired: a firm's own directory, an archive that is
// damaged besides, and no room; none leaves a copy.
func TestC4WhatIsNotCertainIsNotRepaired(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, archive := copied(t, i)
	good, sound := content(t, dump), content(t, archive)
	nested := t.TempDir()
	must(t, "/", "cp", "-a", i.Vault, filepath.Join(nested, "uploads"))
	pack := func() {
		t.Helper()
		must(t, nested, "tar", "-czf", archive, ".")
	}
	refused := func(exit int, want ...string) {
		t.Helper()
		before := must(t, dir, "find", ".", "-type", "f", "-printf", "%p %s %T@ %i\n")
		looking(t, "repair", dir, date).want(t, exit, append(want, "no copy was")...)
		if must(t, dir, "find", ".", "-type", "f", "-printf", "%p %s %T@ %i\n") != before {
			t.Error("something changed")
		}
	}
	pack()
	edit(t, archive, func(b []byte) []byte { return b[:len(b)/2] })
	refused(5, "vault.archive.truncated")
	pack()
	edit(t, dump, func(b []byte) []byte { return b[:len(b)/2] })
	refused(5, "dump.truncated")
	write(t, dump, good)
	write(t, filepath.Join(nested, "uploads", "direct.pdf"), "a document of a firm called uploads")
	pack()
	refused(5, "vault.archive.nested", "it is not certain")

	edit(t, dump, recoverytest.ThroughTerminal)
	looking(t, "repair", dir, date).want(t, 0, "the line ends of 1 terminal", "note     the vault archive", "REPAIRED")
	remove(t, filepath.Join(dir, "db_"+date+".repaired.dump"))
	remove(t, filepath.Join(nested, "uploads", "direct.pdf"))
	pack()
	unfinished := filepath.Join(dir, "vault_snapshot_"+date+".repaired.tar.gz.partial")
	write(t, unfinished, "of another repair")
	looking(t, "repair", dir, date).want(t, 3, "repair.in-the-way", "rm "+unfinished)
	if there := must(t, dir, "ls"); strings.Contains(there, ".repaired.dump") || content(t, unfinished) != "of another repair" {
		t.Errorf("a copy was left, or another's was changed: %s", there)
	}
	write(t, archive, sound)
}

func TestC12AnEmptyMirrorIsNoVault(t *testing.T) {
	i := sandboxed(t)
	dir, date, _, archive := copied(t, i)
	remove(t, archive)
	remove(t, filepath.Join(dir, "vault_sync"))
	mkdir(t, filepath.Join(dir, "vault_sync"))
	looking(t, "verify", dir, date).want(t, 5, "backup.mirror.empty", "backup.incomplete")
}

func TestVerifySaysWhichNewerBackupIsBroken(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, _ := copied(t, i)
	write(t, dump, "")
	looking(t, "verify", dir).want(t, 5, "A newer backup, "+date, "pg_restore lists the same")
	looking(t, "verify", filepath.Join(dir, "none")).want(t, 5, "backup.directory.missing")
	looking(t, "verify", dir, "1999-01-01").want(t, 5, "backup.not-found")
}

func TestVerifyWarnsOfWhatIsOdd(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, archive := copied(t, i)
	write(t, filepath.Join(dir, "env_"+date), "AUTH_SECRET=changeme\n")
	long := time.Now().AddDate(0, 0, -300)
	old := "2020-02-02"
	for _, f := range []string{dump, archive} {
		name := strings.Replace(f, date, old, 1)
		must(t, "/", "cp", f, name)
		if err := os.Chtimes(name, long, long); err != nil {
			t.Fatal(err)
		}
	}
	looking(t, "verify", dir, date).want(t, 0, "secrets.original.placeholder", "LICENSE_KEY", "GOOD")
	looking(t, "verify", dir, old).want(t, 0, "backup.odd", "away from its date")
	write(t, filepath.Join(dir, "env_"+date), content(t, i.OriginalEnv))
	r := looking(t, "verify", dir, date, "--full")
	r.want(t, 0, "it holds AUTH_SECRET, LICENSE_KEY, FIELD_ENCRYPTION_KEY")
	for line := range strings.Lines(content(t, i.OriginalEnv)) {
		if _, value, ok := strings.Cut(strings.TrimSpace(line), "='"); ok && strings.Contains(r.out, strings.Trim(value, "'")) {
			t.Errorf("a secret is printed: %s", r.out)
		}
	}
}

func TestVerifyAnswersInJSON(t *testing.T) {
	i := sandboxed(t)
	var v recovery.Verification
	r := looking(t, "verify", i.Backups, "--full", "--json")
	if err := json.Unmarshal([]byte(r.out), &v); err != nil || len(v.Parts) != 6 || !v.Full || v.Worst() != recovery.Passed || len(v.Parts[0].SHA256) != 64 {
		t.Errorf("%v, %+v", err, v)
	}
	sum := strings.Fields(must(t, "/", "sha256sum", v.Parts[1].Path))[0]
	if v.Parts[1].SHA256 != sum {
		t.Errorf("SHA-256 %s, sha256sum says %s", v.Parts[1].SHA256, sum)
	}
}

// TestVerifyTakesUnderASecondWhateverTheSize: 10 GiB of dump and as much of
// archive, most of it holes. Reading them would take many seconds.
func TestVerifyTakesUnderASecondWhateverTheSize(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, archive := copied(t, i)
	for _, f := range []string{dump, archive} {
		if err := os.Truncate(f, 10<<30); err != nil {
			t.Fatal(err)
		}
	}
	fastest := time.Hour
	for range 3 {
		began := time.Now()
		looking(t, "verify", dir, date).want(t, 0, "10.0 GiB", "pg_restore lists the same")
		fastest = min(fastest, time.Since(began))
	}
	t.Logf("took %v", fastest)
	if fastest > time.Second {
		t.Errorf("verify of 20 GiB took %v, want less than a second", fastest)
	}
}

// TestB8WithoutPgRestoreAFullLookIsNotProven: what was not done is not good.
func TestB8WithoutPgRestoreAFullLookIsNotProven(t *testing.T) {
	i := sandboxed(t)
	for _, full := range []bool{false, true} {
		v, err := steps.Verify{Dir: i.Backups, Name: "latest", Database: "firmflow", Full: full, Now: time.Now}.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want := map[bool]recovery.ExitCode{false: recovery.ExitOK, true: recovery.ExitVerification}[full]
		if v.Exit != want || full && v.Parts[0].Findings[2].Diagnosis == nil && v.Parts[0].Status != recovery.Unproven {
			t.Errorf("full %v: %+v", full, v)
		}
		if text := strings.Join(v.Parts[0].Untold, "\n"); !strings.Contains(text, "none was found on this host") {
			t.Errorf("full %v: what was not looked at is not said: %s", full, text)
		}
	}
}

// TestDamageThatCannotBeUndoneIsRefused: A4 to A7 and truncation. Nothing is
// left, the next best backup is named.
func TestDamageThatCannotBeUndoneIsRefused(t *testing.T) {
	i := sandboxed(t)
	insert := func(b []byte, text string) []byte {
		at := len(b) * 2 / 3
		return append(append(bytes.Clone(b[:at]), text...), b[at:]...)
	}
	for name, c := range map[string]struct {
		damage func([]byte) []byte
		code   string
	}{
		"A4 messages inside": {func(b []byte) []byte {
			return recoverytest.ThroughTerminal(insert(b, "pg_dump: dumping contents of table \"public.User\"\n"))
		}, "dump.damaged"},
		"A5 typed keys": {func(b []byte) []byte { return insert(recoverytest.ThroughTerminal(b), "^@") }, "dump.damaged"},
		"A6 PowerShell": {func(b []byte) []byte {
			return append([]byte{0xff, 0xfe}, bytes.Join(bytes.Split(b, nil), []byte{0})...)
		}, "dump.not-a-dump"},
		"A7 text mode":          {func(b []byte) []byte { return bytes.ReplaceAll(insert(b, "\r\n"), []byte("\r\n"), []byte("\n")) }, "dump."},
		"A1 and truncated":      {func(b []byte) []byte { return recoverytest.ThroughTerminal(b[:len(b)*2/3]) }, "dump.damaged"},
		"B2 truncated":          {func(b []byte) []byte { return b[:len(b)*2/3] }, "dump.truncated"},
		"B-power a flipped bit": {func(b []byte) []byte { b[len(b)*3/4] ^= 4; return b }, "dump."},
		"B1 empty":              {func([]byte) []byte { return nil }, "dump.empty"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, date, dump, _ := copied(t, i)
			edit(t, dump, c.damage)
			before := must(t, dir, "find", ".", "-type", "f", "-printf", "%p %s %T@ %i\n") // a directory's own time tells of what came and went
			r := looking(t, "repair", dir, date)
			r.want(t, 5, c.code, "no copy was")
			if !strings.Contains(r.out, "next best backup, "+time.Now().AddDate(0, 0, -1).Format(time.DateOnly)) {
				t.Errorf("the next best backup is not named:\n%s", r.out)
			}
			if must(t, dir, "find", ".", "-type", "f", "-printf", "%p %s %T@ %i\n") != before {
				t.Error("something changed")
			}
		})
	}
}

func TestRepairSaysWhatStandsInItsWay(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, _ := copied(t, i)
	looking(t, "repair", dir, date).want(t, 3, "repair.nothing")
	edit(t, dump, func(b []byte) []byte { b[6] = 17; return b })
	looking(t, "repair", dir, date).want(t, 5, "dump.newer") // B8: it could not be judged
	edit(t, dump, func(b []byte) []byte { b[6] = 14; return b })
	edit(t, dump, recoverytest.ThroughTerminal)
	unfinished := filepath.Join(dir, "db_"+date+".repaired.dump.partial")
	write(t, unfinished, "of another repair")
	looking(t, "repair", dir, date).want(t, 3, "repair.in-the-way", "rm "+unfinished)
	if content(t, unfinished) != "of another repair" {
		t.Error("what another repair has left was changed")
	}
	remove(t, unfinished)
	looking(t, "repair", dir, date, "--into", filepath.Join(dump, "x")).want(t, 3, "repair.place", "--into")
	looking(t, "repair", dir, date, "--identity", dump).want(t, 3, "repair.key")
	looking(t, "repair", dir, date, "--passphrase").want(t, 2, "from a terminal")
	looking(t, "repair", dir, "1999-01-01").want(t, 5, "backup.not-found")
}

// TestB5AWrappedDumpOfAnyNameIsRepaired: db_DATE.dump.gz, as a script that
// compresses leaves it.
func TestB5AWrappedDumpOfAnyNameIsRepaired(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, _ := copied(t, i)
	good := content(t, dump)
	must(t, "/", "gzip", dump)
	looking(t, "repair", dir, "db_"+date+".dump.gz").want(t, 0, "undone: gzip", date+"-repaired")
	if content(t, filepath.Join(dir, "db_"+date+".repaired.dump")) != good {
		t.Error("the copy is not what was wrapped")
	}
	firmflow(t, nil, args(i, "preflight", dir, "--backup", date+"-repaired")...).want(t, 0, "READY")
}

// TestB5AnEncryptedDumpIsOpenedByItsPassphrase types it into a real terminal,
// which must not show it.
func TestB5AnEncryptedDumpIsOpenedByItsPassphrase(t *testing.T) {
	i := sandboxed(t)
	dir, date, dump, _ := copied(t, i)
	good := content(t, dump)
	recipient, err := age.NewScryptRecipient("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	recipient.SetWorkFactor(12)
	edit(t, dump, func(b []byte) []byte {
		var locked bytes.Buffer
		w, err := age.Encrypt(&locked, recipient)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(b); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}

		return locked.Bytes()
	})
	looking(t, "repair", dir, date).want(t, 5, "dump.wrapped", "--identity KEYFILE", "--passphrase")
	for _, c := range []struct {
		phrase string
		exit   int
	}{{"wrong one", 5}, {"open sesame", 0}} {
		s := terminal(t, "repair", date, "--backups", dir, "--state-dir", t.TempDir(), "--passphrase")
		s.await("Passphrase: ")
		s.press(c.phrase + "\n")
		s.ends(c.exit)
		if strings.Contains(s.text(), c.phrase) {
			t.Errorf("the passphrase was shown: %q", s.text())
		}
	}
	if content(t, filepath.Join(dir, "db_"+date+".repaired.dump")) != good {
		t.Error("the copy is not what was encrypted")
	}
}
