package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// catalogued are the faults that docs/faults.md must speak of: the first letter
// and the last number of each section.
var catalogued = map[string]int{"A": 8, "B": 42, "C": 27, "D": 16, "G": 13}

// sources are all tests, by their package's directory.
func sources(t *testing.T) map[string]string {
	t.Helper()
	all := make(map[string]string)
	err := filepath.WalkDir(".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		all[filepath.Dir(path)] += string(text)

		return err
	})
	if err != nil || len(all) < 10 {
		t.Fatalf("%d packages with tests: %v", len(all), err)
	}

	return all
}

// exists tells whether there is a test of this name, and, where a case is named,
// a text like that in the same package.
func exists(all map[string]string, name string) bool {
	test, scene, within := strings.Cut(name, "/")
	for _, text := range all {
		if strings.Contains(text, "func "+test+"(t *testing.T)") && (!within || strings.Contains(text, fmt.Sprintf("%q", scene))) {
			return true
		}
	}

	return false
}

func TestEveryFaultHasATestThatExistsOrAReason(t *testing.T) {
	all := sources(t)
	text := content(t, filepath.Join("docs", "faults.md"))
	tested, reasons, both := strings.Cut(text, "\n## Without a test")
	if !both {
		t.Fatal("docs/faults.md does not say which faults have no test")
	}
	var seen []string
	for _, line := range strings.Split(tested, "\n") {
		cells := strings.Split(line, " | ")
		if len(cells) != 3 || cells[0] == "| ID" {
			continue
		}
		seen = append(seen, strings.TrimPrefix(cells[0], "| "))
		for _, name := range strings.Split(strings.TrimSuffix(cells[2], " |"), ", ") {
			if !strings.HasPrefix(name, "Test") || !exists(all, name) {
				t.Errorf("%s names %q, and there is no such test", seen[len(seen)-1], name)
			}
		}
	}
	for _, row := range regexp.MustCompile(`(?m)^\| ([A-Z]\d+) \| [^|]{10,} \|$`).FindAllStringSubmatch(reasons, -1) {
		seen = append(seen, row[1])
	}
	for section, last := range catalogued {
		for n := 1; n <= last; n++ {
			id := fmt.Sprintf("%s%d", section, n)
			if times := len(slices.DeleteFunc(slices.Clone(seen), func(s string) bool { return s != id })); times != 1 {
				t.Errorf("docs/faults.md speaks %d times of %s, want once", times, id)
			}
		}
	}
	for _, word := range regexp.MustCompile(`Test\w+`).FindAllString(text, -1) {
		if !exists(all, word) {
			t.Errorf("docs/faults.md names %s, and there is no such test", word)
		}
	}
}

func TestATestThatDoesNotExistIsSeen(t *testing.T) {
	all := sources(t)
	for name, want := range map[string]bool{
		"TestATestThatDoesNotExistIsSeen": true, "TestB1EmptyDump": true, "TestATestThatDoesNotExist": false, "TestB1EmptyDump/no such" + " case": false,
		"TestComplaintsAreUnderstood/B31": true,
	} {
		if got := exists(all, name); got != want {
			t.Errorf("%s: %v, want %v", name, got, want)
		}
	}
}
