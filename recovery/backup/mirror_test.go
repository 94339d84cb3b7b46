package backup

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

func TestMirrorTellsTheNewestThatItSaw(t *testing.T) {
	old, renewed := night("2026-11-20"), night("2026-11-22")
	for _, c := range []struct {
		name  string
		build func(p place)
	}{
		{"a document", func(p place) { p.file("vault_sync/b/2", 1, renewed).directory("vault_sync/b", old) }},
		{"a firm", func(p place) { p.directory("vault_sync/b", renewed) }},
		{"the mirror itself", func(p place) { p.directory("vault_sync", renewed) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPlace(t).file("vault_sync/a/1", 1, old).directory("vault_sync/a", old)
			c.build(p)
			if c.name != "the mirror itself" {
				p.directory("vault_sync", old)
			}
			m := p.open().Mirror
			if m == nil || m.Empty || m.Sampled || !m.Newest.Equal(renewed) {
				t.Errorf("mirror = %+v, want %v as the newest of all", m, renewed)
			}
		})
	}
}

func TestC12AnEmptyMirrorIsTold(t *testing.T) {
	if m := newPlace(t).directory("vault_sync", night("2026-11-22")).open().Mirror; m == nil || !m.Empty {
		t.Errorf("mirror = %+v, want an empty one", m)
	}
}

func TestC13WhatAnInterruptedRsyncLeftIsTold(t *testing.T) {
	at := night("2026-11-22")
	d := newPlace(t).
		file("vault_sync/firm/1700000000-abc.pdf", 5, at).
		file("vault_sync/firm/.huge.enc.Xa91bc", 5, at).
		file("vault_sync/firm/1700000001-def.pdf", 5, time.Unix(0, 0)).
		file("vault_sync/.top.enc.00AAzz", 5, at).
		directory("vault_sync/firm/.rsync-partial", at).
		directory("vault_sync/old", time.Unix(0, 0)).
		file("vault_sync/firm/.gitkeep", 0, at).
		file("vault_sync/firm/.hidden.name", 0, at).
		open()

	want := []string{".top.enc.00AAzz", "firm/.huge.enc.Xa91bc", "firm/.rsync-partial", "firm/1700000001-def.pdf"}
	if !slices.Equal(d.Mirror.Unfinished, want) {
		t.Errorf("unfinished = %q, want %q", d.Mirror.Unfinished, want)
	}
}

func TestMirrorIsSampledFromTheFirmsThatChangedLast(t *testing.T) {
	old, renewed := night("2026-11-20"), night("2026-11-22")
	p := newPlace(t)
	for i := range sample {
		p.file(filepath.Join("vault_sync", "a-quiet-firm", fmt.Sprint(i)), 0, old)
	}
	m := p.directory("vault_sync/a-quiet-firm", old).
		file("vault_sync/busy-firm/1", 0, renewed.Add(time.Hour)).directory("vault_sync/busy-firm", renewed).
		directory("vault_sync", old).open().Mirror

	if !m.Sampled || m.Seen != sample || !m.Newest.Equal(renewed.Add(time.Hour)) {
		t.Errorf("sampled %v, seen %d, newest %v; want a sample of %d that has seen the busy firm", m.Sampled, m.Seen, m.Newest, sample)
	}
}
