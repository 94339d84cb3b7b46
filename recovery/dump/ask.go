package dump

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
)

// Ask shows the rows that a query answers with, one after the other: there may
// be millions, so they are neither kept here nor by psql. The query can change
// nothing. NULL and the empty text read the same.
func (s Server) Ask(ctx context.Context, db, query string, row func(columns []string) error) error {
	return s.ask(ctx, db, "", query, row)
}

// ask is Ask, after statements that say as of when.
func (s Server) ask(ctx context.Context, db, before, query string, row func(columns []string) error) error {
	const doing = "ask the database"
	pipe, out := io.Pipe()
	cmd := s.psql(db, "set default_transaction_read_only = on; "+before+"copy ("+query+") to stdout with (format csv)")
	cmd.Stdout = out
	ended := make(chan error, 1)
	go func() {
		err := s.Run.Run(ctx, cmd)
		ended <- err
		out.CloseWithError(io.EOF)
	}()
	in := csv.NewReader(pipe)
	in.FieldsPerRecord, in.ReuseRecord = -1, true
	err := each(in, row)
	pipe.CloseWithError(errors.New("the answer is not wanted any more")) // ends psql where it still writes
	if failed := <-ended; failed != nil && (err == nil || ctx.Err() != nil) {
		return explain(doing, failed)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}

	return nil
}

func each(in *csv.Reader, row func([]string) error) error {
	for {
		columns, err := in.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := row(columns); err != nil {
			return err
		}
	}
}
