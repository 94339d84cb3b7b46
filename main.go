// Command firmflow-recovery brings a lost FirmFlow installation back, and
// proves that it did.
package main

import (
	"os"
	"runtime/debug"
	"time"

	"firmflow-recovery/ui/entry"
	"firmflow-recovery/ui/quiet"
)

// version is set by the linker.
var version = "dev"

// sparing is how much memory is taken, in bytes, before what is no longer needed is
// looked for at once: the host may be short of it. It is no limit to what is needed.
const sparing = 150 << 20

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(sparing)
	}
	quiet.Restore()
	os.Exit(int(entry.Program{
		Version: version, Args: os.Args[1:], Environ: os.Environ(), Getenv: os.Getenv, Root: os.Geteuid() == 0,
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now,
	}.Run()))
}
