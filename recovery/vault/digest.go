package vault

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Nested is the directory that turns up at the top of an archive when rsync was
// given "uploads" without a slash.
const Nested = "uploads"

func sumOf(text string) [32]byte { return sha256.Sum256([]byte(text)) }

// settle gives hard links the sum of their file, which is known only after the
// last writer is done.
func (c *catalogue) settle() {
	for _, p := range c.same {
		p.it.sum = p.first.sum
	}
}

// summary counts what came by and digests it.
func (c *catalogue) summary() Summary {
	s := Summary{
		Directories: len(c.folders) - 1,
		Newest:      c.newest,
		LeftOut:     c.leftOut,
	}
	for i := range c.count {
		if it := c.item(uint32(i)); it.size != linkSize {
			s.Files++
			s.Bytes += it.size
		}
	}
	s.Nested, s.NestedFiles = c.nested()
	s.Tree = c.digest()

	return s
}

// nested tells whether all there is lies below one directory called "uploads",
// and how many files lie directly in it.
func (c *catalogue) nested() (string, int) {
	at, ok := c.known[Nested]
	if !ok {
		return "", 0
	}
	for _, f := range c.folders[1:] {
		if f.path != Nested && !strings.HasPrefix(f.path, Nested+"/") {
			return "", 0
		}
	}
	if c.directlyIn(0) > 0 {
		return "", 0
	}

	return Nested, c.directlyIn(at)
}

// directlyIn counts the files and links that lie in a directory and in none below.
func (c *catalogue) directlyIn(folder uint32) int {
	n := 0
	for i := range c.count {
		if c.item(uint32(i)).folder == folder {
			n++
		}
	}

	return n
}

// digest is the hex SHA-256 of the list that Summary.Tree describes.
func (c *catalogue) digest() string {
	sha := sha256.New()
	for _, i := range c.sorted() {
		it := c.item(i)
		_, _ = fmt.Fprintf(sha, "%s\x00%d\x00%x\n", c.path(it), it.size, it.sum) // a hash never fails
	}

	return hex.EncodeToString(sha.Sum(nil))
}

// compare orders items by the bytes of their paths, which is not the order of
// directories and then names: "a-b" comes before "a/b". The paths are put
// together only where the directories do not decide.
func (c *catalogue) compare(a, b *item) int {
	if a.folder == b.folder {
		return bytes.Compare(c.base(a), c.base(b))
	}
	in, other := c.folders[a.folder].path, c.folders[b.folder].path
	if a.folder != 0 && b.folder != 0 {
		n := min(len(in), len(other))
		if decided := cmp.Compare(in[:n], other[:n]); decided != 0 {
			return decided
		}
	}

	return cmp.Compare(c.path(a), c.path(b))
}
