package tui

import "fmt"

// Lend gives the terminal to something else, such as a shell, and takes it back
// after. Events that arrive meanwhile wait.
func (o *Operator) Lend(use func() error) error {
	if err := o.program.ReleaseTerminal(); err != nil {
		return fmt.Errorf("leave the screen: %w", err)
	}
	err := use()
	if back := o.program.RestoreTerminal(); back != nil {
		return fmt.Errorf("return to the screen: %w", back)
	}

	return err
}
