package steps

import (
	"fmt"
	"strings"

	"firmflow-recovery/recovery/backup"
	"firmflow-recovery/recovery/stack"
)

// card is the bootstrap card: how to recover from this backup without this
// program, for whoever finds it.
func (t *taking) card() string {
	var b strings.Builder
	line := func(text string, values ...any) { fmt.Fprintf(&b, text+"\n", values...) }
	project, vault := typed(t.ProjectDir), typed(t.Vault)
	in := func(args ...string) string { return "(" + t.Runtime.TypedIn(t.DBService, args...) + ")" }
	open := "age -d "
	if t.Protection.Keyed() {
		open = "age -d -i KEYFILE "
	}
	line("FIRMFLOW BACKUP %s, of host %s, begun %s", t.making.Date, t.Host, stamp(t.manifest.Began))
	line("\nWith the program:  firmflow-recovery restore --backups DIR --backup %s", t.making.Date)
	line("\nBY HAND, as root, in the directory that this file is in. What is indented by five\ncolumns is a command.\n")
	line("0  Is it whole?")
	line("     sha256sum -c %s", t.name(backup.Sums))
	line("1  Prepare the environment: Docker, Compose, and the images listed in")
	line("   %s.", t.name(backup.Proof))
	line("     mkdir -p %s", project)
	switch t.Env {
	case EnvApart:
		line("   .env and compose files are NOT in this backup. They are kept apart: find them, put")
		line("   them into %s. Without the AUTH_SECRET of then the documents stay", t.ProjectDir)
		line("   encrypted for good.")
	case EnvPlain:
		line("     cp %s %s", t.name(backup.Env), typed(t.envPath()))
		line("     tar -xf %s -C %s", t.name(backup.Compose), project)
	default:
		line("     %s%s > %s", open, t.name(backup.Env), typed(t.envPath()))
		line("     %s%s | tar -x -C %s", open, t.name(backup.Compose), project)
		line("   It is read with %s.", t.Protection.String())
	}
	line("   AUTH_SECRET, LICENSE_KEY and FIELD_ENCRYPTION_KEY must stay exactly as they are.")
	line("   The licence is bound to the host: on another one, call the vendor first.")
	line("2  Restore the vault; it must be empty, and what was there kept elsewhere:")
	line("     mkdir -p %s", vault)
	line("     tar --numeric-owner -xzf %s -C %s", t.name(backup.Archive), vault)
	line("     zcat %s | (cd %s && sha256sum -c --quiet)", t.name(backup.List), vault)
	line("3  Start the database alone, not the app:")
	line("     (%s)", t.Runtime.Typed(stack.Start, t.DBService))
	line("     until %s; do sleep 1; done", in("pg_isready", "-q", "-h", "127.0.0.1", "-U", t.User))
	line("4  Load the dump into an empty database. Where there is one already that is empty,")
	line("   leave the first command out:")
	line("     %s", in("createdb", "-U", t.User, "-T", "template0", t.Database))
	line("     %s < %s", in("pg_restore", "-U", t.User, "-d", t.Database, "--exit-on-error", "--single-transaction"), t.name(backup.Dump))
	line("   The rows must be as under \"tables\" in the manifest; exit code 0 alone proves nothing.")
	line("   Roles and settings that the app needs besides are under \"roles\" and \"settings\".")
	line("5  Start everything:")
	line("     (cd %s && docker compose up -d)", project)
	line("\nThen take a backup.")

	return b.String()
}
