package assets

import (
	"errors"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	widest  = 80 // columns of the smallest screen
	longest = 25 // lines: a page is read at once
)

// sections are the parts of every page, in this order.
var sections = []string{"\n## How it comes about\n", "\n## What is intact\n", "\n## What to do\n1. ", "\n\nExit code: "}

// exitLine is how every page ends: the code that scripts see, and why.
var exitLine = regexp.MustCompile(`\n\nExit code: \d+ \([^()]+\)\n$`)

func TestEveryDiagnosisHasAPage(t *testing.T) {
	t.Parallel()

	want, got := declared(t), codes(t)
	slices.Sort(want)
	for _, code := range want {
		if !slices.Contains(got, code) {
			t.Errorf("diagnosis %s: got no page, want help/%s.md", code, code)
		}
	}
	for _, code := range got {
		if !slices.Contains(want, code) {
			t.Errorf("help/%s.md: got a page, want none: there is no such diagnosis", code)
		}
	}
}

func TestPagesHaveTheSameParts(t *testing.T) {
	t.Parallel()

	for _, code := range codes(t) {
		page := read(t, code)
		if first, _, _ := strings.Cut(page, "\n"); first != "# "+code {
			t.Errorf("%s: got first line %q, want %q", code, first, "# "+code)
		}
		at := 0
		for _, section := range sections {
			next := strings.Index(page[at:], section)
			if next < 0 || strings.Count(page, section) != 1 {
				t.Errorf("%s: want %q once, and after what comes before it", code, strings.TrimSpace(section))
				continue
			}
			at += next
		}
		if !exitLine.MatchString(page) {
			t.Errorf("%s: want an end like %q", code, "Exit code: 3 (why)")
		}
	}
}

func TestPagesFitTheSmallestScreen(t *testing.T) {
	t.Parallel()

	for _, code := range codes(t) {
		lines := strings.Split(strings.TrimSuffix(read(t, code), "\n"), "\n")
		if len(lines) > longest {
			t.Errorf("%s: got %d lines, want at most %d", code, len(lines), longest)
		}
		for i, line := range lines {
			if n := utf8.RuneCountInString(line); n > widest {
				t.Errorf("%s line %d: got %d columns, want at most %d", code, i+1, n, widest)
			}
			if strings.TrimRight(line, " \t") != line {
				t.Errorf("%s line %d: want no space at its end", code, i+1)
			}
		}
	}
}

// A page that sends its reader on to a page that is not there helps nobody.
func TestPagesReferToPages(t *testing.T) {
	t.Parallel()

	referral := regexp.MustCompile(`firmflow-recovery help ([a-z.-]+)`)
	for _, code := range codes(t) {
		for _, found := range referral.FindAllStringSubmatch(read(t, code), -1) {
			if _, err := Help(found[1]); err != nil {
				t.Errorf("%s refers to %s: %v", code, found[1], err)
			}
		}
	}
}

func TestHelpOfAnUnknownCode(t *testing.T) {
	t.Parallel()

	for _, code := range []string{"no.such-code", "", ".", "../x", "../assets", "/etc/passwd", "unexpected.md", "UNEXPECTED"} {
		page, err := Help(code)
		if !errors.Is(err, fs.ErrNotExist) || page != "" {
			t.Errorf("Help(%q): got %q and error %v, want nothing and fs.ErrNotExist", code, page, err)
		}
	}
}

// declared reads the codes where they are declared.
func declared(t *testing.T) []string {
	t.Helper()

	declaration := regexp.MustCompile(`(?m)^\tCode\w+\s+(?:recovery\.)?Code = "([^"]+)"`)
	var all []string
	for _, file := range []string{"../steps/codes.go", "../recovery/diagnosis.go"} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := declaration.FindAllStringSubmatch(string(source), -1)
		if len(found) == 0 {
			t.Fatalf("%s: got no code, want those it declares", file)
		}
		for _, f := range found {
			all = append(all, f[1])
		}
	}

	return all
}

func codes(t *testing.T) []string {
	t.Helper()

	all := strings.Split(HelpCodes(), ", ")
	if len(all) < 2 {
		t.Fatalf("HelpCodes: got %q, want the code of every page", HelpCodes())
	}

	return all
}

func read(t *testing.T, code string) string {
	t.Helper()

	page, err := Help(code)
	if err != nil {
		t.Fatal(err)
	}

	return page
}
