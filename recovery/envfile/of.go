package envfile

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"firmflow-recovery/recovery/secret"
)

// Of gives a .env that is no file but holds these values, as if it had been read
// from where the name says.
func Of(name string, values map[string]secret.String) (File, error) {
	var text strings.Builder
	for _, key := range slices.Sorted(maps.Keys(values)) {
		line, err := Line(key, values[key])
		if err != nil {
			return File{}, fmt.Errorf("make an environment file: %w", err)
		}
		text.WriteString(secret.Reveal(line) + "\n")
	}
	f := File{Path: name, Mode: private}
	if err := f.parse([]byte(text.String())); err != nil {
		return File{}, fmt.Errorf("make an environment file: %w", err)
	}

	return f, nil
}
