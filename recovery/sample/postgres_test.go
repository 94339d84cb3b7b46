package sample

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// server is a PostgreSQL of the tests' own, reached through a socket in its directory, so that no port is taken.
type server struct{ sockets string }

// startServer skips the test where PostgreSQL is not installed, unless FIRMFLOW_RECOVERY_TEST_REQUIRE wants it.
func startServer(t *testing.T) server {
	t.Helper()

	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		if strings.Contains(os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE"), "postgres") {
			t.Fatal("PostgreSQL is required and not in /usr/lib/postgresql")
		}
		t.Skip("PostgreSQL is not in /usr/lib/postgresql")
	}
	binaries := filepath.Dir(found[len(found)-1])

	// Not t.TempDir: under root its parents are closed to the user that PostgreSQL runs as, and its name may be too
	// long for a socket.
	base, err := os.MkdirTemp("", "ffsample")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(base) })

	owner := unprivileged(t)
	if owner != nil {
		if err := errors.Join(os.Chmod(base, 0o711), os.Chown(base, int(owner.Uid), int(owner.Gid))); err != nil {
			t.Fatal(err)
		}
	}

	data := filepath.Join(base, "data")
	initdb := exec.CommandContext(t.Context(), filepath.Join(binaries, "initdb"),
		"-D", data, "-U", "firmflow", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	runAs(initdb, base, owner)
	if out, err := initdb.CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}

	postgres := exec.Command(filepath.Join(binaries, "postgres"),
		"-D", data, "-k", base, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "autovacuum=off")
	runAs(postgres, base, owner)
	var said strings.Builder
	postgres.Stderr = &said
	if err := postgres.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = postgres.Process.Signal(syscall.SIGINT) // a fast shutdown
		if err := postgres.Wait(); err != nil {
			t.Logf("postgres: %v\n%s", err, said.String())
		}
	})

	return server{base}
}

// unprivileged is the user that PostgreSQL runs as, since it refuses root; nil is the tests' own.
func unprivileged(t *testing.T) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}

	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	t.Fatal("no unprivileged user to run PostgreSQL as")
	return nil
}

func runAs(cmd *exec.Cmd, dir string, owner *syscall.Credential) {
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner, Setpgid: true}
}

// address is what DATABASE_URL holds for a database of this server, in Prisma's spelling.
func (s server) address(database string) string {
	return fmt.Sprintf("postgresql://firmflow:db-password-1@/%s?host=%s&schema=public", database, url.QueryEscape(s.sockets))
}

// install returns the configuration of an installation with an empty database and an empty vault.
func (s server) install(t *testing.T) Config {
	t.Helper()

	// The server may still be starting, which is what dial is for.
	db, err := dial(t.Context(), s.address("postgres"), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	name := strings.ToLower(strings.NewReplacer("/", "_", "#", "_").Replace(t.Name()))
	if _, err := db.Exec(t.Context(), "CREATE DATABASE "+pgx.Identifier{name}.Sanitize()); err != nil {
		t.Fatal(err)
	}

	c := secretive()
	c.DatabaseURL = s.address(name)
	c.LicenseKey = NewLicense("test")
	c.Uploads = filepath.Join(t.TempDir(), "uploads")
	c.Listen = "127.0.0.1:0"
	return c
}

// execute changes the database behind the app's back.
func execute(t *testing.T, c Config, statement string, args ...any) int64 {
	t.Helper()

	db, err := dial(t.Context(), c.DatabaseURL, startPatience)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()

	tag, err := db.Exec(t.Context(), statement, args...)
	if err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
	return tag.RowsAffected()
}
