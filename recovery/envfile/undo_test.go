package envfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"firmflow-recovery/recovery/secret"
)

// site is a project's directory with the three names an undo goes by.
type site struct{ path, keep, undone string }

func newSite(t *testing.T) site {
	t.Helper()
	dir := t.TempDir()

	return site{filepath.Join(dir, ".env"), filepath.Join(dir, ".env.before-r1"), filepath.Join(dir, ".env.undone-r1")}
}

func (s site) stands(t *testing.T, want Standing) {
	t.Helper()
	if got, err := StandingOf(s.path, s.keep, s.undone); got != want || err != nil {
		t.Errorf("standing %q, %v; want %q", got, err, want)
	}
}

const (
	oldEnv = "AUTH_SECRET=old\n# by hand\n"
	newKey = "new"
)

func TestUndoPutsTheOldFileBackAndKeepsTheNew(t *testing.T) {
	s := newSite(t)
	put(t, s.path, oldEnv)
	mustDo(t, os.Chmod(s.path, 0o640))
	s.stands(t, Untouched)
	mustDo(t, Apply(reread(t, s.path), s.path, s.keep, map[string]secret.String{AuthSecret: secret.New(newKey)}))
	s.stands(t, Replaced)
	changed := contentOf(t, s.path)
	for range 2 {
		if _, err := Undo(s.path, s.keep, s.undone); err != nil {
			t.Fatal(err)
		}
		s.stands(t, TakenBack)
		if got := contentOf(t, s.path); got != oldEnv {
			t.Errorf("got %q, want %q", got, oldEnv)
		}
		if got := contentOf(t, s.undone); got != changed {
			t.Errorf("kept %q, want %q", got, changed)
		}
	}
	if info, err := os.Stat(s.path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v; want what it was", info.Mode(), err)
	}
	put(t, s.path, "AUTH_SECRET=later\n")
	s.stands(t, TakenBack) // what is written after an undo is not its business
	if _, err := Undo(s.path, s.keep, s.undone); err != nil || contentOf(t, s.path) != "AUTH_SECRET=later\n" {
		t.Errorf("a file that was edited after the undo was changed: %v", err)
	}
}

func TestUndoGoesOnWhereItWasCutShort(t *testing.T) {
	s := newSite(t)
	put(t, s.keep, oldEnv)
	put(t, s.path, "AUTH_SECRET=new\n")
	put(t, s.undone, "AUTH_SECRET=new\n") // kept, and not yet replaced
	s.stands(t, Replaced)
	if _, err := Undo(s.path, s.keep, s.undone); err != nil || contentOf(t, s.path) != oldEnv {
		t.Errorf("%q, %v", contentOf(t, s.path), err)
	}
}

func TestUndoOfAFileThatWasNotThereTakesItAway(t *testing.T) {
	s := newSite(t)
	original := filepath.Join(t.TempDir(), "original.env")
	put(t, original, oldEnv)
	for range 2 { // a run that is resumed notes it again
		mustDo(t, NoteNone(s.keep))
		s.stands(t, Untouched)
	}
	mustDo(t, Copy(reread(t, original), s.path))
	s.stands(t, Added)
	for range 2 {
		if _, err := Undo(s.path, s.keep, s.undone); err != nil {
			t.Fatal(err)
		}
		s.stands(t, TakenBack)
		if _, err := os.Stat(s.path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("it is still there: %v", err)
		}
		if got := contentOf(t, s.undone); got != oldEnv {
			t.Errorf("kept %q, want %q", got, oldEnv)
		}
	}
}

func TestUndoOverwritesNothingThatIsInTheWay(t *testing.T) {
	s := newSite(t)
	put(t, s.keep, oldEnv)
	put(t, s.path, "AUTH_SECRET=new\n")
	mustDo(t, os.Mkdir(s.undone, 0o700))
	if _, err := Undo(s.path, s.keep, s.undone); err == nil {
		t.Error("no error, although the new file could not be kept")
	}
	if got := contentOf(t, s.path); got != "AUTH_SECRET=new\n" {
		t.Errorf("changed to %q", got)
	}
}

func TestUndoFollowsALink(t *testing.T) {
	s := newSite(t)
	real := filepath.Join(t.TempDir(), "env")
	put(t, real, "AUTH_SECRET=new\n")
	mustDo(t, os.Symlink(real, s.path))
	put(t, s.keep, oldEnv)
	if _, err := Undo(s.path, s.keep, s.undone); err != nil || contentOf(t, real) != oldEnv {
		t.Errorf("%q, %v", contentOf(t, real), err)
	}
	if info, err := os.Lstat(s.path); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("%v, %v; want a link still", info.Mode(), err)
	}
}
