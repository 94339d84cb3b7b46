package recovery

import (
	"fmt"
	"strings"
)

// Plan is what a recovery would do, before anything is done.
type Plan struct {
	Backup  string        `json:"backup"`
	Target  string        `json:"target"`
	Purpose Purpose       `json:"purpose,omitempty"`
	Steps   []PlannedStep `json:"steps"`
	Earlier *int          `json:"earlier_runs,omitempty"` // how many runs and drills of this host are known; nil: nobody looked
}

// PlannedStep is one step of a plan.
type PlannedStep struct {
	ID         StepID     `json:"id"`
	Title      string     `json:"title"`
	Assessment Assessment `json:"assessment"`
	Estimate   *Estimate  `json:"estimate,omitempty"` // nil: this host has no history of it
}

// Blocked tells whether a step cannot run.
func (p Plan) Blocked() bool {
	for _, s := range p.Steps {
		if s.Assessment.Standing == Blocked {
			return true
		}
	}

	return false
}

// Replaces lists the live data that would be set aside.
func (p Plan) Replaces() []string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, s.Assessment.Replaces...)
	}

	return all
}

// GivesUp lists the live data that would be deleted before its replacement is
// there, for good.
func (p Plan) GivesUp() []string {
	var all []string
	for _, s := range p.Steps {
		all = append(all, s.Assessment.GivesUp...)
	}

	return all
}

// Loses lists what the operator gives up by going on.
func (p Plan) Loses() []string {
	var all []string
	for _, s := range p.Steps {
		if s.Assessment.Loses != "" {
			all = append(all, s.Assessment.Loses)
		}
	}

	return all
}

// problem gives the diagnosis that blocks: the first finding that failed.
func (p Plan) problem() (Diagnosis, bool) {
	for _, s := range p.Steps {
		if s.Assessment.Standing != Blocked {
			continue
		}
		for _, f := range s.Assessment.Findings {
			if f.Status == Failed && f.Diagnosis != nil {
				return *f.Diagnosis, true
			}
		}
	}

	return Diagnosis{}, false
}

// blocking is the first step that cannot run.
func (p Plan) blocking() StepID {
	for _, s := range p.Steps {
		if s.Assessment.Standing == Blocked {
			return s.ID
		}
	}

	return ""
}

// secrets tells whether what blocks is about the secrets.
func (p Plan) secrets() bool {
	d, blocked := p.problem()
	exit, known := d.Code.Exit()

	return blocked && known && exit == ExitSecrets
}

// String gives the plan as text. Its form is a contract: scripts and runbooks
// quote it.
func (p Plan) String() string {
	var b strings.Builder
	switch p.Purpose {
	case Recovering:
		fmt.Fprintf(&b, "Plan: backup %s -> %s\n", p.Backup, p.Target)
	case BackingUp:
		fmt.Fprintf(&b, "Plan: %s -> backup %s\n", p.Target, p.Backup)
	case Drilling:
		fmt.Fprintf(&b, "Plan: drill of backup %s -> %s\n", p.Backup, p.Target)
	default:
		fmt.Fprintf(&b, "Plan: %s of the recovery from backup %s; %s\n", p.Purpose, p.Backup, p.Target)
	}
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "  %d %s%s\n", i+1, s.Title, standing(s.Assessment.Standing))
		for _, change := range s.Assessment.Changes {
			fmt.Fprintf(&b, "      %s\n", change)
		}
	}
	if takes := p.Duration(); takes != "" {
		list(&b, "  TAKES", []string{takes})
	}
	if p.Purpose != Drilling { // its surroundings are its own
		list(&b, "  REPLACED, AND KEPT", p.Replaces())
		list(&b, "  DELETED FIRST, FOR GOOD: NO UNDO", p.GivesUp())
	}
	switch p.Purpose {
	case CleaningUp:
		list(&b, "  DELETED, FOR GOOD", p.Loses())
	case Drilling:
		list(&b, "  IN EARNEST THIS WOULD BE LOST", p.Loses())
	default:
		list(&b, "  LOST", p.Loses())
	}

	return b.String()
}

func standing(s Standing) string {
	switch s {
	case Done:
		return " (done already)"
	case Blocked:
		return " (blocked)"
	default:
		return ""
	}
}

func list(b *strings.Builder, head string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(b, head)
	for _, line := range lines {
		fmt.Fprintf(b, "      %s\n", line)
	}
}

// Runbook gives the same recovery as shell commands, for the day on which this
// program cannot be run.
func (p Plan) Runbook() string {
	var b strings.Builder
	b.WriteString("#!/bin/sh\n")
	head, deletes := "Recovery of %s from backup %s, by hand.", "Nothing here deletes what it replaces."
	if len(p.GivesUp()) > 0 {
		deletes = "It deletes, for good: " + strings.Join(p.GivesUp(), "; ") + "."
	}
	switch p.Purpose {
	case Undoing:
		head = "Back to %s, before the recovery from backup %s, by hand."
	case CleaningUp:
		head, deletes = "Cleanup of %s after the recovery from backup %s, by hand.", "What is deleted here is gone."
	case BackingUp:
		head = "Backup of %s as %s, by hand."
	case Recovering, Drilling:
	}
	fmt.Fprintf(&b, "# "+head+"\n", p.Target, p.Backup)
	b.WriteString("# Read each command before you run it. " + deletes + "\nset -eu\n")
	for i, s := range p.Steps {
		fmt.Fprintf(&b, "\n# Step %d: %s\n", i+1, s.Title)
		for _, command := range s.Assessment.Commands {
			b.WriteString(command + "\n")
		}
	}

	return b.String()
}
