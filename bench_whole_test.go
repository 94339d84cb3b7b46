package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"firmflow-recovery/recovery/report"
	"firmflow-recovery/recovery/vault"
)

// guidesWay is the guide's recovery of an installation of which nothing is left, by
// somebody who types without a pause and looks at nothing. What is written is made
// durable, as ours is.
const guidesWay = `cp "$ORIGINAL" .env
mkdir uploads
tar -xzf "$BACKUPS"/vault_snapshot_*.tar.gz -C uploads
sync -f uploads
docker compose up -d --pull never db
until docker compose exec -T db pg_isready -q -h 127.0.0.1 -U firmflow; do sleep 0.2; done
docker compose exec -T db pg_restore -U firmflow -d firmflow < "$(echo "$BACKUPS"/db_*.dump)"
docker compose exec -T db psql -q -U firmflow -d firmflow -c checkpoint
docker compose up -d --pull never
`

// wholeRow brings an installation back of which nothing is left, on Compose: our
// restore until the app answers, and until its verdict, against the guide's
// commands until the app answers.
func (b *bench) wholeRow() {
	b.t.Helper()
	if !withCompose() && os.Getenv("FIRMFLOW_RECOVERY_TEST_REQUIRE") == "" {
		b.remark("the whole recovery was not measured: Docker, or the image of the tests, is not there")

		return
	}
	i := install(b.t)
	b.settle(i)
	i.backUp(b.t)
	b.pair(b.loadRow(fmt.Sprintf("load the database on Compose (%d rows)", b.size.rows), "docker compose exec -T db pg_restore < dump; checkpoint", 1.4, i.dump(b.t), inCompose(i)))
	want := b.held(i)
	of := fmt.Sprintf("(%d MiB, %d rows)", b.size.bytes>>20, b.size.rows)
	served := outcome{Name: "whole recovery on Compose until the app answers " + of, Against: "the guide's commands", Floor: 1.6, Target: 2}
	verified := outcome{Name: "whole recovery on Compose until VERIFIED " + of, Against: "the guide's commands", Floor: 1.6, Target: 2}
	for round := range b.size.rounds {
		disk, err := rawWrite(b.dir)
		if err != nil {
			b.t.Fatal(err)
		}
		var took [2]spent
		var verdict time.Duration
		turns := []int{0, 1}
		if round%2 == 1 {
			slices.Reverse(turns)
		}
		for _, who := range turns {
			b.lose(i)
			if who == 0 {
				took[0], verdict, err = ourRecovery(i)
			} else {
				took[1], err = guidesRecovery(i)
			}
			if err != nil {
				b.t.Fatal(err)
			}
			if got := b.held(i); got != want {
				b.t.Fatalf("recovered %s, want %s", got, want)
			}
		}
		served.add(took[0], took[1], disk)
		took[0].Wall = verdict
		verified.add(took[0], took[1], disk)
	}
	for _, o := range []outcome{served, verified} {
		b.results = append(b.results, o)
		b.t.Log(o.line())
	}
	b.remark(b.shares(i))
}

// dump is the one that the guide's script took.
func (i *site) dump(t *testing.T) string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(i.backups, "db_*.dump"))
	if err != nil || len(found) != 1 {
		t.Fatalf("dumps: %q, %v", found, err)
	}

	return found[0]
}

// settle fills an installation: documents through the app, rows beside its own.
func (b *bench) settle(i *site) {
	b.t.Helper()
	const mean, at = 180 << 10, 4
	documents := max(int(b.size.bytes/mean), 4)
	var all sync.WaitGroup
	failed := make([]error, at)
	for n := range at {
		all.Go(func() {
			source := rand.NewChaCha8([32]byte{byte(n)})
			body := make([]byte, mean)
			for d := n; d < documents && failed[n] == nil; d += at {
				_, _ = source.Read(body)
				failed[n] = store(i.url(fmt.Sprintf("/api/documents?firm=firm-1&name=bench%d.pdf", d)), body)
			}
		})
	}
	all.Wait()
	if err := errors.Join(failed...); err != nil {
		b.t.Fatal(err)
	}
	for n := range 4 {
		i.psql(b.t, benchTable(n, b.size.rows/4))
	}
}

