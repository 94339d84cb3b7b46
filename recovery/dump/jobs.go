package dump

import (
	"context"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
)

// lookEvery is how often a load by jobs is asked how far its tables are: often
// enough for a bar, and below a hundredth of the work.
const lookEvery = 2 * time.Second

// jobs follows a load by several jobs. pg_restore says which entries begin and
// end; how far a large table is only the server knows. Both call from goroutines
// of their own.
type jobs struct {
	progress LoadProgress
	total    int
	rows     map[int]int64 // of the entries whose rows are to come
	names    map[Table]int

	mu      sync.Mutex
	done    int           // entries
	running map[int]int64 // rows so far, of entries that are being loaded
	loaded  int64         // rows, of entries that are done
}

func newJobs(c Contents, rows map[Table]int64, p LoadProgress) *jobs {
	j := &jobs{progress: p, total: len(c.Entries), rows: map[int]int64{}, names: map[Table]int{}, running: map[int]int64{}}
	for _, e := range c.Entries {
		if e.Kind == "TABLE DATA" {
			t := Table{e.Schema, e.Name}
			j.rows[e.ID], j.names[t] = rows[t], e.ID
		}
	}

	return j
}

// line reads "finished item 3385 TABLE DATA User". Before the jobs are started,
// entries are only said to be processed.
func (j *jobs) line(text string) {
	if j.progress.Line != nil {
		j.progress.Line(text)
	}
	said, ok := strings.CutPrefix(text, "pg_restore: ")
	if !ok {
		return
	}
	item, ok := strings.CutPrefix(said, "finished item ")
	if !ok {
		item, ok = strings.CutPrefix(said, "processing item ")
	}
	number, what, cut := strings.Cut(item, " ")
	id, err := strconv.Atoi(number)
	if !ok || !cut || err != nil {
		return
	}
	j.finished(id, what)
}

func (j *jobs) finished(id int, what string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.done = min(j.done+1, j.total)
	if j.progress.Item != nil {
		j.progress.Item(j.done, j.total, what)
	}
	rows, data := j.rows[id]
	if !data {
		return
	}
	delete(j.rows, id)
	delete(j.running, id)
	j.loaded += rows
	j.tell()
	if len(j.rows) == 0 && j.progress.DataLoaded != nil {
		j.progress.DataLoaded()
	}
}

// tell reports the rows of now. The lock is held.
func (j *jobs) tell() {
	if j.progress.Rows == nil {
		return
	}
	sum := j.loaded
	for n := range maps.Values(j.running) {
		sum += n
	}
	j.progress.Rows(sum)
}

// watch asks the server for the rows of the tables in work, until the function
// it returns is called. That it cannot be asked is said once, and costs the bar
// its steps, not the load.
func (j *jobs) watch(ctx context.Context, s Server, db string) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if err := j.look(ctx, s, db); err != nil && ctx.Err() == nil {
				if j.progress.Line != nil {
					j.progress.Line("the rows loaded so far cannot be asked for: " + err.Error())
				}
				return
			}
		}
	}()

	return func() {
		cancel()
		<-ended
	}
}

// look asks once. PostgreSQL 14 and newer tell; an older one shows no rows
// before a table is done.
func (j *jobs) look(ctx context.Context, s Server, db string) error {
	rows, err := s.query(ctx, "ask how far the load is", db, `
select n.nspname, c.relname, p.tuples_processed
from pg_stat_progress_copy p join pg_class c on c.oid = p.relid join pg_namespace n on n.oid = c.relnamespace
where p.datname = current_database()`)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, row := range rows {
		n, err := numbers(row[2])
		if err != nil {
			return err
		}
		id, known := j.names[Table{row[0], row[1]}]
		if most, waiting := j.rows[id]; known && waiting {
			j.running[id] = min(max(n[0], j.running[id]), most)
		}
	}
	j.tell()

	return nil
}
