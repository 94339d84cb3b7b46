package steps

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/recoverytest"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack/compose"
	"firmflow-recovery/recovery/stack/sandbox"
)

// trial damages backups and looks at them in full.
type trial struct {
	recoverytest.Damage
	t                    *testing.T
	tool                 command.Runner
	dump, archive, other []byte // sound ones, and another archive
	begins               int    // where the rows begin in the dump
	script               string // what the sound dump unpacks to
	files                map[string][32]byte
	told                 map[string]int
}

// TestNoDamageIsTakenForASoundBackup damages a backup at random, in every way in
// which disks, terminals and people do, and looks at it in full. Where nothing
// wrong is found, what the files hold is compared with the source by other means:
// pg_restore's own script, and a plain reading of the archive.
//
// FIRMFLOW_RECOVERY_TORTURE says how often; FIRMFLOW_RECOVERY_TORTURE_SEED repeats
// a trial. A changed byte among the table of contents is counted by itself: a
// look says that it cannot tell it, and only a manifest can.
func TestNoDamageIsTakenForASoundBackup(t *testing.T) {
	count, seed := number(t, "FIRMFLOW_RECOVERY_TORTURE", 100), number(t, "FIRMFLOW_RECOVERY_TORTURE_SEED", 20261128)
	r := newTrial(t, rand.New(rand.NewPCG(seed, 4)))
	if v := r.look(r.dump, r.archive); v.Exit != recovery.ExitOK {
		t.Fatalf("the sound backup is not taken for one: %+v", v)
	}
	kinds := slices.Sorted(maps.Keys(damagesOfFiles))
	for n := range count {
		r.once(kinds[n%uint64(len(kinds))])
	}
	for _, what := range slices.Sorted(maps.Keys(r.told)) {
		t.Logf("%4d %s", r.told[what], what)
	}
	t.Logf("%d damaged backups, seed %d", count, seed)
}

func number(t *testing.T, variable string, usually uint64) uint64 {
	t.Helper()
	asked := os.Getenv(variable)
	if asked == "" {
		return usually
	}
	n, err := strconv.ParseUint(asked, 10, 64)
	if err != nil {
		t.Fatal(err)
	}

	return n
}

func newTrial(t *testing.T, random *rand.Rand) *trial {
	t.Helper()
	tool, err := sandbox.Host(compose.Environment(os.Environ()), &secret.Scrubber{})
	if err != nil {
		if strings.Contains(os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE"), "postgres") {
			t.Fatal(err)
		}
		t.Skip("pg_restore is not there")
	}
	r := &trial{Damage: recoverytest.Damage{Random: random}, t: t, tool: tool, told: make(map[string]int)}
	if r.dump, err = os.ReadFile(filepath.Join("testdata", "sound.dump")); err != nil {
		t.Fatal(err)
	}
	for from := 0; ; from++ {
		at := bytes.Index(r.dump[from:], []byte{0x78, 0xda}) // zlib at its best, as --compress=9 writes it
		if at < 0 {
			t.Fatal("no block of rows is in the dump")
		}
		if from += at; from > 10 && r.dump[from-11] == 1 { // a block: 1, the number of its entry in 5 bytes, its length in 5
			r.begins = from - 11
			break
		}
	}
	r.archive, r.other = r.pack(12), r.pack(9)
	if r.script, err = r.unpacked(r.dump); err != nil {
		t.Fatal(err)
	}
	if r.files, err = contained(r.archive); err != nil || len(r.files) != 12 {
		t.Fatal(err)
	}

	return r
}

// pack makes a vault archive of documents that cannot be compressed.
func (r *trial) pack(documents int) []byte {
	r.t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	must := func(err error) {
		if err != nil {
			r.t.Fatal(err)
		}
	}
	for n := range documents {
		content := r.Noise(500 + r.Random.IntN(1500))
		must(w.WriteHeader(&tar.Header{Name: fmt.Sprintf("./firm%d/17636256%05d-%08x.pdf", n%3, n, r.Random.Uint32()), Typeflag: tar.TypeReg, Mode: 0o600, Size: int64(len(content))}))
		_, err := w.Write(content)
		must(err)
	}
	must(w.Close())
	must(z.Close())

	return b.Bytes()
}

// look is the program's own, of every byte.
func (r *trial) look(dump, archive []byte) recovery.Verification {
	r.t.Helper()
	dir := r.t.TempDir()
	for name, content := range map[string][]byte{"db_2026-11-28.dump": dump, "vault_snapshot_2026-11-28.tar.gz": archive} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			r.t.Fatal(err)
		}
	}
	v, err := Verify{Dir: dir, Name: "2026-11-28", Full: true, Database: "firmflow_sample", Tool: r.tool, Now: time.Now}.Run(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}

	return v
}

