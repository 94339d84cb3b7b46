package dump

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// B25: what ALTER DATABASE and ALTER ROLE IN DATABASE have set is in the dump,
// and pg_restore leaves it out.
func TestB25SettingsOfTheDatabaseAreSetAgain(t *testing.T) {
	c, s := postgres(t)
	from := c.database(t, "set up")
	c.sql(t, "postgres", `create role setter; alter database "set up" set timezone = 'Europe/Zurich'; alter database "set up" set search_path = "$user", public;
alter database "set up" set "app.tenant" = 'a;''b'; alter role setter in database "set up" set work_mem = '8MB'`)
	t.Cleanup(func() {
		if err := s.exec(context.Background(), "clean up", "postgres", "drop role if exists setter"); err != nil {
			t.Error(err)
		}
	})
	c.sql(t, from, "create table t (n int); insert into t values (1)")
	path := c.dump(t, from)
	contents, err := List(t.Context(), c.run, path)
	if err != nil {
		t.Fatal(err)
	}
	want := []DatabaseSetting{{"", "TimeZone", "'Europe/Zurich'"}, {"", "search_path", `"$user", public`}, {"", "app.tenant", "'a;''b'"}, {"setter", "work_mem", "'8MB'"}}
	for _, one := range want {
		if !slices.ContainsFunc(contents.Settings, func(got DatabaseSetting) bool {
			return got.Role == one.Role && strings.EqualFold(got.Name, one.Name) && strings.ReplaceAll(got.Value, "'public'", "public") != "" && (got.Value == one.Value || one.Name == "search_path")
		}) {
			t.Errorf("the dump's settings %+v lack %+v", contents.Settings, one)
		}
	}
	into := c.database(t, RestoringName("set up", "r"))
	if missing, err := s.Unset(t.Context(), into, contents.Settings); err != nil || len(missing) != len(want) {
		t.Errorf("before: %v lack, %v", missing, err)
	}
	all := append(contents.Settings, DatabaseSetting{"", "nonsense", "'x'"}, DatabaseSetting{"nobody", "work_mem", "'8MB'"}, DatabaseSetting{"", "work_mem", "'8MB'; drop table t"})
	refused, err := s.Set(t.Context(), into, all)
	if err != nil || len(refused) != 3 {
		t.Errorf("refused %v, %v; want the three that cannot be", refused, err)
	}
	if missing, err := s.Unset(t.Context(), into, contents.Settings); err != nil || len(missing) != 0 {
		t.Errorf("after: %v lack, %v", missing, err)
	}
	settings := `select coalesce(r.rolname, ''), s.setconfig::text from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole where d.datname = `
	if d := cmp.Diff(c.sql(t, "postgres", settings+literal(from)+" order by 1"), c.sql(t, "postgres", settings+literal(into)+" order by 1")); d != "" {
		t.Errorf("settings (-source +loaded):\n%s", d)
	}
}

func TestB24TheLocaleOfADumpIsKnown(t *testing.T) {
	c, s, content := sample(t)
	contents, err := List(t.Context(), c.run, written(t, content))
	if err != nil || contents.Locale != (Locale{"libc", "C.UTF-8", "C.UTF-8"}) {
		t.Errorf("locale %+v, %v", contents.Locale, err)
	}
	for l, want := range map[Locale]bool{
		contents.Locale: true, {"libc", "C.utf8", "C"}: true, {"libc", "POSIX", "C"}: true,
		{"libc", "xx_XX.UTF-8", "C"}: false, {"libc", "C", "xx_XX"}: false, {"icu", "C", "C"}: false,
	} {
		if got, err := s.HasLocale(t.Context(), l); err != nil || got != want {
			t.Errorf("%+v is here: %v, %v; want %v", l, got, err, want)
		}
	}
	for definition, want := range map[string]Locale{
		"CREATE DATABASE x WITH TEMPLATE = template0 ENCODING = 'UTF8' LC_COLLATE = 'de_CH.UTF-8' LC_CTYPE = 'C';":                      {"libc", "de_CH.UTF-8", "C"},
		"CREATE DATABASE x WITH TEMPLATE = template0 ENCODING = 'UTF8' LOCALE_PROVIDER = icu LOCALE = 'en_US.UTF-8' ICU_LOCALE = 'de';": {"icu", "en_US.UTF-8", "en_US.UTF-8"},
	} {
		if got := localeIn(definition); got != want {
			t.Errorf("%s: %+v, want %+v", definition, got, want)
		}
	}
}

