package plain

import (
	"cmp"
	"fmt"
	"io"
	"strings"

	"firmflow-recovery/recovery"
)

// Faults explains what can be made to go wrong in a drill.
func Faults(w io.Writer, all []recovery.Training) error {
	var b strings.Builder
	for _, f := range all {
		fmt.Fprintf(&b, "%s\n  does     %s\n  shows    %s\n  way out  %s\n", f.Name, f.Does, cmp.Or(string(f.Shows), "nothing: it is borne"), f.Way)
	}
	_, err := io.WriteString(w, b.String())

	return err
}
