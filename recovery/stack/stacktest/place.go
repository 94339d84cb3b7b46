package stacktest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Dir is a temporary directory that every account can pass through, as a
// PostgreSQL that must not run as root has to. Those of testing are closed.
func Dir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { //nolint:gosec // see above
		t.Fatal(err)
	}

	return dir
}

// Need skips a test for want of something, and fails it where
// FIRMFLOW_RECOVERY_TEST_REQUIRE names what must not be wanting.
func Need(t *testing.T, what string, missing error) {
	t.Helper()
	if missing == nil {
		return
	}
	if strings.Contains(os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE"), what) {
		t.Fatalf("%s is required here: %v", what, missing)
	}
	t.Skip(missing)
}
