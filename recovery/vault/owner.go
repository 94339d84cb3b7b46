package vault

import "os"

// Owner tells to whom restored files belong. The zero Owner keeps the numbers
// recorded, never the names, where the process may give files away (root), and
// leaves them to the process otherwise. Names are not looked at: the host of the
// backup and the host of the recovery have different tables.
type Owner struct {
	uid, gid int
	given    bool
}

// OwnedBy gives everything to one user and group: those the app runs as.
func OwnedBy(uid, gid int) Owner { return Owner{uid: uid, gid: gid, given: true} }

func (o Owner) fixed() (uid, gid int, ok bool) { return o.uid, o.gid, o.given }

// of tells whom to give a file to, and whether to give it away at all.
func (o Owner) of(attr attributes) (uid, gid int, ok bool) {
	if o.given {
		return o.uid, o.gid, true
	}

	return attr.uid, attr.gid, os.Geteuid() == 0
}
