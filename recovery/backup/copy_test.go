package backup

import (
	"context"
	"errors"
	"os"
	"testing"
	"time"

	"firmflow-recovery/recovery/secret"

	"firmflow-recovery/recovery/durable"
)

// made makes a whole backup with a manifest, of small files.
func made(t *testing.T, dir, date string) (Set, Manifest) {
	t.Helper()
	making := Making{Dir: dir, Date: date}
	if err := making.Begin(); err != nil {
		t.Fatal(err)
	}
	m := Manifest{Backup: date}
	put := func(part Part, content string) {
		name := making.FileName(part, Encrypted)
		f, err := making.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		_, err = f.WriteString(content)
		if err := errors.Join(err, f.Close()); err != nil {
			t.Fatal(err)
		}
		sum, err := durable.Digest(t.Context(), making.Path(name), nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Files = append(m.Files, ListedFile{Name: name, Part: part, Size: int64(len(content)), SHA256: sum})
	}
	for _, part := range []Part{Dump, Archive, List, Env, Compose, Card} {
		put(part, "the "+string(part)+" of "+date)
	}
	data, err := m.Encode(map[string]secret.String{"AUTH_SECRET": secret.New("s")}, Cost{N: 2, R: 1, P: 1})
	if err != nil {
		t.Fatal(err)
	}
	listed := m
	put(Proof, string(data))
	put(Sums, string(SumsFile(m.Files)))
	if err := making.Publish(); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	set, err := d.Choose(date)
	if err != nil {
		t.Fatal(err)
	}

	return set, listed
}

const copied = "2026-11-22_020000"

func TestACopyIsWholeReadBackAndNamedInTheEnd(t *testing.T) {
	set, m := made(t, t.TempDir(), copied)
	into := t.TempDir()
	for range 2 { // twice equals once
		var moved int64
		if err := set.Copy(t.Context(), m, into, time.Minute, func(n int64) { moved = n }); err != nil {
			t.Fatal(err)
		}
		if moved < m.Total() {
			t.Errorf("%d bytes moved, want %d at least", moved, m.Total())
		}
	}
	d, err := Open(t.Context(), into)
	if err != nil || len(d.Sets) != 1 || len(d.Unusable) > 0 {
		t.Fatalf("there is %+v, %v", d, err)
	}
	there := d.Sets[0]
	sealed, err := there.ReadManifest()
	if err != nil {
		t.Fatal(err)
	}
	if wrong, err := there.Digests(t.Context(), sealed.Manifest, nil, nil); err != nil || len(wrong) > 0 {
		t.Errorf("the copy: %v, %v", wrong, err)
	}
	if !there.Dump.Modified.Equal(set.Dump.Modified) {
		t.Errorf("the copy's dump is of %v, want %v", there.Dump.Modified, set.Dump.Modified)
	}
}

// TestNoFileOfADamagedBackupIsCopied: a copy of something that is not what the
// manifest says would only look like a backup.
func TestNoFileOfADamagedBackupIsCopied(t *testing.T) {
	for _, part := range []Part{Dump, Archive, List, Env, Compose, Card} {
		set, m := made(t, t.TempDir(), copied)
		flip(t, set.File(part).Path)
		into := t.TempDir()
		if err := set.Copy(t.Context(), m, into, time.Minute, nil); !errors.Is(err, ErrDigest) {
			t.Errorf("%s: %v, want ErrDigest", part, err)
		}
		if d, err := Open(t.Context(), into); err != nil || len(d.Sets) > 0 {
			t.Errorf("%s: there is %v, %v", part, d.Sets, err)
		}
	}
}

func TestAnotherBackupOfTheSameNameIsNeverOverwritten(t *testing.T) {
	set, m := made(t, t.TempDir(), copied)
	into := t.TempDir()
	there, _ := made(t, into, copied)
	for _, part := range []Part{Dump, Archive, List, Env, Compose, Card, Sums, Proof} {
		path := there.File(part).Path
		before := flip(t, path)
		if err := set.Copy(t.Context(), m, into, time.Minute, nil); !errors.Is(err, ErrOther) {
			t.Errorf("%s: %v, want ErrOther", part, err)
		}
		if err := os.WriteFile(path, before, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// flip changes one byte of a file, and gives what it was.
func flip(t *testing.T, path string) []byte {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	after := append([]byte(nil), before...)
	after[len(after)/2] ^= 1
	if err := os.WriteFile(path, after, 0o600); err != nil {
		t.Fatal(err)
	}

	return before
}

func TestWhatAnInterruptedCopyHasLeftIsClearedAway(t *testing.T) {
	set, m := made(t, t.TempDir(), copied)
	into := t.TempDir()
	half := Making{Dir: into, Date: copied}
	if err := errors.Join(half.Begin(), os.WriteFile(half.Path("db_"+copied+".dump"), []byte("ha"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := set.Copy(t.Context(), m, into, time.Minute, nil); err != nil {
		t.Fatal(err)
	}
	if left, err := Remainders(into); err != nil || len(left) > 0 {
		t.Errorf("left is %v, %v", left, err)
	}
}

// TestC23ACopyThatStandsStillIsGivenUp: a share that hangs never answers.
func TestC23ACopyThatStandsStillIsGivenUp(t *testing.T) {
	hangs, ended := make(chan struct{}), make(chan struct{})
	err := whileMoving(t.Context(), 50*time.Millisecond, func(_ context.Context, step func(int)) error {
		defer close(ended)
		step(1)
		<-hangs

		return nil
	}, nil)
	if !errors.Is(err, ErrStalled) {
		t.Errorf("%v, want ErrStalled", err)
	}
	close(hangs) // the share is back: the goroutine must come to its end
	<-ended
}
