package envfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"firmflow-recovery/recovery/durable"
)

// Standing is how far a change of a .env has come, seen from its undo.
type Standing string

// The standings.
const (
	Untouched Standing = ""         // it was not changed
	Replaced  Standing = "replaced" // there was another one, and it is kept
	Added     Standing = "added"    // there was none
	TakenBack Standing = "taken back"
)

// noneText is what stands in the note that there was no .env.
const noneText = "There was no .env here before this recovery. firmflow-recovery undo goes by this note.\n"

// none is where it is noted that there was no file to keep.
func none(keep string) string { return keep + ".none" }

// NoteNone notes, beside where the old file would be kept, that there is none.
// It comes before Copy, so that an undo can tell the two apart.
func NoteNone(keep string) error {
	if err := create(none(keep), []byte(noneText)); err != nil {
		return fmt.Errorf("note that there is no environment file: %w", plain(err))
	}

	return nil
}

// StandingOf tells what an undo of the change would find: keep is where the old
// file was kept, undone where Undo keeps the new one. An undo that is done stays
// done, whatever is written into the file afterwards.
func StandingOf(path, keep, undone string) (Standing, error) {
	was, err := standingOf(path, keep, undone)
	if err != nil {
		return was, fmt.Errorf("look what became of environment file %q: %w", path, plain(err))
	}

	return was, nil
}

func standingOf(path, keep, undone string) (Standing, error) {
	now, nowThere, err := optional(path)
	if err != nil {
		return Untouched, err
	}
	gone, goneThere, err := optional(undone)
	if err != nil {
		return Untouched, err
	}
	old, oldThere, err := optional(keep)
	if err != nil {
		return Untouched, err
	}
	_, noted, err := optional(none(keep))
	if err != nil {
		return Untouched, err
	}
	isGone := nowThere && bytes.Equal(now, gone)
	isOld := nowThere && bytes.Equal(now, old)
	switch {
	case goneThere && !isGone:
		return TakenBack, nil
	case noted && nowThere: // what was kept after that, if anything, is of the run itself
		return Added, nil
	case oldThere && !noted && !isOld:
		return Replaced, nil
	default:
		return Untouched, nil
	}
}

// Undo puts the old file back, byte for byte, and keeps the new one at undone.
// Where there was none, there is none again. Done twice is done once.
func Undo(path, keep, undone string) (Standing, error) {
	was, err := undo(path, keep, undone)
	if err != nil {
		return was, fmt.Errorf("put environment file %q back: %w", path, plain(err))
	}

	return was, nil
}

func undo(path, keep, undone string) (Standing, error) {
	was, err := standingOf(path, keep, undone)
	switch {
	case err != nil:
		return was, err
	case was == Added:
		return was, durable.Rename(path, undone)
	case was != Replaced:
		return was, nil
	}
	_, old, err := load(keep)
	if err != nil {
		return was, err
	}
	place, err := filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		return was, create(path, old) // somebody has removed the new one
	}
	if err != nil {
		return was, err
	}
	is, now, err := load(place)
	if err != nil {
		return was, err
	}
	if err := create(undone, now); err != nil {
		return was, fmt.Errorf("keep the new file as %q: %w", undone, plain(err))
	}

	return was, replace(place, old, is)
}

func optional(path string) (data []byte, there bool, err error) {
	_, data, err = load(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}

	return data, err == nil, err
}
