package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/demo"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
	"firmflow-recovery/steps"
	"firmflow-recovery/ui/cli"
)

// How many backups are damaged where nothing else is asked for, and how many
// workers share them.
const (
	fewSpoilt = 116
	spoilers  = 2
)

// source is a state of an installation, and the backup that was taken of it.
type source struct {
	dump, archive []byte
	database      string              // all of it, as pg_dump tells it
	vault         map[string][32]byte // the digest of each document, by its path
}

// spoiling damages backups in one way after the other and recovers from them.
type spoiling struct {
	recoverytest.Damage
	t           *testing.T
	i           *demo.Installation
	early, late source // late has documents less
	begins      int    // where the rows begin in the early dump
	env         string // as it was
	told        map[string]map[string]int
}

// damaged is a backup to recover from, and what would be right.
type damaged struct {
	dump, archive []byte
	env           string // the original .env; empty: the right one
	here          string // the target's .env; empty: the right one
	database      *source
	vault         *source
	sound         bool // it must be verified
	wrongSecret   bool // it must not be, whatever the data says
	untold        bool // what nothing but a checksum made with the backup can show
}

// TestNoDamagedBackupIsTakenForASoundOne recovers from backups that were damaged
// at random, in this process. Whatever is called VERIFIED is compared with the
// source, by other means than the program's own.
//
// Each takes seconds. FIRMFLOW_RECOVERY_TORTURE asks for more of them, and
// FIRMFLOW_RECOVERY_TORTURE_SEED repeats a spoiling.
func TestNoDamagedBackupIsTakenForASoundOne(t *testing.T) {
	count, seed := tortured(t, "FIRMFLOW_RECOVERY_TORTURE", fewSpoilt), uint64(tortured(t, "FIRMFLOW_RECOVERY_TORTURE_SEED", 20261128))
	t.Logf("%d damaged backups, seed %d", count, seed)
	for worker := range uint64(spoilers) {
		t.Run(fmt.Sprintf("worker %d", worker+1), func(t *testing.T) {
			c := begin(t, rand.New(rand.NewPCG(seed, worker)))
			for n := range count / spoilers {
				c.once(n)
			}
			c.tell()
		})
	}
}

