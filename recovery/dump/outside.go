package dump

import (
	"context"
	"fmt"
	"strings"
)

// NotRecorded stands for the value of a setting that may be a secret.
const NotRecorded = "(not recorded)"

// Outside is what a dump leaves out: what the server has beside the database.
type Outside struct {
	Encoding, Collate string
	Settings          []Setting
	Roles             []Role
}

// Setting is what ALTER DATABASE or ALTER ROLE has set. An empty database or role
// stands for all.
type Setting struct{ Database, Role, Text string }

// Role is a role, without its password.
type Role struct {
	Name       string
	Attributes []string
	MemberOf   []string
}

// Outside asks the server. The value of a setting with a dot in its name, which
// an application has made up, is left out: it may be a secret.
func (s Server) Outside(ctx context.Context, db string) (Outside, error) {
	const doing = "ask what a dump leaves out"
	row, err := s.row(ctx, doing, db, `select pg_encoding_to_char(encoding), datcollate from pg_database where datname = current_database()`)
	if err != nil {
		return Outside{}, err
	}
	if len(row) != 2 {
		return Outside{}, fmt.Errorf("%s: %d columns in the answer, not 2", doing, len(row))
	}
	o := Outside{Encoding: row[0], Collate: row[1]}
	settings, err := s.query(ctx, doing, db, `
select coalesce(d.datname, ''), coalesce(r.rolname, ''), unnest(s.setconfig)
from pg_db_role_setting s left join pg_database d on d.oid = s.setdatabase left join pg_roles r on r.oid = s.setrole
where d.datname is null or d.datname = current_database() order by 1, 2, 3`)
	if err != nil {
		return Outside{}, err
	}
	for _, row := range settings {
		if len(row) != 3 {
			return Outside{}, fmt.Errorf("%s: %d columns in the answer, not 3", doing, len(row))
		}
		o.Settings = append(o.Settings, Setting{row[0], row[1], withoutSecrets(row[2])})
	}
	roles, err := s.query(ctx, doing, db, `
select r.rolname, concat_ws(' ', case when rolsuper then 'SUPERUSER' end, case when rolcreatedb then 'CREATEDB' end,
  case when rolcreaterole then 'CREATEROLE' end, case when rolcanlogin then 'LOGIN' end, case when rolreplication then 'REPLICATION' end,
  case when rolbypassrls then 'BYPASSRLS' end, case when not rolinherit then 'NOINHERIT' end),
  coalesce((select string_agg(g.rolname, chr(10) order by g.rolname) from pg_auth_members m join pg_roles g on g.oid = m.roleid where m.member = r.oid), '')
from pg_roles r where r.rolname !~ '^pg_' order by 1`)
	if err != nil {
		return Outside{}, err
	}
	for _, row := range roles {
		if len(row) != 3 {
			return Outside{}, fmt.Errorf("%s: %d columns in the answer, not 3", doing, len(row))
		}
		role := Role{Name: row[0], Attributes: strings.Fields(row[1])}
		if row[2] != "" {
			role.MemberOf = strings.Split(row[2], "\n")
		}
		o.Roles = append(o.Roles, role)
	}

	return o, nil
}

func withoutSecrets(setting string) string {
	name, _, _ := strings.Cut(setting, "=")
	if strings.Contains(name, ".") {
		return name + "=" + NotRecorded
	}

	return setting
}
