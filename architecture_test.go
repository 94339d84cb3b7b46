package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"firmflow-recovery/assets"
)

const module = "firmflow-recovery"

// walls are who may import which of our packages. A package may import what any
// of its prefixes' entries allow; "" stands for the root package recovery.
var walls = []struct {
	of      string   // packages with this prefix
	allowed []string // our packages they may import, by prefix; "=" before one means exactly
	charm   bool     // whether they may import Bubble Tea and its kin
	exec    bool     // whether they may import os/exec
	http    bool     // whether they may import net/http: they ask an app, or post a report
}{
	{of: "", allowed: []string{""}},
	{of: "assets"},
	{of: "recovery", allowed: []string{}},
	{of: "recovery/command", allowed: []string{"recovery/secret"}, exec: true},
	{of: "recovery/secret"},
	{of: "recovery/durable"},
	{of: "recovery/journal", allowed: []string{"=recovery", "recovery/durable"}},
	{of: "recovery/recoverytest", allowed: []string{"=recovery"}},
	{of: "recovery/vault", allowed: []string{"recovery/command", "recovery/secret", "recovery/durable", "=recovery/stack"}},
	{of: "recovery/dump", allowed: []string{"recovery/command", "recovery/secret", "recovery/durable", "=recovery/stack"}},
	{of: "recovery/backup", allowed: []string{"recovery/command", "recovery/secret", "recovery/durable", "=recovery/stack"}},
	{of: "recovery/envfile", allowed: []string{"recovery/command", "recovery/secret", "recovery/durable", "=recovery/stack"}},
	{of: "recovery/evidence", allowed: []string{"recovery/command", "recovery/secret", "recovery/durable", "=recovery/stack"}},
	{of: "recovery/stack", allowed: []string{"recovery/stack", "recovery/command", "recovery/secret", "recovery/durable"}, http: true},
	{of: "recovery/sample", allowed: []string{"recovery/durable", "recovery/secret"}, http: true},
	{of: "recovery/demo", allowed: []string{"recovery/command", "recovery/secret", "recovery/envfile", "recovery/sample", "recovery/stack"}},
	{of: "recovery/hook", allowed: []string{"recovery/command", "recovery/secret"}, http: true},
	{of: "recovery/bucket", allowed: []string{"recovery/durable"}, http: true},
	{of: "recovery/bucket/buckettest", exec: true, http: true}, // a server and bad lines, for tests alone
	{of: "recovery/report", allowed: []string{"=recovery"}},
	{of: "recovery/drill", allowed: []string{"recovery/command", "recovery/secret", "recovery/durable", "recovery/envfile", "recovery/stack"}},
	{of: "steps", allowed: []string{"recovery"}, http: true},
	{of: "ui/cli"},
	{of: "ui/entry", allowed: []string{"assets", "recovery", "steps", "ui/cli", "ui/console", "ui/plain"}}, // main's other half: it puts everything together
	{of: "ui/mailbox", allowed: []string{"=recovery"}},
	{of: "ui/plain", allowed: []string{"=recovery", "ui/mailbox", "ui/text"}},
	{of: "ui/jsonl", allowed: []string{"=recovery", "ui/mailbox"}},
	{of: "ui/text"},
	{of: "ui/quiet"},
	{of: "ui/console", allowed: []string{"=recovery", "ui/plain", "ui/jsonl", "ui/tui"}},
	{of: "ui/tui", allowed: []string{"=recovery", "ui/mailbox", "ui/text"}, charm: true},
}

