package dump

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"firmflow-recovery/recovery/command"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if !used {
			os.Exit(code)
		}
		if cluster, err := started(); err == nil {
			cluster.stop()
		}
		os.Exit(code)
	}))
}

// used tells TestMain that a server was asked for, so that it need not start
// one to stop it.
var used bool

// cluster is a real PostgreSQL, for this test binary alone.
type cluster struct {
	dir  string
	port int
	host command.Local // as the account the server runs under
	run  command.Local // as a client beside it: what a runtime's runner is
}

var errNoPostgres = errors.New("no PostgreSQL on this host")

var started = sync.OnceValues(func() (*cluster, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return nil, errNoPostgres
	}
	bin := filepath.Dir(found[len(found)-1])
	dir, err := os.MkdirTemp("", "dump-test-")
	if err != nil {
		return nil, err
	}
	c := &cluster{dir: dir, port: freePort()}
	path := "PATH=" + bin + ":/usr/bin:/bin"
	c.host = command.Local{Env: []string{path, "LC_ALL=C"}, Dir: dir, Credential: account()}
	c.run = command.Local{Env: []string{path, "PGHOST=" + dir, "PGPORT=" + strconv.Itoa(c.port)}}
	if cred := c.host.Credential; cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return nil, err
		}
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		return nil, err
	}

	return c, c.start()
})

// account is who runs the server: PostgreSQL refuses to be root.
func account() *syscall.Credential {
	if os.Getuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		return nil
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)

	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

func freePort() int {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 54329
	}
	defer func() { _ = l.Close() }()
	if at, ok := l.Addr().(*net.TCPAddr); ok {
		return at.Port
	}

	return 54329
}

func (c *cluster) start() error {
	data := filepath.Join(c.dir, "data")
	options := fmt.Sprintf("-p %d -k %s -c listen_addresses=127.0.0.1 -c fsync=off -c lc_messages=C", c.port, c.dir)
	for _, args := range [][]string{
		{"initdb", "-D", data, "-U", "firmflow", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
		{"pg_ctl", "-D", data, "-o", options, "-l", filepath.Join(c.dir, "log"), "-w", "start"},
	} {
		if err := c.host.Run(context.Background(), command.Cmd{Args: args}); err != nil {
			return err
		}
	}

	return nil
}

func (c *cluster) stop() {
	_ = c.host.Run(context.Background(), command.Cmd{Args: []string{"pg_ctl", "-D", filepath.Join(c.dir, "data"), "-m", "immediate", "stop"}})
	_ = os.RemoveAll(c.dir)
}

// postgres gives the server, or skips the test where there is none; where
// FIRMFLOW_RECOVERY_TEST_REQUIRE wants it, that is a failure.
func postgres(t testing.TB) (*cluster, Server) {
	t.Helper()
	used = true
	c, err := started()
	if errors.Is(err, errNoPostgres) && !strings.Contains(os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE"), "postgres") {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}

	return c, Server{Run: c.run, User: "firmflow"}
}

// database makes an empty database for a test, and takes it away after it.
func (c *cluster) database(t testing.TB, name string) string {
	t.Helper()
	c.sql(t, "postgres", "drop database if exists "+identifier(name)+" with (force)")
	c.sql(t, "postgres", "create database "+identifier(name)+" template template0")
	c.dropAfter(t, name)

	return name
}

func (c *cluster) dropAfter(t testing.TB, names ...string) {
	t.Helper()
	t.Cleanup(func() {
		for _, name := range names {
			s := Server{Run: c.run, User: "firmflow"}
			if err := s.exec(context.Background(), "clean up", "postgres", "drop database if exists "+identifier(name)+" with (force)"); err != nil {
				t.Error(err)
			}
		}
	})
}

// sql runs SQL and gives its answers.
func (c *cluster) sql(t testing.TB, db, sql string) [][]string {
	t.Helper()
	rows, err := Server{Run: c.run, User: "firmflow"}.query(t.Context(), "prepare the test", db, sql)
	if err != nil {
		t.Fatal(err)
	}

	return rows
}

// dump dumps a database into a file of the test's own.
func (c *cluster) dump(t testing.TB, db string, options ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.dump")
	if err := os.WriteFile(path, c.dumped(t, db, options...), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func (c *cluster) dumped(t testing.TB, db string, options ...string) []byte {
	t.Helper()
	var out bytes.Buffer
	args := append([]string{"pg_dump", "--username=firmflow", "--format=custom"}, options...)
	if err := c.run.Run(t.Context(), command.Cmd{Args: append(args, db), Stdout: &out}); err != nil {
		t.Fatal(err)
	}

	return out.Bytes()
}

// sampleName is the database most tests dump. Nothing changes it.
const sampleName = "firmflow"

var sampled []byte

// sample gives the dump of a database with everything in it that FirmFlow's may
// have, and more.
func sample(t testing.TB, options ...string) (*cluster, Server, []byte) {
	t.Helper()
	c, s := postgres(t)
	if sampled == nil {
		c.sql(t, "postgres", "create database "+sampleName+" template template0")
		c.sql(t, sampleName, schema)
		sampled = c.dumped(t, sampleName)
	}
	if len(options) > 0 {
		return c, s, c.dumped(t, sampleName, options...)
	}

	return c, s, bytes.Clone(sampled)
}

// written puts a dump's bytes into a file of the test's own.
func written(t testing.TB, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db.dump")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}
