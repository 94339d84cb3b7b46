package dump

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Questions keeps a session for what is asked of one database again and again. It
// only saves time: a question that it cannot answer, whyever, is asked in a session
// of its own, and that answer counts.
type Questions struct {
	db     string
	within time.Duration // for an answer; 0: whatever it takes
	mu     sync.Mutex
	talk   *Talk
}

// answersWithin is more than a question about the server takes, and less than
// somebody waits for one that is frozen.
const answersWithin = 2 * endWithin

// Asking makes one for questions about the server as a whole, and about who works
// on it. Close must be called.
func Asking() *Questions { return &Questions{db: maintenance, within: answersWithin} }

var errTooLong = errors.New("the answer is too long")

// ask asks, and tells whether there was an answer. Somebody else who asks just now
// is not waited for. What a question sets is not set for the next.
func (q *Questions) ask(ctx context.Context, s Server, db, sql string) ([][]string, bool) {
	if q == nil || db != q.db || !q.mu.TryLock() {
		return nil, false
	}
	defer q.mu.Unlock()
	if q.talk == nil {
		q.talk = &Talk{server: s, db: db}
	}
	if q.within > 0 {
		var end context.CancelFunc
		ctx, end = context.WithTimeout(ctx, q.within)
		defer end()
	}
	var rows [][]string
	size := 0
	err := q.talk.run(ctx, "discard all;\n"+sql+"\n;", func(columns []string) error {
		for _, c := range columns {
			size += len(c)
		}
		if size > mostOutput {
			return errTooLong
		}
		rows = append(rows, slices.Clone(columns))

		return nil
	})

	return rows, err == nil
}

// Close ends the session, if there is one. It waits for who asks.
func (q *Questions) Close() {
	if q == nil {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.talk != nil {
		q.talk.Close()
		q.talk = nil
	}
}
