package steps

import (
	"testing"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/dump"
)

// causesOfUnrest are those of interruptions, and of others at work.
func causesOfUnrest(t *testing.T) map[recovery.Code][]recovery.Diagnosis {
	t.Helper()
	s := stopped(t)

	return map[recovery.Code][]recovery.Diagnosis{
		CodeBarrierLeft: {barrierLeft(s, dump.Barrier{Run: "20261101-000000", Host: "ffhost-02"})},
	}
}
