package steps

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
)

// receipt is what a loaded database carries as its comment: proof of which run
// loaded which backup, and that it was counted. It moves with the database.
type receipt struct {
	Program string         `json:"program"`
	Run     recovery.RunID `json:"run"`
	Backup  string         `json:"backup"`
	SHA256  string         `json:"dump_sha256"`
	Tables  int            `json:"tables"`
	Rows    int64          `json:"rows"`
	Time    time.Time      `json:"time"`

	// Replaces is the name under which the database that it replaced is kept,
	// noted just before the switch; empty where none was live. An undo that does
	// not find it must not begin.
	Replaces string `json:"replaces,omitempty"`
}

const program = "firmflow-recovery"

// loaded tells whether a database carries this run's receipt: loaded, counted.
func (s *Stack) loaded(ctx context.Context, name string) (bool, error) {
	comment, err := s.server().CommentOf(ctx, name)
	if isNoDatabase(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	_, ours := s.receiptIn(comment)

	return ours, nil
}

// receiptIn reads the receipt in a database's comment; ours is false where it is
// of another run, or the comment is somebody else's.
func (s *Stack) receiptIn(comment string) (r receipt, ours bool) {
	if json.Unmarshal([]byte(comment), &r) != nil {
		return receipt{}, false
	}

	return r, r.Program == program && r.Run == s.RunID
}

// proven counts a loaded database again. Once it is live, rows may come and go,
// and only the objects are compared.
func (d *database) proven(ctx context.Context, name string) (recovery.Assessment, error) {
	c, err := d.server().Compare(ctx, name, d.read.contents, d.read.reading)
	if err != nil {
		return recovery.Assessment{}, err
	}
	counted := "as in the dump"
	if name == d.Database { // the app may have written since it went live
		c.Objects.Want = c.Objects.Got
		c.Differing, counted = nil, "now; as in the dump when it went live"
	}
	problems := c.Problems()
	if len(problems) > 0 && name == d.restoring() && !d.ran {
		return d.planned(), nil // beside the live one, and no longer what was counted: it is loaded again
	}
	if len(problems) > 0 {
		return recovery.Assessment{Standing: recovery.Blocked, Findings: []recovery.Finding{
			recovery.Problem("database", recovery.Failed, databaseDiffers(name, problems)),
		}}, nil
	}
	fact := tables(c.Tables) + ", " + rows(c.Rows)
	a := recovery.Assessment{Standing: recovery.Done, Summary: fact + " " + counted}
	a.Findings = []recovery.Finding{recovery.OK("database", fact+" "+counted+"; sequences, indexes and constraints are there").Of(d.Backup.Dump.Size, c.Rows)}
	a.Findings = append(a.Findings, d.digestFindings()...)
	unset, err := d.unset(ctx, name)
	if err != nil {
		return a, err
	}
	outside, err := d.outside(ctx, name)
	if err != nil {
		return a, err
	}
	a.Findings = append(append(a.Findings, unset...), outside...)
	if len(c.Uncounted)+len(c.NoRows) > 0 {
		a.Findings = append(a.Findings, recovery.Problem("database", recovery.Unproven, rowsUnknown(c)))
	}

	return a, nil
}

func (d *database) receipt(c dump.Comparison) (string, error) {
	text, err := json.Marshal(receipt{
		Program: program, Run: d.RunID, Backup: d.Backup.Name(), SHA256: d.read.reading.SHA256,
		Tables: c.Tables, Rows: c.Rows, Time: d.Now().UTC(),
	})
	if err != nil {
		return "", fmt.Errorf("write the database's receipt: %w", err)
	}

	return string(text), nil
}
