package steps

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/dump"
)

// outside compares what a dump leaves out with what the manifest has noted of it:
// roles, what they may and are members of, and settings of roles and database.
// Nothing of it is made here: a role without its password would be a guess, and
// the server may be shared. What is missing is named, with the statements for it.
func (d *database) outside(ctx context.Context, name string) ([]recovery.Finding, error) {
	m, known := d.manifest()
	if !known || len(m.Database.Roles) == 0 {
		return nil, nil
	}
	here, err := d.server().Outside(ctx, name)
	if err != nil {
		return nil, err
	}
	missing := append(rolesAside(m.Database.Roles, here.Roles), settingsAside(d.Database, m.Database.Settings, here.Settings)...)
	if len(missing) > 0 {
		return []recovery.Finding{recovery.Problem("database", recovery.Warned, outsideDiffers(d.Stack, missing))}, nil
	}
	text := recovery.Counted(int64(len(m.Database.Roles)), "role") + " and " + recovery.Counted(int64(len(m.Database.Settings)), "setting") + " that a dump leaves out are as in the manifest"

	return []recovery.Finding{recovery.OK("database", text)}, nil
}

// aside is something that a dump has left out and this server does not have, and
// the statement that makes it; empty where that is not for us to write.
type aside struct{ what, sql string }

// A manifest may have been changed: what becomes part of a statement without
// quotes is of these forms. A setting that is a list is none of them.
var (
	attribute = regexp.MustCompile(`^[A-Z]+$`)
	settable  = regexp.MustCompile(`^[A-Za-z_]+$`)
)

var lists = []string{"search_path", "temp_tablespaces", "local_preload_libraries", "session_preload_libraries", "DateStyle"}

func rolesAside(was []backup.RoleRecord, here []dump.Role) []aside {
	var missing []aside
	for _, role := range was {
		i := slices.IndexFunc(here, func(r dump.Role) bool { return r.Name == role.Name })
		quoted := dump.Identifier(role.Name)
		if i < 0 {
			sql := "create role " + quoted
			for _, may := range slices.DeleteFunc(slices.Clone(role.Attributes), func(a string) bool { return !attribute.MatchString(a) }) {
				sql += " " + may
			}
			for _, group := range role.MemberOf {
				sql += "; grant " + dump.Identifier(group) + " to " + quoted
			}
			missing = append(missing, aside{"role " + role.Name + " is missing", sql})
			continue
		}
		for _, may := range role.Attributes {
			if !slices.Contains(here[i].Attributes, may) && attribute.MatchString(may) {
				missing = append(missing, aside{"role " + role.Name + " is not " + may, "alter role " + quoted + " " + may})
			}
		}
		for _, group := range role.MemberOf {
			if !slices.Contains(here[i].MemberOf, group) {
				missing = append(missing, aside{"role " + role.Name + " is no member of " + group, "grant " + dump.Identifier(group) + " to " + quoted})
			}
		}
	}

	return missing
}

// settingsAside compares settings; of those whose value was not recorded, the
// name alone.
func settingsAside(database string, was []backup.SettingRecord, here []dump.Setting) []aside {
	var missing []aside
	for _, s := range was {
		name, value, _ := strings.Cut(s.Setting, "=")
		there := slices.ContainsFunc(here, func(h dump.Setting) bool {
			return (h.Database == "") == (s.Database == "") && h.Role == s.Role && (h.Text == s.Setting || value == dump.NotRecorded && strings.HasPrefix(h.Text, name+"="))
		})
		if there {
			continue
		}
		of, sql := "everywhere", "alter system"
		switch {
		case s.Role != "" && s.Database != "":
			of, sql = "of role "+s.Role+" in the database", "alter role "+dump.Identifier(s.Role)+" in database "+dump.Identifier(database)
		case s.Role != "":
			of, sql = "of role "+s.Role, "alter role "+dump.Identifier(s.Role)
		case s.Database != "":
			of, sql = "of the database", "alter database "+dump.Identifier(database)
		}
		sql += " set " + name + " to '" + strings.ReplaceAll(value, "'", "''") + "'"
		if !settable.MatchString(name) || slices.Contains(lists, name) || value == dump.NotRecorded {
			sql = ""
		}
		missing = append(missing, aside{"setting " + s.Setting + " " + of + " is not the same", sql})
	}

	return missing
}

func outsideDiffers(s *Stack, missing []aside) recovery.Diagnosis {
	d := recovery.Diagnosis{
		Code: CodeDatabaseOutside, Summary: "Roles or settings of the server that was backed up are not here: " + recovery.Counted(int64(len(missing)), "difference"),
		Intact: "The data are not touched by it. Nothing of it is made here: no backup has the passwords, and the server may serve others.",
	}
	var seen []string
	for _, one := range missing {
		seen = append(seen, one.what)
	}
	d.Seen = strings.Join(seen, "\n  ")
	const most = 5
	for i, one := range missing {
		if i == most {
			d.Remedies = append(d.Remedies, do(fmt.Sprintf("And %d more, as under roles and settings in the manifest", len(missing)-most), "")...)
			break
		}
		if one.sql == "" {
			d.Remedies = append(d.Remedies, do("Set by hand, if the app needs it: "+one.what, "")...)
			continue
		}
		what := "If the app needs it"
		if strings.HasPrefix(one.sql, "create role") {
			what = "If the app needs it; it gets its password from you, with \\password"
		}
		d.Remedies = append(d.Remedies, do(what, s.Runtime.TypedIn(s.DBService, "psql", "-U", s.User, "-d", "postgres", "-c", one.sql))...)
	}

	return d
}
