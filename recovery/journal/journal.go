// Package journal keeps the record of a run: an append-only file of events, one
// a line, each synced before anybody hears of it, under a lock that one engine
// holds.
//
// What it promises: an event that Append returned for survives a loss of power;
// a line that was cut short by one is recognised and left out; anything else
// that cannot be read is an error, never an empty journal.
//
// Beside it lies what the journal leaves out, progress and log lines, for those
// who follow a run from another process. Of that nothing is promised.
package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/durable"
)

const (
	runsName    = "runs"
	journalName = "journal.jsonl"
	reportName  = "report"
)

// ErrNoRun means that there is no run of that name, or none at all.
var ErrNoRun = errors.New("no such run")

// BrokenError is a journal with a line that is no event.
type BrokenError struct {
	Path string
	Line int
	Err  error
}

func (e *BrokenError) Error() string {
	return fmt.Sprintf("read journal %s, line %d: %v", e.Path, e.Line, e.Err)
}

func (e *BrokenError) Unwrap() error { return e.Err }

// Home is the directory that keeps the runs of this host.
type Home struct{ Dir string }

// Journal is the open record of one run. It implements recovery.Journal.
type Journal struct {
	path string
	file *os.File
	live live
}

func (h Home) journal(run recovery.RunID, file *os.File) *Journal {
	return &Journal{path: file.Name(), file: file, live: live{path: filepath.Join(h.dir(run), liveName)}}
}

// Create begins the record of a new run.
func (h Home) Create(run recovery.RunID) (*Journal, error) {
	dir := h.dir(run)
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of runs: %w", err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, fmt.Errorf("create the directory of run %s: %w", run, err)
	}
	path := filepath.Join(dir, journalName)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create the journal: %w", err)
	}
	for _, made := range []string{dir, filepath.Dir(dir), h.Dir} {
		if err := durable.SyncDir(made); err != nil {
			return nil, errors.Join(err, file.Close())
		}
	}

	return h.journal(run, file), nil
}

// Resume opens the record of an earlier run to go on with it, and gives its
// state. A last line that was cut short is removed first. The state's number is
// that of the last event that anybody saw: who followed the run until it stopped
// must not take what comes now for old.
func (h Home) Resume(run recovery.RunID) (*Journal, recovery.State, error) {
	path := filepath.Join(h.dir(run), journalName)
	state, whole, err := read(path)
	if err != nil {
		return nil, state, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, state, fmt.Errorf("open the journal: %w", err)
	}
	if err := errors.Join(file.Truncate(whole), file.Sync()); err != nil {
		return nil, state, errors.Join(fmt.Errorf("mend the end of the journal: %w", err), file.Close())
	}

	if err := durable.Sweep(h.dir(run)); err != nil {
		return nil, state, errors.Join(err, file.Close())
	}
	state.Seq = max(state.Seq, lastShown(filepath.Join(h.dir(run), liveName)))

	return h.journal(run, file), state, nil
}

// Append writes an event and syncs it.
func (j *Journal) Append(e recovery.Event) error {
	j.live.flush()
	line, err := recovery.Encode(e)
	if err != nil {
		return err
	}
	if _, err := j.file.Write(line); err != nil {
		return fmt.Errorf("write the journal: %w", err)
	}
	if err := j.file.Sync(); err != nil {
		return fmt.Errorf("sync the journal: %w", err)
	}

	return nil
}

// Path is where the journal lies.
func (j *Journal) Path() string { return j.path }

// Close closes the file; what Append returned for is safe already.
func (j *Journal) Close() error {
	j.live.close()

	return j.file.Close()
}

// Read gives the state of a run from its journal.
func (h Home) Read(run recovery.RunID) (recovery.State, error) {
	state, _, err := read(filepath.Join(h.dir(run), journalName))

	return state, err
}

// Runs lists the runs of this host, the newest first.
func (h Home) Runs() ([]recovery.RunID, error) {
	entries, err := os.ReadDir(filepath.Join(h.Dir, runsName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list the runs: %w", err)
	}
	var runs []recovery.RunID
	for _, e := range entries {
		if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
			runs = append(runs, recovery.RunID(e.Name()))
		}
	}
	slices.Sort(runs)
	slices.Reverse(runs)

	return runs, nil
}

