package steps

import (
	"context"
	"errors"
	"fmt"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/stack"
)

// wentAway tells whether an error is what is left when the database's service
// ends, is frozen or is started again under the work.
func wentAway(err error) bool {
	for _, sign := range []error{dump.ErrServerGone, dump.ErrNoAnswer, stack.ErrNotRunning} {
		if errors.Is(err, sign) {
			return true
		}
	}

	return false
}

// explained gives an error that a service's end has left the reason for that end,
// where the engine knows it: the words of psql are the same for all of them. It
// asks only, and where it cannot, the error stays as it was.
func (s *Stack) explained(ctx context.Context, err error) error {
	var failure *recovery.Failure
	if err == nil || ctx.Err() != nil || !wentAway(err) || errors.As(err, &failure) {
		return err
	}
	now, look := s.Runtime.Services(ctx)
	if look != nil {
		return errors.Join(err, look) // the engine itself may be what is gone
	}
	if d, known := s.endOf(ctx, stack.Find(now, s.DBService)); known {
		d.Seen += "; " + reason(err)

		return recovery.Fail(d, err)
	}

	return err
}

// frozen gives a start that failed the reason, where somebody has paused the
// service.
func (s *Stack) frozen(ctx context.Context, err error) error {
	now, look := s.Runtime.Services(ctx)
	db := stack.Find(now, s.DBService)
	if look != nil || db.State != stack.Paused {
		return err
	}
	d, _ := s.endOf(ctx, db)

	return recovery.Fail(d, err)
}

// endOf is why a service does not run as it should; known is false where nothing
// is to be seen of it.
func (s *Stack) endOf(ctx context.Context, service stack.Service) (d recovery.Diagnosis, known bool) {
	d = recovery.Diagnosis{
		Seen:   fmt.Sprintf("%s: state %s, exit code %d, restarted %d times", service.Name, service.State, service.ExitCode, service.Restarts),
		Intact: previousLive,
	}
	switch {
	case service.OOMKilled:
		d.Code, d.Summary = CodeServiceMemory, service.Name+" was ended for want of memory"
		d.Remedies = do("Give it more: raise mem_limit in the compose file, or end what else takes memory here", "free -m",
			"Nothing of it stands in its log, but what came before does", s.logsOf(service.Name), thenResume, resume)
	case service.State == stack.Paused:
		d.Code, d.Summary = CodeServicePaused, service.Name+" is frozen: somebody has paused it"
		d.Remedies = do("Let it go on", s.unpause(service.Name), thenResume, resume)
	case service.State == stack.Restarting, service.State == stack.Running && service.Restarts > 0:
		d.Code, d.Summary = CodeServiceLoops, service.Name+" ends again and again, and is started again each time"
		d.Seen += s.lastWords(ctx, service.Name)
		d.Remedies = do("Read what it said", s.logsOf(service.Name), "Mend that, then continue", resume)
	case service.State == stack.Exited, service.State == stack.Created, service.State == stack.Absent:
		d.Code, d.Summary = CodeServiceEnded, service.Name+" does not run any more"
		d.Seen += s.lastWords(ctx, service.Name)
		d.Remedies = do("Find out who ended it: an update, a colleague, the engine", s.logsOf(service.Name),
			"Then continue; it is started again", resume)
	default:
		return d, false
	}

	return d, true
}

func (s *Stack) unpause(service string) string {
	return typed("docker", "compose", "--project-directory", s.ProjectDir, "unpause", service)
}

// unreadyOr is a database that does not answer: why, where the engine knows it.
func (s *Stack) unreadyOr(ctx context.Context, err error) error {
	var failure *recovery.Failure
	if told := s.explained(ctx, err); errors.As(told, &failure) {
		return told
	}

	return recovery.Fail(s.databaseUnready(ctx, err), err)
}
