package vault

import (
	"maps"
	"slices"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func errorOf[T any](_ T, err error) error { return err }

func ptr(n int) *int { return &n }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
