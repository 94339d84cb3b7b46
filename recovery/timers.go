package recovery

// TimerUnit is one of systemd's units, and what becomes of it.
type TimerUnit struct {
	Path  string   `json:"path"`
	Text  string   `json:"text"`
	Fate  UnitFate `json:"fate"`
	Aside string   `json:"set_aside,omitempty"` // where the one of before is kept
}

// UnitFate is what becomes of a unit.
type UnitFate string

// The fates of a unit.
const (
	UnitSame     UnitFate = "there already"
	UnitWritten  UnitFate = "written"
	UnitReplaced UnitFate = "written; the one of before is kept"
)
