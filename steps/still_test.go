package steps

import (
	"context"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

// still is a runtime that only tells what it was told to tell.
type still struct {
	stack.Runtime

	services [][]stack.Service // one answer after the other; the last one stays
	holds    map[string]secret.String
}

func (s *still) Services(context.Context) ([]stack.Service, error) {
	if len(s.services) == 0 {
		return nil, errors.New("nothing was asked for")
	}
	now := s.services[0]
	if len(s.services) > 1 {
		s.services = s.services[1:]
	}

	return now, nil
}

func (s *still) Holds(context.Context, string) (map[string]secret.String, error) { return s.holds, nil }

func (*still) Logs(context.Context, string, int) ([]string, error) {
	return []string{"panic: no database"}, nil
}

func (*still) Typed(a stack.Action, services ...string) string {
	return "docker compose " + string(a) + " " + strings.Join(services, " ")
}

func (*still) TypedIn(service string, args ...string) string {
	return "docker compose exec " + service + " " + strings.Join(args, " ")
}

// declared are the codes in codes.go, by the names of their constants.
func declared(t *testing.T) map[string]recovery.Code {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "codes.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]recovery.Code)
	ast.Inspect(file, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is || len(spec.Values) != 1 {
			return true
		}
		if literal, is := spec.Values[0].(*ast.BasicLit); is {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			found[spec.Names[0].Name] = recovery.Code(text)
		}

		return true
	})
	if len(found) < 60 {
		t.Fatalf("only %d codes found", len(found))
	}

	return found
}
