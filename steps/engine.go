package steps

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
)

// engage makes this run the one engine of its database, wherever others run. The
// lock of this host keeps two apart that share their journals; this one, which
// the server holds, keeps all others apart. What an interrupted run has left at
// work is ended with it. A server that was started again has forgotten the lock:
// it is taken anew.
func (s *Stack) engage(ctx context.Context) error {
	if s.stands(ctx) {
		return nil
	}
	s.Disengage()
	held, err := s.server().Engage(ctx, s.Database, dump.Engine{Run: string(s.RunID), PID: os.Getpid(), Host: s.Host}, s.gone)
	if err == nil {
		s.engaged, s.questions = held, dump.Asking()
	}

	return err
}

// claim makes this run the engine before it leaves anything beside what is live,
// where the database can be asked by now. Two that share the vault and no
// journals may even have the same name.
func (s *Stack) claim(ctx context.Context) error {
	up, err := s.dbRuns(ctx)
	if err != nil || !up {
		return err
	}

	return s.engage(ctx)
}

// stands tells whether this run is the engine by now; also where there is no
// database to be one of.
func (s *Stack) stands(ctx context.Context) bool {
	if s.project == nil || !s.project.HasData {
		return true
	}

	return s.engaged != nil && s.engaged.Holds(ctx)
}

// releasing is how long the server has to end a session that wants to end.
const releasing = 10 * time.Second

// Disengage gives the lock back. It is for the end of a run, whatever it was.
func (s *Stack) Disengage() {
	if s.engaged == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), releasing)
	defer cancel()
	s.engaged.Release(ctx)
	s.questions.Close()
	s.engaged, s.questions = nil, nil
}

// gone tells whether an engine is none any more: it was this process, or one of
// this host that has ended. Of another host's nothing is known.
func (s *Stack) gone(e dump.Engine) bool {
	if e.Host == "" || !strings.HasPrefix(s.Host, e.Host) {
		return false
	}
	if e.PID == os.Getpid() {
		return true
	}
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(e.PID) + "/stat")
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	_, state, _ := strings.Cut(string(stat), ") ")

	return strings.HasPrefix(state, "Z") // dead, and not yet buried
}

// alone fails where somebody else works on the database. It only looks.
func (s *Stack) alone(ctx context.Context, o outlook) error {
	if !o.up || s.engaged != nil {
		return nil
	}
	e, session, held, err := s.server().Holder(ctx, s.Database)
	if err != nil {
		return err
	}
	if held && !s.gone(e) {
		return &dump.AtWorkError{Engine: e, Session: session}
	}

	return s.undisturbed(ctx)
}

// undisturbed fails where pg_restore or pg_dump of somebody else is at work on
// the live database: a load would be mixed with ours, and a backup cut short.
func (s *Stack) undisturbed(ctx context.Context) error {
	foreign, err := s.server().Foreign(ctx, s.Database)
	if err == nil && len(foreign) > 0 {
		err = &dump.AtWorkError{Session: foreign[0]}
	}

	return err
}

// diagnoseOthers is about others who work on the same database.
func (s *Stack) diagnoseOthers(err error) (recovery.Diagnosis, bool) {
	var other *dump.AtWorkError
	if !errors.As(err, &other) {
		return recovery.Diagnosis{}, false
	}
	if other.Engine.Run != "" {
		return recovery.Diagnosis{
			Code: CodeRunElsewhere, Summary: "Another recovery works on this database", Seen: other.Error(),
			Remedies: do("Watch it, on its host", "firmflow-recovery attach "+other.Engine.Run,
				"Let it end; the lock frees itself when its process ends, however it ends", fmt.Sprintf("ps -fp %d", other.Engine.PID), thenLookMore, again),
		}, true
	}

	return recovery.Diagnosis{
		Code: CodeDatabaseBusy, Summary: "Somebody else loads or dumps the live database", Seen: other.Session.String(),
		Remedies: do("Let it end, then continue", resume, "Or end it: a backup is then cut short, a load is left half-done",
			s.psql(fmt.Sprintf("select pg_terminate_backend(%d)", other.Session.PID))),
	}, true
}
