// Command firmflow-recovery brings a lost FirmFlow installation back, and
// proves that it did.
package main

import (
	"os"
	"time"

	"firmflow-recovery/ui/entry"
	"firmflow-recovery/ui/quiet"
)

// version is set by the linker.
var version = "dev"

func main() {
	quiet.Restore()
	os.Exit(int(entry.Program{
		Version: version, Args: os.Args[1:], Environ: os.Environ(), Getenv: os.Getenv, Root: os.Geteuid() == 0,
		In: os.Stdin, Out: os.Stdout, Err: os.Stderr, Now: time.Now,
	}.Run()))
}
