package recovery

import "time"

// Level is how urgent something is, with the numbers that monitoring knows.
type Level int

// The levels, as Nagios and its kin number them.
const (
	LevelOK       Level = 0
	LevelWarning  Level = 1
	LevelCritical Level = 2
	LevelUnknown  Level = 3
)

func (l Level) String() string {
	switch l {
	case LevelOK:
		return "OK"
	case LevelWarning:
		return "WARNING"
	case LevelCritical:
		return "CRITICAL"
	default:
		return "UNKNOWN"
	}
}

// Monitor answers whether this host could be recovered right now.
type Monitor struct {
	Level     Level         `json:"level"`
	Word      string        `json:"status"` // the level in a word
	Problems  []string      `json:"problems,omitempty"`
	Backup    string        `json:"backup,omitempty"` // the newest that a restore would take
	Taken     time.Time     `json:"taken"`
	Age       time.Duration `json:"age_ns"`
	Bytes     int64         `json:"bytes"`             // of dump and vault archive
	Sealed    bool          `json:"manifest"`          // it has a manifest, and its files are as long as that says
	Backups   int           `json:"backups"`           // from which a restore is possible
	Secrets   string        `json:"secrets"`           // how much is known of the secrets that it needs
	Offsite   string        `json:"offsite,omitempty"` // where copies are kept, and whether the newest is there; empty: nowhere
	Copied    bool          `json:"offsite_equal"`     // it is: with the same manifest, and files as long as that says
	LastRun   *Summary      `json:"last_backup_run,omitempty"`
	LastDrill *Summary      `json:"last_drill,omitempty"`
}

// Worsen adds a problem.
func (m *Monitor) Worsen(to Level, problem string) {
	m.Level, m.Problems = max(m.Level, to), append(m.Problems, problem)
	m.Word = m.Level.String()
}
