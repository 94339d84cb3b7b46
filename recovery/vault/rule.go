package vault

import (
	"archive/tar"
	"path"
	"strings"
)

const (
	maxName = 255 // of one component, as every Linux filesystem has it

	// maxPath leaves room for the path of the vault itself under Linux's limit of
	// 4096: a file that can be staged must be reachable when it is live.
	maxPath = 3840
)

// cleanName is the rule for names: local, and free of "..", even where it would
// lead back inside. Any other byte is legal in a name.
func cleanName(name string) (string, error) {
	if name == "" || strings.ContainsRune(name, 0) {
		return "", ErrName
	}
	if name[0] == '/' {
		return "", ErrEscapes
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", ErrEscapes
		}
		if len(part) > maxName {
			return "", ErrTooLong
		}
	}

	clean := path.Clean(name)
	if len(clean) > maxPath {
		return "", ErrTooLong
	}

	return clean, nil
}

// localName is cleanName for an entry; "." is the root and nothing but a
// directory may be called so, or with a slash at the end.
func localName(h *tar.Header) (string, error) {
	clean, err := cleanName(h.Name)
	if err != nil {
		return "", err
	}
	if h.Typeflag == tar.TypeDir {
		return clean, nil
	}
	if clean == "." || strings.HasSuffix(h.Name, "/") {
		return "", ErrClash
	}

	return clean, nil
}

// safeLink is the rule for links: relative, ".." only at the start, and no more
// of them than the link lies deep. A ".." further on could climb out by way of
// another link, since "a/.." is not where a was if a is a link.
func safeLink(name, to string) error {
	if to == "" || to[0] == '/' || strings.ContainsRune(to, 0) {
		return ErrLinkEscapes
	}
	depth := strings.Count(name, "/")
	descended := false

	for part := range strings.SplitSeq(to, "/") {
		switch part {
		case "", ".":
		case "..":
			if depth--; descended || depth < 0 {
				return ErrLinkEscapes
			}
		default:
			descended = true
		}
	}

	return nil
}

// ours is how everything begins that we put inside a vault which is a mount
// point: what is beside it otherwise.
const ours = ".firmflow-"

// reserved tells whether a name, at the top of a vault, is no document: ours,
// or the filesystem's own. Such entries are never restored, counted or moved.
func reserved(name string) bool {
	top, _, _ := strings.Cut(name, "/")

	return strings.HasPrefix(top, ours) || top == "lost+found" || top == ".snapshot"
}

// Reserved gives the reserved names as patterns of a shell, for whoever swaps a
// vault by hand.
func Reserved() []string { return []string{ours + "*", "lost+found", ".snapshot"} }
