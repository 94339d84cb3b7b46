package dump

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/creack/pty"
)

// throughTerminal sends bytes through a real terminal of the kernel's, which puts
// a byte before each line feed. What comes is counted: a reader that waits for the
// other side to be closed has been seen to wait for ever.
func throughTerminal(t testing.TB, content []byte) []byte {
	t.Helper()
	master, tty, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = master.Close() }()
	defer func() { _ = tty.Close() }()
	go func() { _, _ = tty.Write(content) }()
	b := make([]byte, len(content)+bytes.Count(content, []byte("\n")))
	if _, err := io.ReadFull(master, b); err != nil {
		t.Fatal(err)
	}

	return b
}

// TestA1RealDumpsThroughRealTerminals makes databases of random content, dumps
// them, sends the dumps through one or two terminals, and repairs them. The same
// originals must never be taken for damaged. FIRMFLOW_RECOVERY_TEST_DUMPS says
// how many; 1000 take some minutes.
func TestA1RealDumpsThroughRealTerminals(t *testing.T) {
	count := 50
	if asked := os.Getenv("FIRMFLOW_RECOVERY_TEST_DUMPS"); asked != "" {
		var err error
		if count, err = strconv.Atoi(asked); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := postgres(t)
	db := c.database(t, "through_terminals")
	seed := uint64(time.Now().UnixNano())
	t.Logf("%d dumps, seed %d", count, seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range count {
		c.sql(t, db, randomContent(random))
		content := c.dumped(t, db, "--compress="+strconv.Itoa(random.IntN(10)))
		path := written(t, content)
		if d, err := Damaged(t.Context(), path, nil); err != nil || d.Terminal() {
			t.Fatalf("dump %d is taken for damaged: %+v, %v", i, d, err)
		}
		if _, err := (Repair{}).Write(t.Context(), path, path+".x"); !errors.Is(err, ErrNothingToUndo) {
			t.Fatalf("dump %d is repaired though it is sound: %v", i, err)
		}
		broken := throughTerminal(t, content)
		terminals := int64(1)
		if random.IntN(4) == 0 { // A2
			broken, terminals = throughTerminal(t, broken), 2
		}
		o := Repair{}
		if i%10 == 0 { // pg_restore's proof takes longest
			o.Tool = c.run
		}
		got, r, err := repaired(t, broken, o)
		if err != nil || !bytes.Equal(got, content) {
			t.Fatalf("dump %d of %d bytes: %v; the same: %v", i, len(content), err, bytes.Equal(got, content))
		}
		wantKinds(t, r, Change{Terminal, terminals})
	}
}

// randomContent gives SQL that fills a table anew, with bytes and with texts of
// many line ends.
func randomContent(random *rand.Rand) string {
	name := fmt.Sprintf("t%d\r\n%d", random.IntN(1000), random.IntN(1000))

	return fmt.Sprintf(`drop schema public cascade; create schema public;
create table public.%s (n serial primary key, b bytea, t text);
comment on table public.%s is E'one\r\ntwo\nthree\r';
select setseed(%f);
insert into public.%s (b, t) select decode(md5(random()::text) || md5(random()::text), 'hex'),
  repeat(E'a\r\n', (random() * 20)::int) || md5(random()::text) from generate_series(1, %d);
create index on public.%s (t);`,
		identifier(name), identifier(name), random.Float64(), identifier(name), random.IntN(3000), identifier(name))
}
