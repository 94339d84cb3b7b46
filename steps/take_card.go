package steps

import (
	"fmt"
	"path/filepath"
	"strings"

	"firmflow-recovery/recovery/backup"
)

// card is the bootstrap card: how to recover from this backup without this
// program, for whoever finds it.
func (t *taking) card() string {
	var b strings.Builder
	line := func(text string, values ...any) { fmt.Fprintf(&b, text+"\n", values...) }
	in := func(args ...string) string { return t.Runtime.TypedIn(t.DBService, args...) }
	line("FIRMFLOW BACKUP %s, of host %s, begun %s", t.making.Date, t.Host, stamp(t.manifest.Began))
	line("\nWith the program:  firmflow-recovery restore --backups DIR --backup %s", t.making.Date)
	line("\nBY HAND. Run everything in this directory unless it says otherwise.\n")
	line("0  Is it whole?            sha256sum -c %s", t.name(backup.Sums))
	line("1  Prepare %s: Docker, Compose, the compose files, the images listed", t.ProjectDir)
	line("   in %s, and .env:", t.name(backup.Proof))
	switch t.Env {
	case EnvApart:
		line("     .env is NOT in this backup. It is kept apart: find it. Without its AUTH_SECRET")
		line("     the documents stay encrypted for good.")
	case EnvPlain:
		line("     cp %s %s", t.name(backup.Env), t.envPath())
		line("     tar -xf %s -C %s", t.name(backup.Compose), t.ProjectDir)
	default:
		line("     age -d %s > %s", t.name(backup.Env), t.envPath())
		line("     age -d %s | tar -x -C %s", t.name(backup.Compose), t.ProjectDir)
		line("   It is read with %s.", t.Protection.String())
	}
	line("   AUTH_SECRET, LICENSE_KEY and FIELD_ENCRYPTION_KEY must stay exactly as they are.")
	line("   The licence is bound to the host: on another one, call the vendor first.")
	line("2  Restore the vault; it must be empty, and what was there kept elsewhere:")
	line("     tar --numeric-owner -xzf %s -C %s", t.name(backup.Archive), t.Vault)
	line("     zcat %s | (cd %s && sha256sum -c --quiet)", t.name(backup.List), t.Vault)
	line("3  Start the database alone, not the app:")
	line("     (cd %s && docker compose up -d %s)", t.ProjectDir, t.DBService)
	line("4  Load the dump into an empty database, in %s:", t.ProjectDir)
	line("     %s", in("createdb", "-U", t.User, "-T", "template0", t.Database))
	line("     %s < %s", in("pg_restore", "-U", t.User, "-d", t.Database, "--exit-on-error", "--single-transaction"), filepath.Join(t.BackupDir, t.name(backup.Dump)))
	line("     rows must be as under \"tables\" in the manifest; exit code 0 alone proves nothing")
	line("5  Start everything:        (cd %s && docker compose up -d)", t.ProjectDir)
	line("\nThen take a backup.")

	return b.String()
}
