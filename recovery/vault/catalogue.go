package vault

import (
	"hash/maphash"
	"io/fs"
	"path"
	"time"
)

const (
	linkSize  = -1 // size of an item that is a symbolic link
	chunkSize = 1024
	blockSize = 1 << 16

	// Beyond these, where a name lies would no longer fit into an item. No vault
	// comes near; a crafted archive of a few megabytes can.
	maxItems   = 1 << 24
	maxFolders = 1 << 22
)

// catalogue is what has come by so far. It tells what is there twice, and in
// the end gives the digest of the tree. It holds about a hundred bytes a file:
// names in blocks, items in chunks, and an index of hashes instead of strings.
type catalogue struct {
	folders []*folder
	known   map[string]uint32 // folders by path
	told    int               // folders that newFolders has passed on

	chunks []*[chunkSize]item
	count  int
	names  [][]byte
	index  map[uint64]uint32 // items by the hash of their path
	seed   maphash.Seed

	links   []link
	same    []pair
	newest  time.Time
	leftOut int
}

// item is a file or a link. Its address is stable: a writer fills in the sum
// while the reader adds others.
type item struct {
	sum    [32]byte
	size   int64
	folder uint32
	name   uint32 // block and offset; the length comes first
}

type folder struct {
	path   string // "." is the root
	listed bool   // has an entry of its own, not only files below it
	attr   attributes
}

type link struct {
	name, to string
	attr     attributes
}

// pair is a hard link: the item that it is, and the one it is the same as.
type pair struct{ it, first *item }

// attributes are what a restored file or directory gets besides its content.
type attributes struct {
	mode     fs.FileMode
	mtime    time.Time
	uid, gid int
}

func newCatalogue() *catalogue {
	return &catalogue{
		folders: []*folder{{path: "."}},
		known:   map[string]uint32{".": 0},
		told:    1, // the root is there already
		index:   map[uint64]uint32{},
		seed:    maphash.MakeSeed(),
	}
}

// addFolder notes a directory that has an entry of its own.
func (c *catalogue) addFolder(name string, attr attributes) error {
	if _, ok := c.lookup(name); ok {
		return ErrClash
	}
	at, err := c.folderOf(name)
	if err != nil {
		return err
	}
	f := c.folders[at]
	if f.listed {
		return ErrTwice
	}
	f.listed, f.attr = true, attr

	return nil
}

// folderOf finds a directory, or adds it and all above it.
func (c *catalogue) folderOf(name string) (uint32, error) {
	if at, ok := c.known[name]; ok {
		return at, nil
	}
	if it, ok := c.lookup(name); ok {
		if it.size == linkSize {
			return 0, ErrThroughLink
		}

		return 0, ErrClash
	}
	if len(c.folders) == maxFolders {
		return 0, ErrTooMany
	}
	if _, err := c.folderOf(path.Dir(name)); err != nil {
		return 0, err
	}

	at := uint32(len(c.folders))
	c.folders = append(c.folders, &folder{path: name})
	c.known[name] = at

	return at, nil
}

// newFolders passes on the directories added since it was last called, parents
// first.
func (c *catalogue) newFolders(tell func(*folder) error) error {
	for ; c.told < len(c.folders); c.told++ {
		if err := tell(c.folders[c.told]); err != nil {
			return err
		}
	}

	return nil
}

func (c *catalogue) addFile(name string, size int64, mtime time.Time) (*item, error) {
	it, err := c.add(name, size)
	if err != nil {
		return nil, err
	}
	if mtime.After(c.newest) {
		c.newest = mtime
	}

	return it, nil
}

func (c *catalogue) addLink(name, to string, attr attributes) error {
	it, err := c.add(name, linkSize)
	if err != nil {
		return err
	}
	it.sum = sumOf(to)
	c.links = append(c.links, link{name, to, attr})

	return nil
}

// addSame notes a hard link to a file that has come by before.
func (c *catalogue) addSame(name, first string) error {
	target, ok := c.lookup(first)
	if !ok || target.size == linkSize {
		return ErrLinkEscapes
	}
	it, err := c.add(name, target.size)
	if err != nil {
		return err
	}
	c.same = append(c.same, pair{it, target})

	return nil
}

func (c *catalogue) add(name string, size int64) (*item, error) {
	if _, ok := c.known[name]; ok {
		return nil, ErrClash
	}
	slot, taken := c.find(name)
	if taken {
		return nil, ErrTwice
	}
	if c.count == maxItems {
		return nil, ErrTooMany
	}
	dir, base := path.Split(name)
	at, err := c.folderOf(path.Clean(dir))
	if err != nil {
		return nil, err
	}

	if c.count%chunkSize == 0 {
		c.chunks = append(c.chunks, new([chunkSize]item))
	}
	it := c.item(uint32(c.count))
	it.size, it.folder, it.name = size, at, c.keep(base)
	c.index[slot] = uint32(c.count)
	c.count++

	return it, nil
}

func (c *catalogue) item(i uint32) *item { return &c.chunks[i/chunkSize][i%chunkSize] }

func (c *catalogue) lookup(name string) (*item, bool) {
	slot, ok := c.find(name)
	if !ok {
		return nil, false
	}

	return c.item(c.index[slot]), true
}

// find gives the slot of the index where name is, or would be. Two names may
// share a hash: the next slot is tried then.
func (c *catalogue) find(name string) (uint64, bool) {
	for slot := maphash.String(c.seed, name); ; slot++ {
		i, ok := c.index[slot]
		if !ok {
			return slot, false
		}
		if it := c.item(i); c.path(it) == name {
			return slot, true
		}
	}
}

// keep stores a name of at most 255 bytes and tells where.
func (c *catalogue) keep(name string) uint32 {
	last := len(c.names) - 1
	if last < 0 || len(c.names[last])+1+len(name) > blockSize {
		c.names = append(c.names, make([]byte, 0, blockSize))
		last++
	}
	at := len(c.names[last])
	c.names[last] = append(append(c.names[last], byte(len(name))), name...)

	return uint32(last*blockSize + at)
}

func (c *catalogue) base(it *item) []byte {
	block, at := c.names[it.name/blockSize], it.name%blockSize

	return block[at+1 : at+1+uint32(block[at])]
}

func (c *catalogue) path(it *item) string {
	return path.Join(c.folders[it.folder].path, string(c.base(it)))
}