func (r *trial) once(kind string) {
	r.t.Helper()
	dump, archive := damagesOfFiles[kind](r)
	v := r.look(dump, archive)
	ended := "refused"
	switch v.Exit {
	case recovery.ExitOK:
		ended = "taken for sound, and equal to the source"
		if wrong := r.differs(dump, archive); wrong != "" && kind == inContents {
			ended = "taken for sound, said that this cannot be told"
			if !slices.Contains(v.Parts[0].Untold, untoldContents) {
				r.t.Errorf("%s: it is not said that this cannot be told", kind)
			}
		} else if wrong != "" {
			r.t.Errorf("FALSE SUCCESS over %s: %s", kind, wrong)
		}
	case recovery.ExitVerification:
		ended = "not proven"
	default:
	}
	r.told[kind+": "+ended]++
}

// differs tells what is not the source's, without the program's own code.
func (r *trial) differs(dump, archive []byte) string {
	r.t.Helper()
	if script, err := r.unpacked(dump); err != nil || script != r.script {
		return "the dump unpacks to something else"
	}
	if files, err := contained(archive); err != nil || !maps.Equal(files, r.files) {
		return "the archive holds something else"
	}

	return ""
}

// unpacked is the script that pg_restore makes of a dump.
func (r *trial) unpacked(dump []byte) (string, error) {
	var out bytes.Buffer
	err := r.tool.Run(r.t.Context(), command.Cmd{Args: []string{"pg_restore", "-f", "-"}, Stdin: bytes.NewReader(dump), Stdout: &out})
	lines := slices.DeleteFunc(strings.Split(out.String(), "\n"), func(l string) bool {
		return strings.HasPrefix(l, `\restrict`) || strings.HasPrefix(l, `\unrestrict`) // a key of its own in each
	})

	return strings.Join(lines, "\n"), err
}

// contained are the digests of an archive's files.
func contained(archive []byte) (map[string][32]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		return nil, err
	}
	files := make(map[string][32]byte)
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return nil, err
		}
		files[h.Name] = sha256.Sum256(content)
	}
}

// inContents is the one damage that a look without a manifest cannot tell.
const inContents = "dump, a bit flipped among its table of contents"

// damagesOfFiles are the ways to damage a backup's files, by name.
var damagesOfFiles = map[string]func(*trial) (dump, archive []byte){
	"dump truncated":                     func(r *trial) ([]byte, []byte) { return r.Cut(r.dump), r.archive },
	"dump without its last bytes":        func(r *trial) ([]byte, []byte) { return r.Tip(r.dump), r.archive },
	"dump, a bit flipped among its rows": func(r *trial) ([]byte, []byte) { return r.Flip(r.dump, r.begins, len(r.dump)), r.archive },
	inContents:                           func(r *trial) ([]byte, []byte) { return r.Flip(r.dump, 0, r.begins), r.archive },
	"dump, a block zeroed":               func(r *trial) ([]byte, []byte) { return r.Zero(r.dump, r.begins), r.archive },
	"dump, bytes inserted":               func(r *trial) ([]byte, []byte) { return r.Insert(r.dump, r.begins), r.archive },
	"dump, bytes lost":                   func(r *trial) ([]byte, []byte) { return r.Lose(r.dump, r.begins), r.archive },
	"dump twice in one file":             func(r *trial) ([]byte, []byte) { return slices.Concat(r.dump, r.dump), r.archive },
	"dump, junk behind it": func(r *trial) ([]byte, []byte) {
		return r.Junk(r.dump), r.archive
	},
	"dump half written over itself": func(r *trial) ([]byte, []byte) { return r.Over(r.dump, r.dump[r.begins/2:]), r.archive },
	"dump through a terminal": func(r *trial) ([]byte, []byte) {
		return recoverytest.ThroughTerminal(r.dump), r.archive
	},
	"archive truncated":              func(r *trial) ([]byte, []byte) { return r.dump, r.Cut(r.archive) },
	"archive without its last bytes": func(r *trial) ([]byte, []byte) { return r.dump, r.Tip(r.archive) },
	"archive, a bit flipped":         func(r *trial) ([]byte, []byte) { return r.dump, r.Flip(r.archive, 10, len(r.archive)) },
	"archive, a block zeroed":        func(r *trial) ([]byte, []byte) { return r.dump, r.Zero(r.archive, 10) },
	"archive, bytes inserted":        func(r *trial) ([]byte, []byte) { return r.dump, r.Insert(r.archive, 10) },
	"archive, bytes lost":            func(r *trial) ([]byte, []byte) { return r.dump, r.Lose(r.archive, 10) },
	"archive, another behind it":     func(r *trial) ([]byte, []byte) { return r.dump, slices.Concat(r.archive, r.other) },
	"archive, junk behind it": func(r *trial) ([]byte, []byte) {
		return r.dump, r.Junk(r.archive)
	},
	"archive half written over another": func(r *trial) ([]byte, []byte) { return r.dump, r.Over(r.other, r.archive) },
	"archive through a terminal": func(r *trial) ([]byte, []byte) {
		return r.dump, recoverytest.ThroughTerminal(r.archive)
	},
	"dump and archive taken for each other": func(r *trial) ([]byte, []byte) { return r.archive, r.dump },
}
