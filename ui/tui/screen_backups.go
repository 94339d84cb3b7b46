package tui

import (
	"strings"

	"firmflow-recovery/recovery"
)

// backupsPage lists the backups with what the one under the cursor holds.
func (m model) backupsPage() page {
	q := m.ask.question
	p := page{title: "Choose a backup", keys: []string{m.glyphs().updown + " choose", "enter use this"}}
	for _, letter := range q.Letters {
		p.keys = append(p.keys, m.show(letter.Key+" "+letter.Label))
	}
	p.keys = append(p.keys, "? help", "esc back")
	l := q.Page.Listing
	if l == nil {
		p.foot = m.question("")
		return p
	}
	count := ": " + recovery.Counted(int64(len(l.Backups)), "backup")
	p.head = append(p.head, "  "+m.cut(m.show(l.Directory), m.width-4-len(count))+count, "", m.look.dim.Render("    "+backupRow("BACKUP", "AGE", "VAULT", "DATABASE", ".ENV", "CHECKED")))
	for i, option := range q.Options {
		head := "    "
		if i == m.ask.cursor {
			head = "  > "
		}
		row := m.show(option.Label)
		if i < len(l.Backups) {
			row = m.backupLine(l.Backups[i], option)
		}
		if i == m.ask.cursor {
			row = m.look.accent.Render(row)
		}
		p.body = append(p.body, head+row)
	}
	p.at = m.ask.cursor
	if m.ask.cursor < min(len(l.Backups), len(q.Options)) {
		p.foot = m.backupBox(l.Backups[m.ask.cursor], q.Options[m.ask.cursor])
	}
	for _, name := range l.Unusable {
		p.body = append(p.body, m.look.dim.Render("    not used: "+m.show(name)))
	}

	return p
}

func backupRow(name, age, vault, dump, env, checked string) string {
	return fill(name, 18) + fill(age, 12) + fill(vault, 11) + fill(dump, 11) + fill(env, 6) + checked
}

func (m model) backupLine(b recovery.ListedBackup, o recovery.Option) string {
	vault := sized(b.VaultBytes)
	if b.VaultBytes == 0 && b.Mirror {
		vault = "vault_sync"
	}
	env := "no"
	if b.Env {
		env = "yes"
	}
	g, checked := m.glyphs(), ""
	switch {
	case o.Why != "":
		checked = g.failed + " incomplete"
	case b.Checked == recovery.Failed:
		checked = g.failed + " broken"
	case b.Checked == recovery.Unproven:
		checked = g.warned + " not proven"
	case b.Checked != "":
		checked = g.done + " verified"
	case len(b.Remarks) > 0:
		checked = g.warned + " see below"
	}

	return backupRow(m.show(b.Name), recovery.Span(b.Age), vault, sized(b.DumpBytes), env, checked)
}

// backupBox is all that is known of one backup without opening its files.
func (m model) backupBox(b recovery.ListedBackup, o recovery.Option) []string {
	vault := "vault archive of " + sized(b.VaultBytes)
	switch {
	case b.VaultBytes == 0 && b.Mirror:
		vault = "no archive of that date; vault_sync can stand in for it"
	case b.VaultBytes == 0:
		vault = "missing"
	}
	env := "none beside it; the original .env is asked for, unless named"
	if b.Env {
		env = "a copy of .env lies beside it"
	}
	dump := "dump of " + sized(b.DumpBytes)
	if b.DumpBytes == 0 {
		dump = "missing"
	}
	width := m.width - 4
	lines := append(m.field("database", dump, 0, width-4), m.field("vault", vault, 0, width-4)...)
	lines = append(append(lines, m.field("secrets", env, 0, width-4)...),
		m.field("you lose", "everything written after "+b.Taken.UTC().Format("2006-01-02 15:04Z")+" ("+recovery.Span(b.Age)+")", 0, width-4)...)
	remarks := b.Remarks
	if o.Why != "" {
		remarks = append([]string{"cannot be used: " + o.Why}, remarks...)
	}
	lines = append(lines, m.field("note", strings.Join(remarks, "; "), 0, width-4)...)

	return append([]string{""}, indented(m.box(b.Name, lines, width), 2)...)
}
