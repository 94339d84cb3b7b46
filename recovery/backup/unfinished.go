package backup

import (
	"io/fs"
	"strings"
)

// A backup is made in a directory of its own beside the others, and named file
// by file once it is whole. As long as that directory is there, nothing of its
// date is a backup; its removal is what makes it one, in one step.
const (
	remainderStart = "backup_"
	remainderEnd   = ".partial"
)

// remainderOf gives the date of a backup in the making.
func remainderOf(name string) (stamp, bool) {
	rest, starts := strings.CutPrefix(name, remainderStart)
	if !starts {
		return stamp{}, false
	}
	st, end, dated := cutStamp(rest)

	return st, dated && end == remainderEnd
}

// unfinished lists the dates whose backups are in the making, or were.
func unfinished(entries []fs.DirEntry) map[stamp]bool {
	found := map[stamp]bool{}
	for _, e := range entries {
		if st, is := remainderOf(e.Name()); is && e.IsDir() {
			found[st] = true
		}
	}

	return found
}
