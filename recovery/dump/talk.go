package dump

import (
	"context"
	"crypto/rand"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"
	"time"
)

// Talk is one session in which many questions are asked, one after the other. To
// begin a psql inside a container takes longer than most answers. The session
// begins with the first question, and anew with the next one after a failure. Close
// must be called.
type Talk struct {
	server     Server
	db, before string // statements that come first
	cancel     context.CancelFunc
	input      *os.File // nil: there is no session
	output     *io.PipeReader
	answers    *csv.Reader
	end        string // what follows the last row of an answer
	ended      chan error
}

// Talk makes a session in a database, which can change nothing.
func (s Server) Talk(db string) *Talk { return &Talk{server: s, db: db, before: readOnly} }

const readOnly = "set default_transaction_read_only = on; "

// Talk makes a session that is asked as of the moment.
func (n *Snapshot) Talk() *Talk {
	return &Talk{server: n.server, db: n.db, before: readOnly + "begin isolation level repeatable read read only; set transaction snapshot " + literal(n.id) + ";"}
}

// askedFor is what a talk does, for errors.
const askedFor = "ask the database"

// Rows shows the rows that a query answers with, one after the other: there may
// be millions, so they are neither kept here nor by psql. NULL and the empty text
// read the same.
func (t *Talk) Rows(ctx context.Context, query string, row func(columns []string) error) error {
	return t.run(ctx, "copy ("+query+") to stdout with (format csv);", row)
}

// run runs statements and shows the rows of all their answers.
func (t *Talk) run(ctx context.Context, sql string, row func(columns []string) error) error {
	if err := t.open(ctx); err != nil {
		return err
	}
	defer context.AfterFunc(ctx, t.cancel)()
	_, err := io.WriteString(t.input, sql+"\n\\echo "+t.end+"\n")
	if err == nil {
		err = t.each(row)
	}
	if err == nil {
		return nil
	}
	over := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.EPIPE) || ctx.Err() != nil // psql has ended

	return t.failed(err, over)
}

// failed ends a session in which something failed. Where psql has ended by itself, it
// has said why.
func (t *Talk) failed(err error, over bool) error {
	if said := t.hangUp(); said != nil && over {
		return explain(askedFor, said)
	}

	return fmt.Errorf("%s: %w", askedFor, err)
}

// open begins the session, where there is none.
func (t *Talk) open(ctx context.Context) error {
	if t.input != nil {
		return nil
	}
	// A pipe of package io would be read by a goroutine that outlives a psql which
	// failed, and be waited for.
	in, input, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("%s: %w", askedFor, err)
	}
	output, out := io.Pipe()
	cmd := t.server.psql(t.db, "")
	cmd.Stdin, cmd.Stdout = in, out
	ctx, t.cancel = context.WithCancel(context.WithoutCancel(ctx))
	t.input, t.output, t.answers, t.end, t.ended = input, output, csv.NewReader(output), "end-"+rand.Text(), make(chan error, 1)
	t.answers.FieldsPerRecord, t.answers.ReuseRecord = -1, true
	go func(ended chan<- error) {
		err := t.server.Run.Run(ctx, cmd)
		ended <- errors.Join(err, in.Close())
		out.CloseWithError(io.EOF)
	}(t.ended)
	_, err = io.WriteString(input, t.before+"\n")
	if err != nil {
		return t.failed(err, true)
	}

	return nil
}

// each shows the rows up to the end of an answer.
func (t *Talk) each(row func([]string) error) error {
	for {
		columns, err := t.answers.Read()
		if errors.Is(err, io.EOF) {
			return io.ErrUnexpectedEOF // psql ends at an error
		}
		if err != nil {
			return err
		}
		if len(columns) == 1 && columns[0] == t.end {
			return nil
		}
		if err := row(columns); err != nil {
			return err
		}
	}
}

// hangUp ends the session, and gives what psql said at last.
func (t *Talk) hangUp() error {
	if t.input == nil {
		return nil
	}
	_ = t.input.Close()                                                          // its input ends, and so does psql
	_ = t.output.CloseWithError(errors.New("the answer is not wanted any more")) // ends psql where it still writes
	t.input = nil
	late := time.AfterFunc(endsWithin, t.cancel) // the server's container may be frozen
	err := <-t.ended
	late.Stop()
	t.cancel()

	return err
}

// endsWithin is how long a session that is asked nothing more may take to end.
const endsWithin = 5 * time.Second

// Close ends the session. What it was asked for was answered, or has failed.
func (t *Talk) Close() { _ = t.hangUp() }
