// Package assets holds what is embedded in the program: the help page of every
// diagnosis.
package assets

import (
	"embed"
	"fmt"
	"strings"
)

//go:embed help/*.md
var help embed.FS

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
