package steps

import (
	"errors"
	"io/fs"
	"time"

	"firmflow-recovery/recovery"
	"firmflow-recovery/recovery/drill"
)

// causesOfDrills are those of what surrounds a drill.
func causesOfDrills() map[recovery.Code][]recovery.Diagnosis {
	broken := errors.New("permission denied")
	place := drill.In("/var/tmp", drill.Receipt{Run: "20261123-030107"})

	return map[recovery.Code][]recovery.Diagnosis{
		CodeDrillUnknown:          {recoveryUnknown(broken)},
		CodeDrillTouches:          {drillTouches("/opt/firmflow", &drill.TouchError{Ours: "directory", Theirs: "project"}), drillTouches("/var/tmp", broken)},
		CodeDrillFault:            {faultImpossible(drill.Fault{Name: "secret-dollar"}, drill.ErrImpossible)},
		CodeDrillPlace:            {drillPlace("/var/tmp", fs.ErrNotExist), drillPlace("/var/tmp", fs.ErrExist)},
		CodeDrillLeft:             {drillLeft(place, broken), drillLeft(place, &drill.MountedError{At: "/mnt"}), drillLeft(place, &drill.InUseError{Processes: []string{"bash (7)"}})},
		CodeDrillUnseen:           {installationUnseen(broken)},
		CodeDrillChanged:          {installationChanged([]string{".env was written"})},
		CodeDrillStandIn:          {standInApp()},
		CodeDrillLeftOut:          {leftOut([]string{"web: /run/docker.sock at /var/run/docker.sock"})},
		CodeDrillOriginal:         {ownEnv("/opt/firmflow/.env")},
		recovery.CodeTargetMissed: {targetMissed(time.Hour, time.Minute)},
	}
}