func store(url string, body []byte) error {
	response, err := http.Post(url, "application/pdf", bytes.NewReader(body)) //nolint:noctx // of the test's own
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode >= 300 {
		return fmt.Errorf("store a document: %s", response.Status)
	}

	return nil
}

// held is what must come back: the sum of every table, and the tree's digest.
func (b *bench) held(i *site) string {
	b.t.Helper()
	tables := strings.Fields(i.psql(b.t, `select format('%I', tablename) from pg_tables where schemaname = 'public' order by 1`))
	var sums []string
	for _, table := range tables {
		sums = append(sums, fmt.Sprintf(`select '%s', count(*), sum(hashtextextended(t::text, 0)) from %s t`, strings.ReplaceAll(table, "'", "''"), table))
	}
	tree, err := vault.TreeDigest(b.t.Context(), i.vault)
	if err != nil {
		b.t.Fatal(err)
	}

	return i.psql(b.t, strings.Join(sums, "\nunion all ")+" order by 1") + "\n" + tree
}

// lose takes everything away but the backups and the original .env.
func (b *bench) lose(i *site) {
	b.t.Helper()
	i.compose(b.t, "down", "-v", "--timeout", "2")
	if err := errors.Join(os.RemoveAll(i.vault), os.RemoveAll(filepath.Join(i.dir, ".env"))); err != nil {
		b.t.Fatal(err)
	}
}

// ourRecovery takes as long as until the app answers first, and tells when the
// verdict came: the app is held until the restored data is live.
func ourRecovery(i *site) (took spent, verdict time.Duration, err error) {
	host, err := os.Hostname()
	if err != nil {
		return spent{}, 0, err
	}
	over, answered := make(chan struct{}), make(chan time.Duration, 1)
	start := time.Now()
	go func() { answered <- i.answersAfter(start, over) }()
	took, err = timed([][]string{append([]string{program}, i.args("restore", "--confirm", host, "--plain")...)}, "")
	close(over)
	verdict, took.Wall = took.Wall, <-answered
	if err == nil && took.Wall == 0 {
		err = errors.New("the app has not answered by the verdict")
	}

	return took, verdict, err
}

// answersAfter asks the app until it answers, or it is over: then it is zero.
func (i *site) answersAfter(start time.Time, over <-chan struct{}) time.Duration {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		response, err := http.Get(i.url("/api/health")) //nolint:noctx // of the test's own
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return time.Since(start)
			}
		}
		select {
		case <-tick.C:
		case <-over:
			return 0
		}
	}
}

func guidesRecovery(i *site) (spent, error) {
	start := time.Now()
	took, err := timed([][]string{{"sh", "-ec", "cd " + i.dir + "\nORIGINAL=" + i.original + " BACKUPS=" + i.backups + "\n" + guidesWay}}, "")
	if err != nil {
		return took, err
	}
	over := make(chan struct{})
	defer time.AfterFunc(10*time.Minute, func() { close(over) }).Stop()
	if took.Wall = i.answersAfter(start, over); took.Wall == 0 {
		err = errors.New("the app does not answer after the guide's recovery")
	}

	return took, err
}

// shares tells where the time of our last recovery went.
func (b *bench) shares(i *site) string {
	b.t.Helper()
	r := firmflow(b.t, nil, "report", "--state-dir", i.state, "--json")
	var last report.Report
	if err := json.Unmarshal([]byte(r.out), &last); err != nil || last.Took <= 0 {
		b.t.Fatalf("%v in %s", err, r.out)
	}
	var steps float64
	var each []string
	for _, s := range last.Steps {
		steps += s.Took
		each = append(each, fmt.Sprintf("%s %.2f s", s.ID, s.Took))
	}

	return fmt.Sprintf("of the last of our whole recoveries, %.2f s, its steps took %s; looking before them, and the report, %.1f %% of it", last.Took, strings.Join(each, ", "), 100*(1-steps/last.Took))
}
