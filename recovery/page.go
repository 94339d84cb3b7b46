package recovery

import "time"

// Page is what is laid out beside a question. One part of it is set.
type Page struct {
	Start        *Start        `json:"start,omitempty"`
	Listing      *Listing      `json:"listing,omitempty"`
	Document     *Document     `json:"document,omitempty"`
	Verification *Verification `json:"verification,omitempty"`
}

// Start is what there is on this host before anything was asked.
type Start struct {
	Running     *Summary      `json:"running,omitempty"`     // a run that goes on right now
	Interrupted *Summary      `json:"interrupted,omitempty"` // one that can be resumed
	Last        *Summary      `json:"last,omitempty"`        // the newest that came to an end
	Newest      *ListedBackup `json:"newest,omitempty"`
	Remarks     []string      `json:"remarks,omitempty"` // what the operator should know of where they sit
}

// Summary is a run in a few words.
type Summary struct {
	Run     RunID         `json:"run"`
	Purpose Purpose       `json:"purpose,omitempty"` // of what went on last
	Backup  string        `json:"backup"`
	Host    string        `json:"host"`
	Outcome Outcome       `json:"outcome,omitempty"` // empty: there is no verdict
	Title   string        `json:"title,omitempty"`   // of the step that it came to
	Index   int           `json:"index,omitempty"`   // of that step, from 1
	Of      int           `json:"of,omitempty"`
	Last    time.Time     `json:"last"`              // when it was last heard of
	Age     time.Duration `json:"age_ns"`            // since then
	Took    time.Duration `json:"took_ns,omitempty"` // where there is a verdict
}

// Document is a text to be read, one line each.
type Document struct {
	Title string   `json:"title"`
	Lines []string `json:"lines"`
}

// SecretsTable compares secrets by name. It holds no value, no length and no
// sum of one.
type SecretsTable struct {
	Original string           `json:"original"` // path
	Target   string           `json:"target"`   // path
	Keys     []ComparedSecret `json:"keys"`
	Others   []ComparedSecret `json:"others,omitempty"` // all other keys that are not the same
	Same     int              `json:"same"`             // how many other keys are
}

// ComparedSecret is one key in three places.
type ComparedSecret struct {
	Key    string `json:"key"`
	Status Status `json:"status"`
	File   string `json:"file"`   // the target's .env, beside the original: "identical"
	Read   string `json:"read"`   // what the app gets, beside the original; "" where that is not known
	Result string `json:"result"` // in a few words
}

// Summarise gives a run in a few words, as of now.
func (s State) Summarise(now time.Time) Summary {
	sum := Summary{Run: s.Run, Purpose: s.Purpose, Backup: s.Backup, Host: s.Host, Last: s.Last, Age: now.Sub(s.Last)}
	part := s.part()
	s.Steps = part.Steps
	if part.Plan != nil {
		sum.Of = len(part.Plan.Steps)
		for i, planned := range part.Plan.Steps {
			if at := s.Step(planned.ID); at.Attempt > 0 {
				sum.Index, sum.Title = i+1, planned.Title
			}
		}
	}
	if v := s.word(); v != nil {
		sum.Outcome, sum.Took = v.Outcome, v.Took
	}

	return sum
}
