package backup

import (
	"bufio"
	"bytes"
	"fmt"
	"slices"
	"strings"
)

// SumsFile gives the list of checksums of a backup, as sha256sum -c reads it in
// the backup's directory.
func SumsFile(files []ListedFile) []byte {
	sorted := slices.SortedFunc(slices.Values(files), func(a, b ListedFile) int { return strings.Compare(a.Name, b.Name) })
	var b bytes.Buffer
	for _, f := range sorted {
		fmt.Fprintf(&b, "%s  %s\n", f.SHA256, f.Name)
	}

	return b.Bytes()
}

// ParseSums reads such a list: digests by name. It refuses what SumsFile does
// not write.
func ParseSums(data []byte) (map[string]string, error) {
	sums := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(data))
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		f := ListedFile{Name: name, SHA256: sum}
		if _, twice := sums[name]; !ok || twice || f.check() != nil {
			return nil, fmt.Errorf("read the list of checksums: line %d: %w", len(sums)+1, ErrChanged)
		}
		sums[name] = sum
	}

	return sums, lines.Err()
}