// A tablespace that is not there stops pg_restore at the first table in it.
func TestATablespaceThatIsMissingIsKnownAndLeftOut(t *testing.T) {
	c, s := postgres(t)
	from := c.database(t, "spaced")
	c.sql(t, "postgres", "set allow_in_place_tablespaces = on; create tablespace fast location ''")
	c.sql(t, from, "create table t (n int) tablespace fast; insert into t values (1)")
	path := c.dump(t, from)
	script := c.dump(t, from, "--format=plain")
	c.sql(t, from, "drop table t")
	c.sql(t, "postgres", "drop tablespace fast")
	contents, reading, err := Examine(t.Context(), c.run, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if missing, err := s.Spaceless(t.Context(), contents); err != nil || !slices.Equal(missing, []string{"fast"}) {
		t.Errorf("missing %q, %v", missing, err)
	}
	if scanned, _, err := Scan(t.Context(), script, nil); err != nil || !slices.Equal(scanned.Tablespaces, []string{"fast"}) {
		t.Errorf("the script names %q, %v", scanned.Tablespaces, err)
	}
	into := c.database(t, RestoringName("spaced", "with"))
	if err := s.Load(t.Context(), path, into, contents, LoadOptions{}, LoadProgress{}); err == nil {
		t.Error("loaded into a tablespace that is not there")
	}
	into = c.database(t, RestoringName("spaced", "without"))
	if err := s.Load(t.Context(), path, into, contents, LoadOptions{NoTablespace: true}, LoadProgress{}); err != nil {
		t.Error(err)
	}
	compareWell(t, s, into, contents, reading)
}

func TestB26LargeObjectsThatAreMissingAreNoticed(t *testing.T) {
	c, s, content := sample(t)
	into := RestoringName(sampleName, "b26")
	contents, reading := loaded(t, c, s, written(t, content), into)
	c.sql(t, into, "select lo_unlink(min(oid)) from pg_largeobject_metadata")
	found, err := s.Compare(t.Context(), into, contents, reading)
	if err != nil || found.Objects != (Count{3, 2}) || !slices.Contains(found.Problems(), "2 large objects are there, the dump has 3") {
		t.Errorf("compared %+v, %v: %v", found.Objects, err, found.Problems())
	}
}

func TestB12B13WhatAScriptNeedsIsKnownBeforeItIsLoaded(t *testing.T) {
	c, s := postgres(t)
	from := c.database(t, "needy")
	c.sql(t, from, `create role "App Owner"; create role reads; create extension if not exists plpgsql; create table t (n int); alter table t owner to "App Owner"; grant select on t to reads`)
	path := c.dump(t, from, "--format=plain")
	c.sql(t, from, `drop owned by "App Owner", reads; drop role "App Owner"; drop role reads`)
	contents, _, err := Scan(t.Context(), path, nil)
	if err != nil {
		t.Fatal(err)
	}
	contents.Extensions = append(contents.Extensions, "nowhere")
	roles, extensions, err := s.Missing(t.Context(), contents)
	if err != nil || !slices.Equal(roles, []string{"App Owner", "reads"}) || !slices.Equal(extensions, []string{"nowhere"}) {
		t.Errorf("missing roles %q, extensions %q, %v", roles, extensions, err)
	}
	into := c.database(t, RestoringName("needy", "r"))
	if err := s.Load(t.Context(), path, into, contents, LoadOptions{}, LoadProgress{}); !errors.Is(err, ErrRoleMissing) {
		t.Errorf("loaded all the same: %v, want ErrRoleMissing", err)
	}
}

// A schema can be dumped that cannot be loaded: a function that names a table
// without its schema, in a check. Only a rehearsal finds that before it matters.
func TestB34ARehearsalFindsASchemaThatDoesNotLoad(t *testing.T) {
	c, s := postgres(t)
	from := c.database(t, "unloadable")
	c.sql(t, from, `create table rates (r int); insert into rates values (1);
create function known(n int) returns bool language sql as 'select exists (select 1 from rates)';
create table t (n int check (known(n))); insert into t values (1)`)
	path := c.dump(t, from)
	contents, reading, err := Examine(t.Context(), c.run, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.dropAfter(t, RestoringName("unloadable", "rehearsal"))
	_, err = s.Rehearse(t.Context(), path, "unloadable", contents, reading, nil)
	var tool *ToolError
	if !errors.As(err, &tool) || !strings.Contains(tool.Text, `relation "rates" does not exist`) {
		t.Errorf("rehearsed: %v, want what is missing", err)
	}
}

func TestBPowerARehearsalLoadsAndCounts(t *testing.T) {
	c, s, content := sample(t)
	path := written(t, content)
	contents, reading, err := Examine(t.Context(), c.run, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	contents.Roles = append(contents.Roles, "only rehearsed") // made where it is missing
	c.dropAfter(t, RestoringName(sampleName, "rehearsal"))
	var moved int64
	found, err := s.Rehearse(t.Context(), path, sampleName, contents, reading, func(n int64) { moved += n })
	if err != nil || len(found.Problems()) > 0 || found.Rows != reading.Total() || moved != int64(len(content)) {
		t.Errorf("rehearsed: %v, %q, %d rows of %d, %d bytes of %d", err, found.Problems(), found.Rows, reading.Total(), moved, len(content))
	}
	c.sql(t, "postgres", `drop role "only rehearsed"`)
	contents.Extensions = append(contents.Extensions, "nowhere")
	if _, err := s.Rehearse(t.Context(), path, sampleName, contents, reading, nil); !errors.Is(err, ErrExtensionMissing) {
		t.Errorf("without an extension: %v, want ErrExtensionMissing", err)
	}
}
