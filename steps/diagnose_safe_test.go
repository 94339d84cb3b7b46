package steps

import (
	"fmt"
	"syscall"
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
	"firmflow-recovery/recovery/journal"
	"firmflow-recovery/recovery/stack"
)

// causesOfUnrest are those of interruptions, and of others at work.
func causesOfUnrest(t *testing.T) map[recovery.Code][]recovery.Diagnosis {
	t.Helper()
	s := stopped(t)

	ended := func(service stack.Service) recovery.Diagnosis {
		service.Name = "db"
		d, known := s.endOf(t.Context(), service)
		if !known {
			t.Errorf("%+v is not known", service)
		}

		return d
	}

	return map[recovery.Code][]recovery.Diagnosis{
		CodeServiceMemory: {ended(stack.Service{State: stack.Exited, ExitCode: 137, OOMKilled: true}), ended(stack.Service{State: stack.Running, OOMKilled: true, Restarts: 1})},
		CodeServicePaused: {ended(stack.Service{State: stack.Paused})},
		CodeServiceLoops:  {ended(stack.Service{State: stack.Restarting}), ended(stack.Service{State: stack.Running, Restarts: 5})},
		CodeServiceEnded:  {ended(stack.Service{State: stack.Exited, ExitCode: 137}), ended(stack.Service{State: stack.Absent}), ended(stack.Service{State: stack.Created})},
		CodeRunElsewhere:  {(&environment{Stack: s}).Diagnose(&dump.AtWorkError{Engine: dump.Engine{Run: "20261101-000000", PID: 7, Host: "ffhost-02"}}), (&database{Stack: s}).Diagnose(&dump.AtWorkError{Engine: dump.Engine{Run: "r"}})},
		CodeDatabaseBusy:  {(&environment{Stack: s}).Diagnose(&dump.AtWorkError{Session: dump.Session{PID: 9, Application: "pg_dump"}})},

		CodeJournalPlace: {carried(t, unkept(journal.Home{Dir: "/state"}, fmt.Errorf("create it: %w", syscall.ENOSPC)))},
		CodeBarrierLeft:  {barrierLeft(s, dump.Barrier{Run: "20261101-000000", Host: "ffhost-02"})},
	}
}
