package journal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/durable"
)

const savedName = "saved"

// NameError is a name that is not that of a file or of a run.
type NameError struct{ Name string }

func (e *NameError) Error() string { return fmt.Sprintf("%q is not a plain name", e.Name) }

// Keep writes a document of a run, such as its runbook, beside its journal and
// gives its path. What has that name already stays: the new one becomes name-2.
// A run that was not begun has no directory, and gets none, since every
// directory there counts as a run: its documents go to the directory saved.
func (h Home) Keep(run recovery.RunID, name string, content []byte) (string, error) {
	for _, plain := range []string{name, string(run)} {
		if !isPlain(plain) {
			return "", fmt.Errorf("keep a document: %w", &NameError{plain})
		}
	}
	dir := h.dir(run)
	there, err := durable.Exists(dir)
	if err == nil && !there {
		dir, err = h.saved()
	}
	if err != nil {
		return "", fmt.Errorf("keep %s: %w", name, err)
	}
	beside, err := writeBeside(dir, content)
	if err != nil {
		return "", fmt.Errorf("keep %s: %w", name, err)
	}
	path, err := giveName(beside, name)
	if err != nil {
		return "", errors.Join(fmt.Errorf("keep %s: %w", name, err), os.Remove(beside))
	}

	return path, nil
}

// isPlain tells whether a name stays in its directory, can be seen there, and
// can be shown.
func isPlain(name string) bool {
	odd := func(r rune) bool { return r == '/' || r == unicode.ReplacementChar || !unicode.IsPrint(r) }

	return name != "" && name[0] != '.' && !strings.ContainsFunc(name, odd)
}

func (h Home) saved() (string, error) {
	dir := filepath.Join(h.Dir, savedName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}

	return dir, durable.SyncDir(h.Dir)
}

func writeBeside(dir string, content []byte) (string, error) {
	file, err := os.CreateTemp(dir, ".keep-*"+durable.Writing) // 0600
	if err != nil {
		return "", err
	}
	_, err = file.Write(content)
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return "", errors.Join(err, os.Remove(file.Name()))
	}

	return file.Name(), nil
}

// giveName renames a finished file to the first name that is free. Names that
// the journal itself uses are never free, or it would replace the document.
func giveName(beside, name string) (string, error) {
	dir, ext := filepath.Dir(beside), filepath.Ext(name)
	own := []string{journalName, liveName, liveName + ".new", reportName + string(Markdown), reportName + string(JSON), reportName + string(HTML)}
	for n, free := 2, name; ; n++ {
		path := filepath.Join(dir, free)
		if !slices.Contains(own, free) {
			err := durable.Rename(beside, path)
			if !errors.Is(err, fs.ErrExist) {
				return path, err
			}
		}
		free = strings.TrimSuffix(name, ext) + "-" + strconv.Itoa(n) + ext
	}
}