func TestTheDependencyRuleHolds(t *testing.T) {
	out := must(t, ".", "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	seen := 0
	for _, line := range strings.Split(strings.TrimSpace(out), "\n") {
		fields := strings.Fields(line)
		name := strings.TrimPrefix(strings.TrimPrefix(fields[0], module), "/")
		for _, broken := range crossed(name, fields[1:]) {
			t.Errorf("%s must not import %s", fields[0], broken)
		}
		seen++
	}
	if seen < 15 {
		t.Errorf("only %d packages were looked at", seen)
	}
}

func TestABrokenDependencyRuleIsSeen(t *testing.T) {
	for name, imports := range map[string][]string{
		"steps": {module + "/ui/plain"}, "recovery": {module + "/steps"}, "recovery/vault": {module + "/recovery"},
		"ui/plain": {module + "/recovery/vault"}, "recovery/dump": {"os/exec"}, "ui/jsonl": {"github.com/charmbracelet/bubbletea"},
		"recovery/unheard-of": {module + "/recovery"}, "recovery/drill": {"net/http"}, "ui/text": {"net/http"},
	} {
		if len(crossed(name, imports)) == 0 {
			t.Errorf("%s may import %v", name, imports)
		}
	}
}

// crossed lists the imports that cross a wall.
func crossed(name string, imports []string) []string {
	wall := 0
	for i, w := range walls {
		if name == w.of || w.of != "" && strings.HasPrefix(name, w.of+"/") && len(w.of) > len(walls[wall].of) {
			wall = i
		}
	}
	w := walls[wall]
	if name != "" && (w.of == "" || w.of == "recovery" && name != "recovery") {
		return imports // a room without a wall around it: give it one
	}
	var broken []string
	for _, path := range imports {
		ours, is := strings.CutPrefix(path, module+"/")
		switch {
		case name == "":
		case is && !slices.ContainsFunc(w.allowed, func(a string) bool {
			exact, only := strings.CutPrefix(a, "=")
			return ours == exact || !only && strings.HasPrefix(ours, a+"/")
		}):
			broken = append(broken, path)
		case path == "net/http" && !w.http:
			broken = append(broken, path)
		case path == "os/exec" && !w.exec, strings.HasPrefix(path, "github.com/charmbracelet/") && !w.charm:
			broken = append(broken, path)
		}
	}

	return broken
}

// codes finds the constants of type recovery.Code in the sources.
func codes(t *testing.T) map[string]string {
	t.Helper()
	found := make(map[string]string)
	for _, dir := range []string{"recovery", "steps"} {
		files, err := filepath.Glob(dir + "/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
			if err != nil {
				t.Fatal(err)
			}
			ast.Inspect(tree, func(n ast.Node) bool {
				spec, is := n.(*ast.ValueSpec)
				if !is || len(spec.Names) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Code") || len(spec.Values) != 1 {
					return true
				}
				if value, is := spec.Values[0].(*ast.BasicLit); is {
					text, err := strconv.Unquote(value.Value)
					if err != nil {
						t.Fatal(err)
					}
					found[spec.Names[0].Name] = text
				}

				return true
			})
		}
	}

	return found
}

func TestEveryCodeHasAHelpPageAndIsUsed(t *testing.T) {
	known := codes(t)
	if len(known) < 60 {
		t.Fatalf("only %d codes found", len(known))
	}
	var source strings.Builder
	for _, dir := range []string{"recovery", "steps"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") && filepath.Dir(path) == dir {
				text, err := os.ReadFile(path)
				source.Write(text)
				return err
			}

			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, code := range known {
		if _, err := assets.Help(code); err != nil {
			t.Errorf("%s has no help page: %v", code, err)
		}
		if strings.Count(source.String(), name) < 2 {
			t.Errorf("%s (%s) is never used", name, code)
		}
	}
	for _, page := range strings.Split(assets.HelpCodes(), ", ") {
		if !slices.Contains(slices.Collect(maps.Values(known)), page) {
			t.Errorf("the help page %s explains no code", page)
		}
	}
}

func TestEveryExitCodeIsInTheHelp(t *testing.T) {
	out, err := exec.Command(program, "--help").Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, code := range []string{"0 ", "1 ", "2 ", "3 ", "4 ", "5 ", "6 ", "7 ", "8 ", "9 ", "11..15", "16 ", "17 ", "130, 143"} {
		if !strings.Contains(string(out), "\n  "+code) {
			t.Errorf("--help does not explain exit code %s", code)
		}
	}
}
