package recovery

import "time"

// Listing is what lies in a backup directory, for a screen to show.
type Listing struct {
	Directory string         `json:"directory"`
	Backups   []ListedBackup `json:"backups"` // newest first
	Foreign   int            `json:"foreign"` // names that are none of ours
	Unusable  []string       `json:"unusable,omitempty"`
}

// ListedBackup is one backup set as it can be told without opening its files.
type ListedBackup struct {
	Name        string        `json:"name"`
	Taken       time.Time     `json:"taken"`
	Age         time.Duration `json:"age_ns"`
	DumpBytes   int64         `json:"dump_bytes"`  // 0: missing or empty
	VaultBytes  int64         `json:"vault_bytes"` // of the archive; 0: missing or empty
	Mirror      bool          `json:"vault_sync"`  // vault_sync could stand in for the archive
	Env         bool          `json:"env"`         // a copy of .env has the same date
	Manifest    bool          `json:"manifest"`    // it says itself what it should be
	Recoverable bool          `json:"recoverable"` // nothing that is needed is missing
	Remarks     []string      `json:"remarks,omitempty"`
	Checked     Status        `json:"checked,omitempty"` // the worst that a full look found; empty: there was none
}
