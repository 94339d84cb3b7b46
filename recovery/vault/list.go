package vault

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
)

// escapes are what sha256sum does with names that would break its lines.
var escapes = strings.NewReplacer("\\", "\\\\", "\n", "\\n", "\r", "\\r")

// writeList writes a line for each document, in the order of the paths' bytes,
// as sha256sum -c reads it in the vault. The size is a comment before it. Links
// are left out.
func (c *catalogue) writeList(w io.Writer) error {
	to := bufio.NewWriter(w)
	for _, i := range c.sorted() {
		it := c.item(i)
		if it.size == linkSize {
			continue
		}
		mark, name := "", c.path(it)
		if escaped := escapes.Replace(name); escaped != name {
			mark, name = `\`, escaped
		}
		if _, err := fmt.Fprintf(to, "# %d bytes\n%s%x  %s\n", it.size, mark, it.sum, name); err != nil {
			return err
		}
	}

	return to.Flush()
}

// sorted gives all items in the order of their paths' bytes.
func (c *catalogue) sorted() []uint32 {
	order := make([]uint32, c.count)
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return c.compare(c.item(a), c.item(b)) })

	return order
}
