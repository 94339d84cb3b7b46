package dump

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestADumpAndTheQuestionsBesideItAreOfOneMoment(t *testing.T) {
	c, server := postgres(t)
	db := c.database(t, "take one moment")
	c.sql(t, db, `create table "AuditLog" (id int primary key); insert into "AuditLog" select generate_series(1, 500)`)

	n, err := server.Snapshot(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	c.sql(t, db, `insert into "AuditLog" select generate_series(501, 900); delete from "AuditLog" where id = 3`)
	var dumped bytes.Buffer
	if err := n.Take(t.Context(), &dumped, nil); err != nil {
		t.Fatal(err)
	}
	var counted []string
	talk := n.Talk()
	defer talk.Close()
	if err := talk.Rows(t.Context(), `select count(*), min(id) filter (where id > 2) from "AuditLog"`, func(columns []string) error {
		counted = slices.Clone(columns)

		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
	if want := []string{"500", "3"}; !slices.Equal(counted, want) {
		t.Errorf("asked: %v, want %v", counted, want)
	}
	path := filepath.Join(t.TempDir(), "db.dump")
	if err := os.WriteFile(path, dumped.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	reading, err := Read(t.Context(), c.run, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := reading.Rows[Table{"public", "AuditLog"}]; got != 500 {
		t.Errorf("dumped: %d rows, want 500", got)
	}
}

func TestASnapshotThatCannotBeTakenSaysWhy(t *testing.T) {
	_, server := postgres(t)
	if _, err := server.Snapshot(t.Context(), "no such database"); !errors.Is(err, ErrNoDatabase) {
		t.Errorf("got %v, want ErrNoDatabase", err)
	}
}

func TestB25WhatADumpLeavesOutIsTold(t *testing.T) {
	c, server := postgres(t)
	db := c.database(t, "take outside")
	c.sql(t, db, `alter database "take outside" set timezone = 'Europe/Berlin'; alter database "take outside" set app.key = 'hidden'`)
	c.sql(t, db, `create role "take reader" nologin; create role "take clerk" login createdb in role "take reader"`)
	t.Cleanup(func() {
		if err := server.exec(context.WithoutCancel(t.Context()), "clean up", "postgres", `drop role "take clerk"; drop role "take reader"`); err != nil {
			t.Error(err)
		}
	})

	got, err := server.Outside(t.Context(), db)
	if err != nil {
		t.Fatal(err)
	}
	want := []Setting{{db, "", "TimeZone=Europe/Berlin"}, {db, "", "app.key=(not recorded)"}}
	for _, setting := range want {
		if !slices.Contains(got.Settings, setting) {
			t.Errorf("settings: %q, want %q among them", got.Settings, setting)
		}
	}
	at := slices.IndexFunc(got.Roles, func(r Role) bool { return r.Name == "take clerk" })
	if at < 0 || !slices.Equal(got.Roles[at].Attributes, []string{"CREATEDB", "LOGIN"}) || !slices.Equal(got.Roles[at].MemberOf, []string{"take reader"}) {
		t.Errorf("roles: %+v", got.Roles)
	}
	if got.Encoding != "UTF8" || got.Collate == "" {
		t.Errorf("encoding %q, collation %q", got.Encoding, got.Collate)
	}
}