// NewRun names a run that begins now. The name is later than every run's that is
// kept here, so that two runs of one second, or a clock that was set back, leave
// the newest run the newest.
func (h Home) NewRun(now time.Time) (recovery.RunID, error) {
	runs, err := h.Runs()
	if err != nil {
		return "", err
	}
	id := recovery.NewRunID(now)
	for _, run := range runs {
		if next, err := run.Next(); err == nil { // what is no run's name was not made here
			return max(id, next), nil
		}
	}

	return id, nil
}

// Unfinished gives the newest run that had begun to change things and did not
// end as it should. ErrNoRun means there is none. A journal that cannot be read
// is an error: it may be the one of such a run.
func (h Home) Unfinished() (recovery.State, error) {
	runs, err := h.Runs()
	if err != nil {
		return recovery.State{}, err
	}
	for _, run := range runs {
		state, err := h.Read(run)
		if errors.Is(err, ErrNoRun) {
			continue // its directory was made, its journal not: nothing was begun
		}
		if err != nil {
			return recovery.State{}, err
		}
		if state.Unfinished() {
			return state, nil
		}
		if state.Confirmed {
			break // a later recovery ended well: what was interrupted before it is past
		}
	}

	return recovery.State{}, ErrNoRun
}

// Find gives the state of a run by its id, or of the unfinished one if the id is
// empty. A run that ended well is ErrNoRun: there is nothing to go on with. One
// that ended with something unproven can be gone on with by its id: then it is
// proven again.
func (h Home) Find(run recovery.RunID) (recovery.State, error) {
	if run == "" {
		return h.Unfinished()
	}
	state, err := h.Read(run)
	unproven := state.Confirmed && state.Settled != nil && state.Settled.Outcome == recovery.NotVerified
	if err == nil && !state.Unfinished() && !unproven {
		return state, fmt.Errorf("run %s has ended, or never began: %w", run, ErrNoRun)
	}

	return state, err
}

// CanGoOn tells whether a run is in the journals here and unfinished. A journal
// that cannot be read is an error.
func (h Home) CanGoOn(run recovery.RunID) (bool, error) {
	state, err := h.Read(run)
	if errors.Is(err, ErrNoRun) {
		return false, nil
	}

	return err == nil && state.Unfinished(), err
}

// WriteReport keeps a run's report beside its journal and gives its path. That of
// an undo or a cleanup is a file of its own: the recovery's proofs stay readable.
func (h Home) WriteReport(run recovery.RunID, of recovery.Purpose, as Form, report []byte) (string, error) {
	name := reportName + string(as)
	if of != recovery.Recovering && of != recovery.Drilling {
		name = string(of) + "-" + name
	}
	path := filepath.Join(h.dir(run), name)
	if err := durable.WriteFile(path, report, 0o600); err != nil {
		return "", fmt.Errorf("write the report: %w", err)
	}

	return path, nil
}

// Form is one of the forms of a report, by the end of its file's name.
type Form string

// The forms.
const (
	Markdown Form = ".md"
	JSON     Form = ".json"
	HTML     Form = ".html"
)

func (h Home) dir(run recovery.RunID) string {
	return filepath.Join(h.Dir, runsName, filepath.Base(string(run)))
}

// read folds a journal and tells how many of its bytes are whole lines.
func read(path string) (recovery.State, int64, error) {
	var state recovery.State
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return state, 0, fmt.Errorf("read journal %s: %w", path, ErrNoRun)
	}
	if err != nil {
		return state, 0, fmt.Errorf("read the journal: %w", err)
	}
	var whole int64
	for number := 1; len(content) > 0; number++ {
		end := bytes.IndexByte(content, '\n')
		if end < 0 {
			break // the line that the loss of power cut: nobody was told of it
		}
		e, err := recovery.Decode(content[:end])
		if err != nil {
			return state, whole, &BrokenError{Path: path, Line: number, Err: err}
		}
		state.Apply(e)
		content = content[end+1:]
		whole += int64(end) + 1
	}

	return state, whole, nil
}
