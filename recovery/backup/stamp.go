package backup

import (
	"cmp"
	"regexp"
	"strings"
	"time"
)

// stamp is the date in a file name, and the time of day where there is one.
type stamp struct {
	day  string // 2026-11-22
	hour string // 0200 or 020000, or empty
}

var stamped = regexp.MustCompile(`^(\d{4}-\d{2}-\d{2})(?:[_T-](\d{2})(?:[-:.]?(\d{2}))?(?:[-:.]?(\d{2}))?Z?)?`)

// cutStamp takes a date off the beginning of a text.
func cutStamp(text string) (st stamp, rest string, ok bool) {
	found := stamped.FindStringSubmatch(text)
	if found == nil {
		return stamp{}, text, false
	}
	st = stamp{day: found[1], hour: found[2] + found[3] + found[4]}
	if st.time().IsZero() {
		return stamp{}, text, false
	}

	return st, text[len(found[0]):], true
}

// String gives the date as Set.Date has it.
func (st stamp) String() string {
	if st.hour == "" {
		return st.day
	}

	return st.day + "_" + st.hour
}

// time gives the moment that the stamp names, as if its clock showed UTC; zero
// if there is no such moment.
func (st stamp) time() time.Time {
	layout := "2006-01-02" + "150405"[:len(st.hour)]
	t, err := time.Parse(layout, st.day+st.hour)
	if err != nil {
		return time.Time{}
	}

	return t
}

// compare orders stamps in time. One without a time of day comes first.
func (st stamp) compare(other stamp) int {
	return cmp.Or(strings.Compare(st.day, other.day), strings.Compare(st.hour, other.hour))
}

// patterns are the names that the script and its variations give, one of them
// for each shape of a dump, in the order
// of preference where two files could be the same part of the same set.
var patterns = []struct {
	part           Part
	prefix, suffix string
}{
	{Dump, "db_", ".dump"},
	{Dump, "db_", repairedDump},
	{Dump, "db_", ".tar"},
	{Dump, "db_", ".sql"},
	{Dump, "db_", ".dir"},
	{Archive, "vault_snapshot_", ".tar.gz"},
	{Archive, "vault_snapshot_", repairedArchive},
	{Proof, "manifest_", ".json"},
	{Env, "env_", ""},
	{Env, "env_", ".env"},
	{Env, "env_", ".age"},
	{List, "vault_list_", ".sha256.gz"},
	{Compose, "compose_", ".tar"},
	{Compose, "compose_", ".tar.age"},
	{Card, "RECOVER_", ".txt"},
	{Sums, "SHA256SUMS_", ""},
}

// classify tells what a file is by its name. The rank orders names that mean
// the same.
func classify(name string) (part Part, st stamp, rank int, ok bool) {
	for rank, p := range patterns {
		rest, ok := strings.CutPrefix(name, p.prefix)
		if !ok {
			continue
		}
		if st, tail, ok := cutStamp(rest); ok && tail == p.suffix {
			return p.part, st, rank, true
		}
	}

	return "", stamp{}, 0, false
}
