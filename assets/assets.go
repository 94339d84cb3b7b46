// Package assets holds what is embedded in the program: the help page of every
// diagnosis, and the units of its timers.
package assets

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed help/*.md
var help embed.FS

//go:embed systemd
var systemd embed.FS

// Units gives systemd's units by their names, and the lines for hosts without it
// under the name Cron. In both, @PROGRAM@ and @PROJECT@ stand for what only the host knows.
func Units() (map[string]string, error) {
	entries, err := systemd.ReadDir("systemd")
	if err != nil {
		return nil, fmt.Errorf("list the units: %w", err)
	}
	units := make(map[string]string)
	for _, e := range entries {
		text, err := systemd.ReadFile("systemd/" + e.Name())
		if err != nil {
			return nil, fmt.Errorf("read a unit: %w", err)
		}
		units[e.Name()] = string(text)
	}

	return units, nil
}

// Cron is the name of the cron lines among the units.
const Cron = "cron"

// Help gives the page of a diagnosis code, or an error that matches
// fs.ErrNotExist.
func Help(code string) (string, error) {
	page, err := help.ReadFile("help/" + code + ".md")
	if err != nil {
		return "", fmt.Errorf("find the help page of %q: %w", code, err)
	}

	return string(page), nil
}

// HelpCodes lists the codes that have a page, with commas between them.
func HelpCodes() string {
	entries, err := help.ReadDir("help")
	if err != nil {
		return ""
	}
	var codes []string
	for _, e := range entries {
		codes = append(codes, strings.TrimSuffix(e.Name(), ".md"))
	}

	return strings.Join(codes, ", ")
}
