package vault

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/klauspost/compress/flate"
)

const (
	level = 6 // as gzip and tar -z have it

	// Shorter content is compressed with the headers around it: to look at it
	// would cost more than it could save.
	worthALook = 512

	// Bits of a byte above which bytes are taken for random. What is encrypted or
	// compressed shows 7.9 in a sample of this size and 7.6 in the shortest, text
	// at most 6.
	random     = 7.2
	sampleSize = 4096

	stored = 0xffff // the longest stored block
)

// squeezer makes gzip members. It stores what does not compress, and compresses
// the headers between: those alone make an archive of small encrypted documents
// two per cent larger.
type squeezer struct{ flate *flate.Writer }

func newSqueezer() (*squeezer, error) {
	w, err := flate.NewWriter(nil, level)

	return &squeezer{flate: w}, err
}

// member writes a piece as one gzip member.
func (s *squeezer) member(out *bytes.Buffer, data []byte, parts []part) error {
	out.Write([]byte{0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3}) // deflate, no name, no time, made on Unix
	from, begin, storing := 0, 0, false
	for _, p := range parts {
		store := p.content && dense(data[from:p.end])
		if store != storing {
			if err := s.run(out, data[begin:from], storing); err != nil {
				return err
			}
			begin, storing = from, store
		}
		from = p.end
	}
	if err := s.run(out, data[begin:], storing); err != nil {
		return err
	}
	out.Write([]byte{1, 0, 0, 0xff, 0xff}) // an empty stored block, the last
	var trailer [8]byte
	binary.LittleEndian.PutUint32(trailer[:4], crc32.ChecksumIEEE(data))
	binary.LittleEndian.PutUint32(trailer[4:], uint32(len(data)))
	out.Write(trailer[:])

	return nil
}

// run writes bytes as deflate blocks that end at a byte's boundary and refer to
// nothing before them.
func (s *squeezer) run(out *bytes.Buffer, data []byte, store bool) error {
	if len(data) == 0 {
		return nil
	}
	if store {
		for len(data) > 0 {
			n := min(len(data), stored)
			out.Write([]byte{0, byte(n), byte(n >> 8), ^byte(n), ^byte(n >> 8)})
			out.Write(data[:n])
			data = data[n:]
		}

		return nil
	}
	s.flate.Reset(out)
	if _, err := s.flate.Write(data); err != nil {
		return err
	}

	return s.flate.Flush()
}

// dense tells whether bytes look as if nothing could be gained by compressing
// them: none of four samples has fewer bits in a byte than random ones.
func dense(data []byte) bool {
	if len(data) < worthALook {
		return false
	}
	const samples = 4
	for i := range samples {
		at := max(len(data)-sampleSize, 0) / (samples - 1) * i
		if entropy(data[at:min(at+sampleSize, len(data))]) <= random {
			return false
		}
	}

	return true
}

// entropy is how many bits a byte of the sample takes by itself.
func entropy(sample []byte) float64 {
	var seen [256]int
	for _, b := range sample {
		seen[b]++
	}
	bits, all := 0.0, float64(len(sample))
	for _, n := range seen {
		if n > 0 {
			p := float64(n) / all
			bits -= p * math.Log2(p)
		}
	}

	return bits
}
