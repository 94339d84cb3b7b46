package dump

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"firmflow-recovery/recovery/command"
)

// Snapshot is one moment of a database, held open, so that a dump and the
// questions asked beside it are about the same rows.
type Snapshot struct {
	server Server
	db, id string
	input  *os.File
	ended  chan error
}

// Snapshot opens one. Close must be called; it also ends when the program does,
// however it does: psql holds it for as long as its input is open.
//
// The input is a pipe of the system's. One of package io would be read by a
// goroutine that outlives a psql which failed, and be waited for.
func (s Server) Snapshot(ctx context.Context, db string) (*Snapshot, error) {
	const doing = "hold a moment of the database"
	in, input, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", doing, err)
	}
	answers, output := io.Pipe()
	cmd := s.psql(db, "")
	cmd.Stdin, cmd.Stdout = in, output
	n := &Snapshot{server: s, db: db, input: input, ended: make(chan error, 1)}
	go func() {
		err := s.Run.Run(ctx, cmd)
		n.ended <- errors.Join(err, in.Close())
		output.CloseWithError(io.EOF)
	}()
	const begin = "set idle_in_transaction_session_timeout = 0; begin isolation level repeatable read read only; select pg_export_snapshot();\n"
	_, err = io.WriteString(input, begin)
	lines := bufio.NewReader(answers)
	line, short := lines.ReadString('\n')
	if err != nil || short != nil {
		failed := errors.Join(n.Close(), ctx.Err())
		if failed == nil {
			failed = fmt.Errorf("%s: psql gave no answer", doing)
		}

		return nil, failed
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // so that psql never waits for a reader
	n.id = strings.TrimSpace(line)

	return n, nil
}

// Close lets the moment go.
func (n *Snapshot) Close() error {
	closed := n.input.Close()
	if err := explain("hold a moment of the database", <-n.ended); err != nil {
		return err
	}

	return closed
}

// Take writes a dump of the moment in pg_dump's custom format. line, which may be
// nil, is given what pg_dump says. The dump goes through a pipe: a terminal would
// change its bytes (FAULTS A1).
func (n *Snapshot) Take(ctx context.Context, w io.Writer, line func(string)) error {
	err := n.server.Run.Run(ctx, command.Cmd{
		Args: []string{
			"pg_dump", "--username=" + n.server.User, "--no-password", "--format=custom", "--snapshot=" + n.id, "--dbname=" + connection(n.db),
		},
		Env: append(clientEnv(), "PGAPPNAME=pg_dump of firmflow-recovery"), Stdout: w, Line: line,
	})
	if ctx.Err() != nil {
		return fmt.Errorf("dump the database: %w", ctx.Err())
	}

	return explain("dump the database", err)
}
