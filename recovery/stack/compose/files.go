package compose

import (
	"io"
	"os"
	"path/filepath"
	"strings"
)

// mostText is how much of a file is read to look for something in it.
const mostText = 1 << 20

// findFiles gives the configuration files in force: those of the options, those
// that .env names, or those Compose finds by their names. It gives none where
// that is not certain; then Compose goes on finding them itself.
func (r *Runtime) findFiles() []string {
	if len(r.options.Files) > 0 {
		return r.options.Files
	}
	if named, ok := namedFiles(text(filepath.Join(r.options.Dir, ".env"))); ok {
		return existing(r.options.Dir, named)
	}
	for dir := r.options.Dir; ; dir = filepath.Dir(dir) {
		main := first(dir, "compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
		if main != "" {
			override := first(dir, "compose.override.yml", "compose.override.yaml",
				"docker-compose.override.yml", "docker-compose.override.yaml")
			if override == "" {
				return []string{main}
			}
			return []string{main, override}
		}
		if dir == filepath.Dir(dir) {
			return nil
		}
	}
}

// namedFiles gives what COMPOSE_FILE in a .env names.
func namedFiles(env string) (files []string, ok bool) {
	list, separator := "", ":"
	for line := range strings.Lines(env) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "export ")
		name, value, _ := strings.Cut(line, "=")
		value, _, _ = strings.Cut(value, " #")
		value = strings.Trim(strings.TrimSpace(value), `"'`)
		switch strings.TrimSpace(name) {
		case "COMPOSE_FILE":
			list = value
		case "COMPOSE_PATH_SEPARATOR":
			separator = value
		}
	}
	if list == "" || separator == "" {
		return nil, false
	}

	return strings.Split(list, separator), true
}

// existing gives the files' paths if all of them are there.
func existing(dir string, names []string) []string {
	var files []string
	for _, name := range names {
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		if _, err := os.Stat(name); err != nil {
			return nil
		}
		files = append(files, name)
	}

	return files
}

// first gives the path of the first file that is there.
func first(dir string, names ...string) string {
	for _, name := range names {
		path := filepath.Join(dir, name)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			return path
		}
	}

	return ""
}

// texts gives the content of files, one after the other.
func texts(files []string) string {
	var all strings.Builder
	for _, file := range files {
		all.WriteString(text(file))
	}

	return all.String()
}

// text gives the beginning of a file, and nothing for one that cannot be read:
// Compose reads the same file and says what is wrong with it.
func text(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, mostText))
	if err != nil {
		return ""
	}

	return string(data)
}
