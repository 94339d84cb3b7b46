package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is who PostgreSQL runs as. Its zero value is whoever we are.
type account struct {
	name       string
	credential *syscall.Credential
}

// unprivileged is us, or where we are root somebody who is not.
func unprivileged() (account, error) {
	if os.Geteuid() != 0 {
		return account{}, nil
	}
	var found *user.User
	var err error
	for _, name := range []string{"postgres", "nobody"} {
		if found, err = user.Lookup(name); err == nil {
			break
		}
	}
	if err != nil {
		return account{}, fmt.Errorf("find an account for PostgreSQL: %w", err)
	}

	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("read the account %s: %w", found.Username, err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return account{}, fmt.Errorf("read the account %s: %w", found.Username, err)
	}

	return account{found.Username, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}, nil
}

// passes makes sure that the account can reach what is in a directory.
func (a account) passes(dir string) error {
	if a.credential == nil {
		return nil
	}
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return fmt.Errorf("reach the database's files: %w", err)
	}
	for ; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return fmt.Errorf("reach the database's files: %w", err)
		}
		if !a.enters(info) {
			return &TraverseError{dir, a.name}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// enters tells whether the mode lets the account in. The class that fits first
// decides, also where a later one would allow more.
func (a account) enters(info fs.FileInfo) bool {
	owner, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case ok && owner.Uid == a.credential.Uid:
		return info.Mode()&0o100 != 0
	case ok && owner.Gid == a.credential.Gid:
		return info.Mode()&0o010 != 0
	}

	return info.Mode()&0o001 != 0
}

// own makes an empty directory of the account's, in the place of one that an
// interrupted attempt left.
func (a account) own(dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}

	return a.chown(dir)
}

func (a account) chown(dir string) error {
	if a.credential == nil {
		return nil
	}

	return os.Chown(dir, int(a.credential.Uid), int(a.credential.Gid))
}

// openSocketDir makes the directory of the server's socket. Outside the sandbox
// it has a name that others can guess, so one that is theirs is refused.
func (r *Runtime) openSocketDir(s configured, a account) error {
	dir := r.socketDir(s)
	err := os.Mkdir(dir, 0o755)
	if err == nil {
		err = errors.Join(os.Chmod(dir, 0o755), a.chown(dir)) //nolint:gosec // clients of any account come here
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make the directory of the database's socket: %w", err)
	}

	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("look at the directory of the database's socket: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	uid := uint32(os.Geteuid())
	if a.credential != nil {
		uid = a.credential.Uid
	}
	if !ok || !info.IsDir() || owner.Uid != uid {
		return fmt.Errorf("make the directory of the database's socket: %s is somebody else's", dir)
	}

	return nil
}

// closeSocketDir removes the directory, empty as the server leaves it.
func (r *Runtime) closeSocketDir(s configured) error {
	err := os.Remove(r.socketDir(s))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTEMPTY) {
		return nil
	}

	return err
}
