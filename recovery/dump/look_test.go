package dump

import (
	"bytes"
	"errors"
	"os"
	"testing"
)

func TestLookReadsWhatDoesNotGrow(t *testing.T) {
	_, _, content := sample(t)
	path := written(t, content)
	c, err := Look(path)
	if err != nil || len(c.Tables) != 9 || c.Header.Database != sampleName {
		t.Fatalf("%d tables of %q, %v", len(c.Tables), c.Header.Database, err)
	}

	// 10 GiB of nothing in the middle: a look must not read them.
	if err := os.Truncate(path, 10<<30); err != nil {
		t.Fatal(err)
	}
	if c, err = Look(path); err != nil || c.Header.Size != 10<<30 {
		t.Errorf("size %d, %v", c.Header.Size, err)
	}
}

func TestB2ALookSeesMostTruncations(t *testing.T) {
	c, _, content := sample(t)
	for _, cut := range []int{1, 2, 5, 20, 1000, len(content) / 2} {
		if _, err := Look(written(t, content[:len(content)-cut])); !errors.Is(err, ErrTruncated) {
			t.Errorf("the last %d bytes missing: %v, want ErrTruncated", cut, err)
		}
	}
	empty := c.database(t, "without_rows")
	c.sql(t, empty, "create table t (n int)")
	bare := c.dumped(t, empty, "--schema-only")
	if _, err := Look(written(t, bare)); !errors.Is(err, ErrSchemaOnly) {
		t.Errorf("a dump without rows: %v, want ErrSchemaOnly", err)
	}
	if _, err := Look(written(t, append(bytes.Clone(bare), 0))); !errors.Is(err, ErrCorrupt) {
		t.Errorf("something behind a dump without rows: %v, want ErrCorrupt", err)
	}
}

func TestFollowReadsEveryByteWithoutPgRestore(t *testing.T) {
	c, _, content := sample(t)
	path := written(t, content)
	var moved int64
	want, err := Read(t.Context(), c.run, path, nil)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Follow(t.Context(), path, func(n int64) { moved += n })
	if err != nil || got.SHA256 != want.SHA256 || got.Bytes != want.Bytes || got.LargeObjects != want.LargeObjects || moved != got.Bytes {
		t.Errorf("got %+v, %v, want the digest of %+v", got, err, want)
	}
	if got.Rows != nil || got.Unknown != nil {
		t.Errorf("rows %v, %v: nobody has counted any", got.Rows, got.Unknown)
	}
	for name, broken := range map[string][]byte{
		"cut": content[:len(content)-1], "appended": append(bytes.Clone(content), "junk"...), "twice": append(bytes.Clone(content), content...),
	} {
		if _, err := Follow(t.Context(), written(t, broken), nil); !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
}
