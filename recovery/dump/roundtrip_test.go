package dump

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// loaded takes a dump through all that a run does with one.
func loaded(t *testing.T, c *cluster, s Server, path, into string) (Contents, Reading) {
	t.Helper()
	contents, err := List(t.Context(), c.run, path)
	if err != nil {
		t.Fatal(err)
	}
	reading, err := Read(t.Context(), c.run, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.dropAfter(t, into)
	if err := s.Create(t.Context(), into, Options{Encoding: contents.Encoding}); err != nil {
		t.Fatal(err)
	}
	if err := s.Load(t.Context(), path, into, contents, LoadOptions{}, LoadProgress{}); err != nil {
		t.Fatal(err)
	}

	return contents, reading
}

func compareWell(t *testing.T, s Server, db string, contents Contents, reading Reading) Comparison {
	t.Helper()
	found, err := s.Compare(t.Context(), db, contents, reading)
	if err != nil {
		t.Fatal(err)
	}
	if problems := found.Problems(); len(problems) > 0 {
		t.Errorf("the loaded database lacks:\n%s", strings.Join(problems, "\n"))
	}

	return found
}

func TestG1ALoadBringsBackEverything(t *testing.T) {
	for _, how := range []struct {
		name    string
		options []string
	}{
		{"compressed", nil},
		{"not compressed", []string{"--compress=0"}},
		{"with drop statements", []string{"--clean", "--if-exists"}},
	} {
		t.Run(how.name, func(t *testing.T) {
			c, s, content := sample(t, how.options...)
			path, into := written(t, content), RestoringName(sampleName, "r1")
			contents, reading := loaded(t, c, s, path, into)
			found := compareWell(t, s, into, contents, reading)

			if len(found.NoRows) > 0 || len(found.Uncounted) > 0 || found.Rows != reading.Total() || found.Tables != 9 {
				t.Errorf("compared %+v with %d rows read", found, reading.Total())
			}
			sameRows(t, s, into, reading)
			samePrints(t, s, into)
		})
	}
}

func sameRows(t *testing.T, s Server, db string, reading Reading) {
	t.Helper()
	want, err := s.Rows(t.Context(), sampleName)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Rows(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows after the load (-source +loaded):\n%s", diff)
	}
	if diff := cmp.Diff(want, reading.Rows); diff != "" {
		t.Errorf("rows in the dump (-source +read):\n%s", diff)
	}
}

func samePrints(t *testing.T, s Server, db string) {
	t.Helper()
	want, err := s.Fingerprints(t.Context(), sampleName)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Fingerprints(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("fingerprints (-source +loaded):\n%s", diff)
	}
	if _, ok := got[LargeObjects]; !ok || len(got) != 9 {
		t.Errorf("fingerprints of %d tables: %v", len(got), slices.Collect(maps.Keys(got)))
	}
}

func TestListTellsWhatADumpHolds(t *testing.T) {
	c, _, content := sample(t)
	got, err := List(t.Context(), c.run, written(t, content))
	if err != nil {
		t.Fatal(err)
	}
	odd := Table{"public", "we\"ird; Type: TABLE DATA\nname"}
	for _, want := range []Table{{"public", "User"}, {"public", "AuditLog"}, {"public", "Empty"}, {"Älter Stand", "Blätter und mehr"}, odd} {
		if !slices.Contains(got.Tables, want) {
			t.Errorf("the tables do not name %q: %q", want, got.Tables)
		}
	}
	if slices.Contains(got.TableData, Table{"public", "AuditLog"}) || !slices.Contains(got.TableData, odd) {
		t.Errorf("tables with rows: %q", got.TableData)
	}
	if got.Encoding != "UTF8" || got.LargeObjects != 3 || len(got.ForeignKeys) != 1 || got.ForeignKeys[0].Name != "Document Document_ownerId_fkey" {
		t.Errorf("encoding %q, %d large objects, foreign keys %+v", got.Encoding, got.LargeObjects, got.ForeignKeys)
	}
	if want := []string{"App Writer", "app_reader", "firmflow"}; !slices.Equal(got.Roles, want) {
		t.Errorf("roles %q, want %q", got.Roles, want)
	}
	if want := []string{"firmflow"}; !slices.Equal(got.Owners, want) {
		t.Errorf("owners %q, want %q", got.Owners, want)
	}
	if !slices.Contains(got.Indexes, Table{"public", "User_members"}) || !slices.Contains(got.Sequences, Table{"public", "Document_id_seq"}) {
		t.Errorf("indexes %q, sequences %q", got.Indexes, got.Sequences)
	}
}

func TestReadNoticesRowsThatComeByInsert(t *testing.T) {
	c, s, content := sample(t, "--inserts")
	path, into := written(t, content), RestoringName(sampleName, "inserts")
	contents, reading := loaded(t, c, s, path, into)

	if len(reading.Rows) != 0 || len(reading.Unknown) != len(contents.TableData) {
		t.Errorf("rows %v, unknown %d of %d", reading.Rows, len(reading.Unknown), len(contents.TableData))
	}
	if found := compareWell(t, s, into, contents, reading); len(found.Uncounted) != len(contents.TableData) {
		t.Errorf("uncounted: %v", found.Uncounted)
	}
}

func TestG3FingerprintsDoNotDependOnTheDatabasesSettings(t *testing.T) {
	c, s, content := sample(t)
	into := RestoringName(sampleName, "g3")
	loaded(t, c, s, written(t, content), into)
	for _, setting := range []string{"timezone = 'Asia/Kathmandu'", "datestyle = 'German'", "bytea_output = 'escape'", "extra_float_digits = -5", "intervalstyle = 'iso_8601'"} {
		c.sql(t, "postgres", "alter database "+identifier(into)+" set "+setting)
	}
	samePrints(t, s, into)
	c.sql(t, into, `update "User" set "fullName" = "fullName" || '!' where id = 77`)
	a, err := s.Fingerprints(t.Context(), sampleName)
	if err != nil {
		t.Fatal(err)
	}
	b, err := s.Fingerprints(t.Context(), into)
	if err != nil {
		t.Fatal(err)
	}
	user := Table{"public", "User"}
	if a[user] == b[user] {
		t.Error("a changed row leaves the fingerprint as it was")
	}
	delete(a, user)
	delete(b, user)
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("other tables changed too:\n%s", diff)
	}
}
