package dump

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"firmflow-recovery/recovery/command"
)

// maintenance is the database that is connected to for work on the others. The
// official image always makes it.
const maintenance = "postgres"

// Server is the database's side. It reaches the server through psql and
// pg_restore beside it, over the connection they take by default.
type Server struct {
	Run  command.Runner // inside the running database service
	User string         // the database's user: a superuser in the official image
	Live string         // the database that the work is about; sessions are named after it

	// Questions, where there are some, are asked in one session.
	Questions *Questions
}

// Ready tells whether the server can be worked with: by a query over TCP, and
// one over the connection used from then on. While the official image makes a
// new cluster, a server for itself alone answers on the socket, and pg_isready
// cannot tell the two apart; over TCP only the final one answers. That it asks
// for a password there is an answer.
func (s Server) Ready(ctx context.Context) error {
	err := s.Run.Run(ctx, s.psql(maintenance, "select 1", "--host=127.0.0.1"))
	if err != nil && !answers(err) {
		return s.notReady(err)
	}
	if err := s.Run.Run(ctx, s.psql(maintenance, "select 1")); err != nil {
		return s.notReady(err)
	}

	return nil
}

// Answers tells whether a server that was ready before answers still: in the session
// that is asked in already, where there is one, and otherwise as Ready does.
func (s Server) Answers(ctx context.Context) error {
	if _, answered := s.Questions.ask(ctx, s, maintenance, "select 1"); answered {
		return nil
	}

	return s.Ready(ctx)
}

func (s Server) notReady(err error) error {
	told := explain("ask the database for an answer", err)
	var tool *ToolError
	if errors.As(told, &tool) && tool.Cause == nil {
		tool.Cause = ErrNoAnswer
	}

	return told
}

// answers tells whether a failed connection was refused by the server itself.
func answers(err error) bool {
	var failed *command.Error
	if !errors.As(err, &failed) {
		return false
	}
	for _, refusal := range []string{"no password supplied", "password authentication failed", "no pg_hba.conf entry"} {
		if failed.Says(refusal) {
			return true
		}
	}

	return false
}

// Version gives the server's major version, and the whole of it as text.
func (s Server) Version(ctx context.Context) (int, string, error) {
	row, err := s.row(ctx, "ask for the server's version", maintenance,
		`select current_setting('server_version_num')::int / 10000, current_setting('server_version')`)
	if err != nil {
		return 0, "", err
	}
	major, err := strconv.Atoi(row[0])
	if err != nil {
		return 0, "", fmt.Errorf("read the server's version: %w", err)
	}

	return major, row[1], nil
}

// psql is the command that runs SQL in a database. The SQL goes through
// standard input: as an argument, anybody on the host could read it.
func (s Server) psql(db, sql string, more ...string) command.Cmd {
	args := []string{
		"psql", "--no-psqlrc", "--no-password", "--quiet", "--csv", "--tuples-only",
		"--set=ON_ERROR_STOP=1",
		"--set=VERBOSITY=verbose", // shows error codes, which no server translates
		"--username=" + s.User, "--dbname=" + connection(db),
	}

	return command.Cmd{
		Args:  append(args, more...),
		Env:   append(clientEnv(), "PGAPPNAME="+looks),
		Stdin: strings.NewReader(sql),
	}
}

// exec runs SQL for its effect.
func (s Server) exec(ctx context.Context, doing, db, sql string) error {
	return explain(doing, s.Run.Run(ctx, sessionAs(s.psql(db, sql), session(acts, s.Live))))
}

// query runs SQL and gives the rows of all its answers.
func (s Server) query(ctx context.Context, doing, db, sql string) ([][]string, error) {
	if rows, answered := s.Questions.ask(ctx, s, db, sql); answered {
		return rows, nil
	}
	out := &bounded{limit: mostOutput}
	cmd := s.psql(db, sql)
	cmd.Stdout = out
	if err := s.Run.Run(ctx, cmd); err != nil {
		return nil, explain(doing, err)
	}
	in := csv.NewReader(&out.text)
	in.FieldsPerRecord = -1
	rows, err := in.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("%s: read the answer: %w", doing, err)
	}

	return rows, nil
}

// row runs SQL that answers with one row.
func (s Server) row(ctx context.Context, doing, db, sql string) ([]string, error) {
	rows, err := s.query(ctx, doing, db, sql)
	if err != nil {
		return nil, err
	}
	if len(rows) != 1 {
		return nil, fmt.Errorf("%s: %d rows in the answer, not one", doing, len(rows))
	}

	return rows[0], nil
}

// numbers reads columns that hold integers. An empty one is zero.
func numbers(columns ...string) ([]int64, error) {
	read := make([]int64, len(columns))
	for i, text := range columns {
		if text == "" {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("read a number of the answer: %w", err)
		}
		read[i] = n
	}

	return read, nil
}
