package recovery

import "time"

// Verification is what looking at a backup found, for a screen to show.
type Verification struct {
	Directory string         `json:"directory"`
	Backup    string         `json:"backup"`
	Full      bool           `json:"full"`                // every byte was read; else the beginnings and ends
	Rehearsed bool           `json:"rehearsed,omitempty"` // and the dump was to be loaded into a scratch database
	Parts     []VerifiedPart `json:"parts"`
	Exit      ExitCode       `json:"exit"`
	Took      time.Duration  `json:"took_ns"`
}

// VerifiedPart is one part of the backup: the dump, the vault archive.
type VerifiedPart struct {
	Name     string    `json:"part"`
	Path     string    `json:"path,omitempty"` // empty: there is none
	Bytes    int64     `json:"bytes,omitempty"`
	SHA256   string    `json:"sha256,omitempty"` // of the file, where every byte was read
	Status   Status    `json:"status"`           // the worst of its findings
	Findings []Finding `json:"findings"`
	Untold   []string  `json:"cannot_tell,omitempty"` // what was looked at too little to tell
}

// Find adds a finding.
func (p *VerifiedPart) Find(f Finding) {
	p.Findings = append(p.Findings, f)
	if p.Status == "" || graver(f.Status, p.Status) {
		p.Status = f.Status
	}
}

// graver tells whether one status is worse than another.
func graver(a, b Status) bool {
	weight := map[Status]int{Passed: 0, Warned: 1, Unproven: 2, Failed: 3}

	return weight[a] > weight[b]
}

// Worst is the worst status of all parts: Passed where there is none.
func (v Verification) Worst() Status {
	worst := Passed
	for _, p := range v.Parts {
		if p.Status != "" && graver(p.Status, worst) {
			worst = p.Status
		}
	}

	return worst
}

// Judge sets the exit code: a part that failed makes the backup one that cannot
// be used; one that could not be told either way is a verification that failed.
func (v *Verification) Judge() {
	switch v.Worst() {
	case Failed:
		v.Exit = ExitBackup
	case Unproven:
		v.Exit = ExitVerification
	default:
		v.Exit = ExitOK
	}
}

// RepairedBackup is what a repair gave, for a screen to show.
type RepairedBackup struct {
	Backup  string         `json:"backup"` // the name by which a restore finds the copies
	Copies  []RepairedCopy `json:"copies"`
	Remarks []string       `json:"remarks,omitempty"`
	Next    []Remedy       `json:"next"`
}

// RepairedCopy is a repaired copy of one file.
type RepairedCopy struct {
	From   string    `json:"from"`
	To     string    `json:"to"`
	Undone []string  `json:"undone"` // in words, the last change first
	Bytes  int64     `json:"bytes"`
	SHA256 string    `json:"sha256"`
	Checks []Finding `json:"checks"`
}