// begin makes a small installation with two backups, of which the later has two
// documents less.
func begin(t *testing.T, random *rand.Rand) *spoiling {
	t.Helper()
	t.Parallel()
	_, err := sandbox.Programs(os.Environ())
	need(t, "postgres", err == nil)
	i, err := demo.Build(t.Context(), demo.Options{
		Program: []string{program, "sample-app"}, Environment: compose.Environment(os.Environ()), Now: time.Now,
		Volume: sample.Volume{Firms: 2, Users: 6, Documents: 14, AuditRows: 60, DocumentBytes: 2048},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := i.Remove(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	c := &spoiling{Damage: recoverytest.Damage{Random: random}, t: t, i: i, env: content(t, i.OriginalEnv), told: make(map[string]map[string]int)}
	c.early = c.backUp()
	documents := slices.Sorted(maps.Keys(c.early.vault))
	for _, path := range documents[:2] {
		sql(t, i, `delete from "Document" where "storageKey" = '`+path+`'`)
		remove(t, filepath.Join(i.Vault, path))
	}
	c.late = c.backUp()
	dumpFile, _ := files(i.Backups)
	write(t, dumpFile, string(c.early.dump))
	looked, err := dump.Look(dumpFile)
	if err != nil {
		t.Fatal(err)
	}
	c.begins = int(looked.Begins())

	return c
}

func (c *spoiling) backUp() source {
	c.t.Helper()
	if err := c.i.Backup(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	dumpFile, archive := files(c.i.Backups)

	return source{dump: []byte(content(c.t, dumpFile)), archive: []byte(content(c.t, archive)), database: dumped(c.t, c.i, "firmflow"), vault: c.vault()}
}

// vault digests every file of the live vault, without the program's own code.
func (c *spoiling) vault() map[string][32]byte {
	c.t.Helper()
	all := make(map[string][32]byte)
	err := filepath.WalkDir(c.i.Vault, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(c.i.Vault, path)
		all[name] = sha256.Sum256([]byte(content(c.t, path)))

		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}

	return all
}

// once damages a backup, recovers from it, and judges the verdict.
func (c *spoiling) once(n int) {
	c.t.Helper()
	kinds := slices.Sorted(maps.Keys(damages))
	kind := kinds[n%len(kinds)] // each kind equally often, whatever the seed
	if n%12 == 11 {
		kind = "a sound one" // whatever came before, a good backup must still be recovered from
	}
	d := damages[kind](c)
	v := c.recover(d)
	c.judge(kind, d, v)
	if v.Outcome == recovery.Verified || v.Outcome == recovery.NotVerified {
		c.clear()
	}
}

// recover carries out a recovery from a damaged backup as the program would.
func (c *spoiling) recover(d damaged) recovery.Verdict {
	c.t.Helper()
	dir := c.t.TempDir()
	dumpFile, archive := files(dir)
	write(c.t, dumpFile, string(d.dump))
	write(c.t, archive, string(d.archive))
	original := filepath.Join(dir, "original.env")
	write(c.t, original, or(d.env, c.env))
	write(c.t, filepath.Join(c.i.Project, ".env"), or(d.here, c.env))
	home := journal.Home{Dir: c.i.State}
	run, err := home.NewRun(time.Now())
	if err != nil {
		c.t.Fatal(err)
	}
	s := installationOf(invocation(c.i, cli.Restore), run)
	s.OriginalEnv, s.Settle, s.Host = original, briefly, "ffhost-01"
	var failure *recovery.Failure
	if s.Backup, _, err = steps.OpenBackup(c.t.Context(), dir, "latest"); errors.As(err, &failure) {
		return recovery.Verdict{Outcome: recovery.NothingChanged, Diagnosis: &failure.Diagnosis}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	operator := &recoverytest.Operator{Answers: map[recovery.QuestionID][]recovery.Answer{recovery.AskStart: {{Choice: recovery.Go, Typed: "ffhost-01"}}}}
	v, _, err := steps.Execution{Home: home, Anew: true}.Execute(c.t.Context(), recovery.Runner{
		Now: time.Now, Host: s.Host, Run: run, Steps: steps.Restore(s), Backup: s.Backup.Name(), Target: s.Target(), Inputs: s.Inputs(), Operator: operator,
		Release: s.Disengage,
	})
	if err != nil {
		c.t.Fatal(err)
	}

	return v
}

func or(text, otherwise string) string {
	if text == "" {
		return otherwise
	}

	return text
}

// judge believes a success only where the result is the source's.
func (c *spoiling) judge(kind string, d damaged, v recovery.Verdict) {
	c.t.Helper()
	outcome := string(v.Outcome)
	if v.Outcome == recovery.Verified {
		switch wrong := c.differs(d); {
		case wrong == "" && !d.wrongSecret:
		case d.untold:
			outcome += ", with a difference that only a checksum shows"
		default:
			c.t.Errorf("FALSE SUCCESS over %s: %s", kind, wrong)
		}
	}
	if d.sound && v.Outcome != recovery.Verified {
		c.t.Errorf("%s: %s, %+v", kind, v.Outcome, v.Diagnosis)
	}
	if v.Outcome != recovery.Verified && v.Outcome != recovery.NotVerified {
		code := why(v)
		outcome += ", " + code
		if !slices.ContainsFunc([]string{"dump.", "vault.archive.", "backup.", "secrets.", "database."}, func(p string) bool { return strings.HasPrefix(code, p) }) {
			c.t.Errorf("%s is refused for another reason than its damage: %s", kind, code)
		}
	}
	if c.told[kind] == nil {
		c.told[kind] = make(map[string]int)
	}
	c.told[kind][outcome]++
}

// why is the code of the diagnosis that a recovery ended with.
func why(v recovery.Verdict) string {
	if v.Diagnosis == nil {
		return "without a diagnosis"
	}

	return string(v.Diagnosis.Code)
}

// differs compares what is live with what the backup was taken of.
func (c *spoiling) differs(d damaged) string {
	c.t.Helper()
	if d.wrongSecret {
		return "a secret that is not the source's was taken for it"
	}
	if dumped(c.t, c.i, "firmflow") != d.database.database {
		return "the database is not the source's"
	}
	live := c.vault()
	if !maps.Equal(live, d.vault.vault) {
		return "the vault is not the source's"
	}
	for path, digest := range d.database.vault {
		if live[path] != digest {
			return "a document that the database names is not the source's"
		}
	}

	return ""
}

// clear takes away what a recovery has set aside: a thousand would fill the disk.
func (c *spoiling) clear() {
	c.t.Helper()
	for _, name := range strings.Fields(asked(c.t, c.i, "postgres", `select datname from pg_database where datname ~ '^firmflow_(before|restoring)_'`)) {
		c.sql(`drop database "` + name + `"`)
	}
	beside, err := filepath.Glob(c.i.Vault + ".*")
	if err != nil {
		c.t.Fatal(err)
	}
	for _, path := range beside {
		remove(c.t, path)
	}
}

func (c *spoiling) sql(statement string) {
	c.t.Helper()
	bin, err := sandbox.Programs(os.Environ())
	if err != nil {
		c.t.Fatal(err)
	}
	must(c.t, "/", filepath.Join(bin, "psql"), "-X", "-q", "-h", "127.0.0.1", "-p", databasePort(c.t, c.i), "-U", "firmflow", "-d", "postgres", "-v", "ON_ERROR_STOP=1", "-c", statement)
}

// tell logs how the kinds of damage ended.
func (c *spoiling) tell() {
	c.t.Helper()
	all := 0
	for _, kind := range slices.Sorted(maps.Keys(c.told)) {
		var ends []string
		for _, outcome := range slices.Sorted(maps.Keys(c.told[kind])) {
			ends = append(ends, fmt.Sprintf("%d %s", c.told[kind][outcome], outcome))
			all += c.told[kind][outcome]
		}
		c.t.Logf("%s: %s", kind, strings.Join(ends, "; "))
	}
	c.t.Logf("%d recoveries in all", all)
}

// damages are the ways to damage a backup, by name. Those that reach the data
// take seconds each, so that there are fewer of them than of those refused
// before.
var damages = map[string]func(*spoiling) damaged{
	"a sound one":    func(c *spoiling) damaged { d := c.early.as(&c.early); d.sound = true; return d },
	"dump truncated": func(c *spoiling) damaged { return c.early.withDump(c.Cut(c.early.dump)) },
	"dump without its last bytes": func(c *spoiling) damaged {
		return c.early.withDump(c.Tip(c.early.dump))
	},
	"dump with a flipped bit":     func(c *spoiling) damaged { return c.early.withDump(c.Flip(c.early.dump, c.begins, len(c.early.dump))) },
	"dump with a zeroed block":    func(c *spoiling) damaged { return c.early.withDump(c.Zero(c.early.dump, c.begins)) },
	"dump with bytes inserted":    func(c *spoiling) damaged { return c.early.withDump(c.Insert(c.early.dump, 0)) },
	"dump with bytes lost":        func(c *spoiling) damaged { return c.early.withDump(c.Lose(c.early.dump, 0)) },
	"dump with another behind it": func(c *spoiling) damaged { return c.early.withDump(slices.Concat(c.early.dump, c.late.dump)) },
	"dump with junk behind it": func(c *spoiling) damaged {
		return c.early.withDump(c.Junk(c.early.dump))
	},
	"dump half written over another": func(c *spoiling) damaged { return c.early.withDump(c.Over(c.late.dump, c.early.dump)) },
	"dump through a terminal":        func(c *spoiling) damaged { return c.early.withDump(recoverytest.ThroughTerminal(c.early.dump)) },
	"dump in text mode": func(c *spoiling) damaged {
		return c.early.withDump(bytes.ReplaceAll(recoverytest.ThroughTerminal(c.early.dump), []byte("\r"), nil))
	},
	"archive truncated": func(c *spoiling) damaged { return c.early.withArchive(c.Cut(c.early.archive)) },
	"archive without its last bytes": func(c *spoiling) damaged {
		return c.early.withArchive(c.Tip(c.early.archive))
	},
	"archive with a flipped bit": func(c *spoiling) damaged {
		return c.early.withArchive(c.Flip(c.early.archive, 10, len(c.early.archive)))
	},
	"archive with a zeroed block":    func(c *spoiling) damaged { return c.early.withArchive(c.Zero(c.early.archive, 10)) },
	"archive with bytes inserted":    func(c *spoiling) damaged { return c.early.withArchive(c.Insert(c.early.archive, 0)) },
	"archive with bytes lost":        func(c *spoiling) damaged { return c.early.withArchive(c.Lose(c.early.archive, 0)) },
	"archive with another behind it": func(c *spoiling) damaged { return c.early.withArchive(slices.Concat(c.early.archive, c.late.archive)) },
	"archive with junk behind it": func(c *spoiling) damaged {
		return c.early.withArchive(c.Junk(c.early.archive))
	},
	"archive half written over another":       func(c *spoiling) damaged { return c.early.withArchive(c.Over(c.late.archive, c.early.archive)) },
	"archive through a terminal":              func(c *spoiling) damaged { return c.early.withArchive(recoverytest.ThroughTerminal(c.early.archive)) },
	"dump and archive taken for each other":   func(c *spoiling) damaged { d := c.early.as(&c.early); d.dump, d.archive = d.archive, d.dump; return d },
	"dump and archive of different days":      func(c *spoiling) damaged { return c.pair() },
	"another AUTH_SECRET everywhere":          func(c *spoiling) damaged { return c.secret("AUTH_SECRET", true) },
	"another FIELD_ENCRYPTION_KEY everywhere": func(c *spoiling) damaged { return c.secret("FIELD_ENCRYPTION_KEY", true) },
	"another AUTH_SECRET here":                func(c *spoiling) damaged { return c.secret("AUTH_SECRET", false) },
	"another LICENSE_KEY here":                func(c *spoiling) damaged { return c.secret("LICENSE_KEY", false) },
	"dump with a flipped bit in its table of contents": func(c *spoiling) damaged {
		d := c.early.withDump(c.Flip(c.early.dump, 0, c.begins))
		d.untold = true

		return d
	},
}

// as is the backup of a source with the vault of another.
func (s *source) as(vault *source) damaged {
	return damaged{dump: s.dump, archive: vault.archive, database: s, vault: vault}
}

func (s *source) withDump(content []byte) damaged {
	d := s.as(s)
	d.dump = content

	return d
}

func (s *source) withArchive(content []byte) damaged {
	d := s.as(s)
	d.archive = content

	return d
}

// pair puts a dump and an archive of different days together.
func (c *spoiling) pair() damaged {
	if c.Random.IntN(2) == 0 {
		return c.early.as(&c.late) // documents are missing
	}

	return c.late.as(&c.early) // documents are left over
}

// secret changes one character of a key, here or in the original too.
func (c *spoiling) secret(key string, everywhere bool) damaged {
	d := c.early.as(&c.early)
	at := strings.Index(c.env, key+"=") + len(key) + 4 + c.Random.IntN(8)
	changed := []byte(c.env)
	changed[at] = '0' + (changed[at]+1)%10
	if changed[at] == c.env[at] {
		changed[at]++
	}
	d.here, d.wrongSecret = string(changed), true
	if everywhere {
		d.env = d.here
	}

	return d
}
