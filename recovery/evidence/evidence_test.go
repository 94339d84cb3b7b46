package evidence_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/evidence"
	"firmflow-recovery/recovery/sample"
	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/vault"
)

// installation is a FirmFlow-like database and vault, on a real PostgreSQL.
type installation struct {
	t      *testing.T
	config sample.Config
	client command.Local
}

// seeded starts a server of the test's own and fills it through the app's code.
func seeded(t *testing.T) installation {
	t.Helper()

	return seededWith(t, "")
}

// seededWith does so with a FIELD_ENCRYPTION_KEY, too.
func seededWith(t *testing.T, field string) installation {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		if strings.Contains(os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE"), "postgres") {
			t.Fatal("PostgreSQL is required here, and is not there")
		}
		t.Skip("PostgreSQL is not there")
	}
	dir, err := os.MkdirTemp("", "ffevidence")
	if err != nil {
		t.Fatal(err)
	}
	path := "PATH=" + filepath.Dir(found[len(found)-1]) + ":/usr/bin:/bin"
	host := command.Local{Env: []string{path, "LC_ALL=C"}, Dir: dir, Credential: account(t, dir)}
	data := filepath.Join(dir, "data")
	t.Cleanup(func() {
		_ = host.Run(context.WithoutCancel(t.Context()), command.Cmd{Args: []string{"pg_ctl", "-D", data, "-m", "immediate", "stop"}})
		_ = os.RemoveAll(dir)
	})
	for _, args := range [][]string{
		{"initdb", "-D", data, "-U", "firmflow", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"},
		{"pg_ctl", "-D", data, "-o", "-k " + dir + " -c listen_addresses= -c fsync=off", "-l", filepath.Join(dir, "log"), "-w", "start"},
	} {
		if err := host.Run(t.Context(), command.Cmd{Args: args}); err != nil {
			t.Fatal(err)
		}
	}
	i := installation{t: t, client: command.Local{Env: []string{path, "PGHOST=" + dir}}, config: sample.Config{
		DatabaseURL: "postgresql://firmflow@/postgres?host=" + url.QueryEscape(dir), AuthSecret: "a-secret-of-0123456789abcdef01234567",
		LicenseKey: sample.NewLicense("test"), FieldKey: field, Uploads: filepath.Join(t.TempDir(), "uploads"), Listen: "127.0.0.1:0",
	}}
	if _, err := sample.Seed(t.Context(), i.config, sample.Volume{Documents: 60, AuditRows: 300, DocumentBytes: 4096}); err != nil {
		t.Fatal(err)
	}

	return i
}

