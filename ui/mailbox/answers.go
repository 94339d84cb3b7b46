package mailbox

import (
	"slices"
	"sync"

	"firmflow-recovery/recovery"
)

// Answers is the other way: what an operator answered beforehand, through
// flags. Those to one question are used up in order, so that "--retries 2"
// means two retries and not a loop. Whether an answer is good enough is for the
// engine to say: a bare --yes where a host name must be typed is handed over as
// it is, and refused there. Several goroutines may use it.
type Answers struct {
	mu   sync.Mutex
	left map[recovery.QuestionID][]recovery.Answer
}

// Prepared takes a copy of the answers that flags gave.
func Prepared(given map[recovery.QuestionID][]recovery.Answer) *Answers {
	left := make(map[recovery.QuestionID][]recovery.Answer, len(given))
	for id, all := range given {
		left[id] = slices.Clone(all)
	}

	return &Answers{left: left}
}

// Take gives the next answer to a question; ok is false when there is none
// left.
func (a *Answers) Take(id recovery.QuestionID) (answer recovery.Answer, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()

	all := a.left[id]
	if len(all) == 0 {
		return recovery.Answer{}, false
	}
	a.left[id] = all[1:]

	return all[0], true
}
