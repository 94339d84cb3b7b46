package recoverytest

import (
	"bytes"
	"math/rand/v2"
	"slices"
)

// Damage does at random to what a file held what disks, terminals and people do
// to files. What it is given stays as it is.
type Damage struct {
	Random *rand.Rand
}

// Cut keeps a beginning.
func (d Damage) Cut(b []byte) []byte { return b[:d.Random.IntN(len(b))] }

// Tip loses up to 8 bytes of the end.
func (d Damage) Tip(b []byte) []byte { return b[:len(b)-1-d.Random.IntN(8)] }

// Flip flips one bit of b[from:to].
func (d Damage) Flip(b []byte, from, to int) []byte {
	b = slices.Clone(b)
	b[from+d.Random.IntN(to-from)] ^= 1 << d.Random.IntN(8)

	return b
}

// Zero zeroes up to 4 KiB behind from, in which something was.
func (d Damage) Zero(b []byte, from int) []byte {
	b = slices.Clone(b)
	for {
		at := from + d.Random.IntN(len(b)-from)
		block := b[at:min(at+1+d.Random.IntN(4096), len(b))]
		if bytes.Count(block, []byte{0}) < len(block) {
			clear(block)
			return b
		}
	}
}

// Insert puts up to 8 bytes in somewhere behind from.
func (d Damage) Insert(b []byte, from int) []byte {
	return slices.Insert(slices.Clone(b), from+d.Random.IntN(len(b)-from), d.Noise(1+d.Random.IntN(8))...)
}

// Lose takes up to 8 bytes out somewhere behind from.
func (d Damage) Lose(b []byte, from int) []byte {
	at := from + d.Random.IntN(len(b)-from-8)

	return slices.Delete(slices.Clone(b), at, at+1+d.Random.IntN(8))
}

// Junk puts up to 4 KiB of noise behind.
func (d Damage) Junk(b []byte) []byte {
	return slices.Concat(b, d.Noise(1+d.Random.IntN(4096)))
}

// Over is a file that was being written over another when it was interrupted.
func (d Damage) Over(fresh, old []byte) []byte {
	at := 1 + d.Random.IntN(min(len(fresh), len(old))-1)

	return slices.Concat(fresh[:at], old[at:])
}

// Noise gives n bytes, none of them zero.
func (d Damage) Noise(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + d.Random.IntN(255))
	}

	return b
}

// ThroughTerminal is what a terminal in the way makes of b: each line feed gets a
// carriage return before it.
func ThroughTerminal(b []byte) []byte {
	return bytes.ReplaceAll(b, []byte("\n"), []byte("\r\n"))
}