// account is whom the server runs as, since PostgreSQL refuses to be root.
func account(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	if os.Getuid() != 0 {
		return nil
	}
	who, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	if err := errors.Join(os.Chown(dir, uid, gid), os.Chmod(dir, 0o711)); err != nil {
		t.Fatal(err)
	}

	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// Rows is the way that the product asks, too.
func (i installation) Rows(ctx context.Context, sql string, row func([]string) error) error {
	talk := dump.Server{Run: i.client, User: "firmflow"}.Talk("postgres")
	defer talk.Close()

	return talk.Rows(ctx, sql, row)
}

func (i installation) files(ctx context.Context, show func(string, int64) error) error {
	return vault.Files(ctx, i.config.Uploads, show)
}

// change changes the data behind the app's back.
func (i installation) change(sql string) {
	i.t.Helper()
	err := i.client.Run(i.t.Context(), command.Cmd{
		Args: []string{"psql", "-X", "-q", "-U", "firmflow", "-d", "postgres", "-v", "ON_ERROR_STOP=1"}, Stdin: strings.NewReader(sql),
	})
	if err != nil {
		i.t.Fatal(err)
	}
}

func (i installation) chain() evidence.Chain {
	i.t.Helper()
	c, err := evidence.AuditChain(i.t.Context(), i, "")
	if err != nil {
		i.t.Fatal(err)
	}

	return c
}

func (i installation) compare(report io.Writer) evidence.References {
	i.t.Helper()
	r, err := evidence.Compare(i.t.Context(), i, i.files, evidence.Named{}, report)
	if err != nil {
		i.t.Fatal(err)
	}

	return r
}

// TestG2TheAuditChainIsFollowed: found by what it holds, computed again, and
// broken by every kind of change that can be seen in the rows.
func TestG2TheAuditChainIsFollowed(t *testing.T) {
	i := seeded(t)
	_, head, err := sample.VerifyChain(t.Context(), i.config)
	if err != nil {
		t.Fatal(err)
	}
	whole := i.chain()
	if !whole.Intact() || whole.Length != 300 || whole.Starts != 1 || len(whole.Heads) != 1 || whole.Heads[0] != head {
		t.Errorf("the whole chain: %+v, want 300 rows to %s", whole, head)
	}
	if whole.Table != `public."AuditLog"` || whole.Previous != `"prevHash"` || whole.Hash != "hash" || whole.Combined == "" || whole.Content != "payload" {
		t.Errorf("recognised as %+v", whole)
	}
	for _, c := range []struct {
		name, change string
		cut          bool
		wrong        func(evidence.Chain) bool
	}{
		{"a payload was edited", `update "AuditLog" set payload = payload || ' ' where id = 100`, false, func(c evidence.Chain) bool { return c.Altered == 1 }},
		{"a hash was edited", `update "AuditLog" set hash = repeat('a', 64) where id = 100`, false, func(c evidence.Chain) bool { return c.Missing == 1 && c.FirstBad == "101" }},
		{"a row was deleted", `delete from "AuditLog" where id = 100`, false, func(c evidence.Chain) bool { return c.Missing == 1 && len(c.Heads) == 2 }},
		{"the beginning was cut off", `delete from "AuditLog" where id <= 10`, true, func(c evidence.Chain) bool { return c.Starts == 0 && c.Length == 290 }},
		{"rows were doubled", `alter table "AuditLog" drop constraint "AuditLog_pkey"; drop index "AuditLog_hash_key"; drop index "AuditLog_prevHash_key";
			insert into "AuditLog" select * from "AuditLog" where id <= 10`, false, func(c evidence.Chain) bool { return c.Twice == 10 }},
	} {
		t.Run(c.name, func(t *testing.T) {
			i.change(`create table kept as select to_jsonb(a) as row from "AuditLog" a`)
			i.change(c.change)
			if got := i.chain(); got.Intact() || got.Cut() != c.cut || !c.wrong(got) {
				t.Errorf("got %+v", got)
			}
			i.change(`truncate "AuditLog"; insert into "AuditLog" select (jsonb_populate_record(null::"AuditLog", row)).* from kept; drop table kept`)
		})
	}
}

// explained has the plans of the statements that match rows with each other looked at.
type explained struct {
	installation
	plans *[]string
}

func (e explained) Rows(ctx context.Context, sql string, row func([]string) error) error {
	if strings.Contains(sql, "not exists") && strings.Contains(sql, `"Trail"`) {
		var plan strings.Builder
		err := e.client.Run(ctx, command.Cmd{Args: []string{"psql", "-X", "-q", "-U", "firmflow", "-d", "postgres", "-v", "ON_ERROR_STOP=1"}, Stdin: strings.NewReader("explain " + sql), Stdout: &plan})
		if err != nil {
			return err
		}
		*e.plans = append(*e.plans, plan.String())
	}

	return e.installation.Rows(ctx, sql, row)
}

// TestG2ALongChainIsFollowedInOneWayThroughIt: a loop over the table for each of its
// rows took a minute for 12,000 entries. Fixed columns are compared as texts, of
// which the planner knows nothing.
func TestG2ALongChainIsFollowedInOneWayThroughIt(t *testing.T) {
	i := seeded(t)
	i.change(`create table "Trail" (id bigserial primary key, payload text not null, "prevHash" char(64) not null, hash char(64) not null);
do $do$ declare h text := repeat('0', 64); n text; begin
	for i in 1..5000 loop
		n := encode(sha256(convert_to(h || i, 'UTF8')), 'hex');
		insert into "Trail" (payload, "prevHash", hash) values (i, h, n);
		h := n;
	end loop;
end $do$;
create unique index on "Trail" (hash); create unique index on "Trail" ("prevHash"); analyze "Trail"`)
	var plans []string
	c, err := evidence.AuditChain(t.Context(), explained{i, &plans}, "Trail")
	if err != nil || !c.Intact() || c.Length != 5000 || len(c.Heads) != 1 {
		t.Errorf("%+v, %v", c, err)
	}
	if len(plans) != 4 { // both ways, forth and back
		t.Errorf("%d plans were looked at, want 4", len(plans))
	}
	for _, plan := range plans {
		if strings.Contains(plan, "Nested Loop") || !strings.Contains(plan, "Hash Anti Join") {
			t.Error(plan)
		}
	}
}

func TestADatabaseWithoutAChainIsNotTakenForOne(t *testing.T) {
	i := seeded(t)
	i.change(`drop table "AuditLog"`)
	if c, err := evidence.AuditChain(t.Context(), i, ""); !errors.Is(err, evidence.ErrUnrecognised) {
		t.Errorf("got %+v, %v, want %v", c, err, evidence.ErrUnrecognised)
	}
	if c, err := evidence.AuditChain(t.Context(), i, "Document"); !errors.Is(err, evidence.ErrUnrecognised) {
		t.Errorf("named: got %+v, %v, want %v", c, err, evidence.ErrUnrecognised)
	}
}

// TestC22VaultAndDatabaseAreCompared: missing, cut short and orphaned, each in
// the report by name.
func TestC22VaultAndDatabaseAreCompared(t *testing.T) {
	i := seeded(t)
	if r := i.compare(io.Discard); r.Column != `"storageKey"` || r.Referenced != 60 || r.Files != 60 || r.Missing+r.Orphans+r.WrongSize != 0 || r.SizeColumn != `"sizeBytes"` || r.Overhead != 28 || len(r.Sample) < 20 {
		t.Errorf("untouched: %+v", r)
	}
	var paths []string
	_ = i.files(t.Context(), func(path string, _ int64) error {
		paths = append(paths, path)
		return nil
	})
	if err := errors.Join(os.Remove(filepath.Join(i.config.Uploads, paths[3])), os.Truncate(filepath.Join(i.config.Uploads, paths[5]), 10),
		os.WriteFile(filepath.Join(i.config.Uploads, "orphan.bin"), []byte("x"), 0o600)); err != nil {
		t.Fatal(err)
	}
	var report strings.Builder
	if r := i.compare(&report); r.Missing != 1 || r.WrongSize != 1 || r.Orphans != 1 || r.Files != 60 {
		t.Errorf("damaged: %+v", r)
	}
	for _, want := range []string{"missing," + paths[3] + ",,", "size," + paths[5] + ",10,", "orphan,orphan.bin,1,"} {
		if !strings.Contains(report.String(), want) {
			t.Errorf("%q is missing in\n%s", want, report.String())
		}
	}
}

func TestAPrefixThatTheAppPutsBeforeAPathIsRecognised(t *testing.T) {
	i := seeded(t)
	i.change(`update "Document" set "storageKey" = '/app/uploads/' || "storageKey"`)
	if r := i.compare(io.Discard); r.Prefix != "/app/uploads/" || r.Missing != 0 || r.Orphans != 0 || r.Referenced != 60 {
		t.Errorf("got %+v", r)
	}
}

func TestAVaultThatNothingNamesIsNotProven(t *testing.T) {
	i := seeded(t)
	i.config.Uploads = t.TempDir()
	if err := os.WriteFile(filepath.Join(i.config.Uploads, "another"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := evidence.Compare(t.Context(), i, i.files, evidence.Named{}, io.Discard); !errors.Is(err, evidence.ErrUnrecognised) {
		t.Errorf("got %+v, %v, want %v", r, err, evidence.ErrUnrecognised)
	}
}

// TestD12TheSecretIsProvenByWhatItOpens: with the app's secret all documents
// open, with one that differs in a character none does.
func TestD12TheSecretIsProvenByWhatItOpens(t *testing.T) {
	i := seeded(t)
	r := i.compare(io.Discard)
	root := os.DirFS(i.config.Uploads)
	d, err := evidence.Decrypt(t.Context(), root, r.Sample, map[string]secret.String{"AUTH_SECRET": secret.New(i.config.AuthSecret)})
	if err != nil || d.Opened != len(r.Sample) || d.Tried != d.Opened || !strings.Contains(d.Key, "AUTH_SECRET") {
		t.Errorf("got %+v, %v", d, err)
	}
	wrong := map[string]secret.String{"AUTH_SECRET": secret.New(i.config.AuthSecret + "x"), "FIELD_ENCRYPTION_KEY": secret.New("another")}
	if d, err := evidence.Decrypt(t.Context(), root, r.Sample, wrong); !errors.Is(err, evidence.ErrUnrecognised) {
		t.Errorf("a wrong secret: got %+v, %v", d, err)
	}
	flipped := filepath.Join(i.config.Uploads, r.Sample[4])
	sealed, err := os.ReadFile(flipped)
	if err != nil {
		t.Fatal(err)
	}
	sealed[len(sealed)/2] ^= 1
	if err := os.WriteFile(flipped, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	d, err = evidence.Decrypt(t.Context(), root, r.Sample, map[string]secret.String{"AUTH_SECRET": secret.New(i.config.AuthSecret)})
	if err != nil || d.Opened != len(r.Sample)-1 || fmt.Sprint(d.Failed) != fmt.Sprint([]string{r.Sample[4]}) {
		t.Errorf("one flipped bit: got %+v, %v", d, err)
	}
}
