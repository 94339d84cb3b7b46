package compose

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"firmflow-recovery/recovery/secret"
	"firmflow-recovery/recovery/stack"
)

func TestServicesTellWhatStands(t *testing.T) {
	want := []stack.Service{
		{Name: "app", ID: "d78e7571e8bd84e031d461b66618c2705a41dbc9a26ab3e68f7c3ef8eec61489", State: stack.Created},
		{Name: "db", ID: "d826d4da855c2ab81439dc952c90a2b0129f3dd758bef48f81f681b0b34534a6", State: stack.Running, Health: stack.Healthy},
		{Name: "web-proxy", State: stack.Absent},
	}
	r, s := scripted(t)
	got, err := r.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got[1].StartedAt.IsZero() || !got[0].StartedAt.IsZero() {
		t.Errorf("db started %v, app started %v; want a time, and none", got[1].StartedAt, got[0].StartedAt)
	}
	got[1].StartedAt = time.Time{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("Services (-want +got):\n%s", diff)
	}
	if line := s.lines()[2]; line != "docker container inspect "+want[0].ID+" "+want[1].ID {
		t.Errorf("asked: %s", line)
	}
}

func TestServicesWithoutContainersAreAbsent(t *testing.T) {
	for _, out := range []string{"", "\n"} {
		r, _ := scripted(t, reply{when: "ps --all", out: out})
		got, err := r.Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range got {
			if s.State != stack.Absent {
				t.Errorf("%s is %s, want absent", s.Name, s.State)
			}
		}
	}
}

func TestE14E15E16StatesOfAContainer(t *testing.T) {
	const inspected = `[{"Id": "1", "RestartCount": 5, "State": %s, "Config": {"Labels": {"com.docker.compose.service": "app", "com.docker.compose.oneoff": "False"}}}]`
	for state, want := range map[string]stack.Service{
		`{"Status": "restarting", "ExitCode": 1}`:                                   {State: stack.Restarting, ExitCode: 1},
		`{"Status": "paused"}`:                                                      {State: stack.Paused},
		`{"Status": "exited", "ExitCode": 137, "OOMKilled": true}`:                  {State: stack.Exited, ExitCode: 137, OOMKilled: true},
		`{"Status": "dead"}`:                                                        {State: stack.Exited},
		`{"Status": "running", "Health": {"Status": "starting"}}`:                   {State: stack.Running, Health: stack.Starting},
		`{"Status": "running", "Health": {"Status": "unhealthy"}}`:                  {State: stack.Running, Health: stack.Unhealthy},
		`{"Status": "running", "Health": {"Status": "none"}}`:                       {State: stack.Running},
		`{"Status": "created", "StartedAt": "0001-01-01T00:00:00Z", "ExitCode": 0}`: {State: stack.Created},
	} {
		r, _ := scripted(t, reply{when: "container inspect", out: fmt.Sprintf(inspected, state)})
		services, err := r.Services(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		want.Name, want.ID, want.Restarts = "app", "1", 5
		if diff := cmp.Diff(want, stack.Find(services, "app")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", state, diff)
		}
	}
}

func TestServicesPreferTheContainerThatRuns(t *testing.T) {
	const one = `{"Id": "%s", "State": {"Status": "%s"}, "Config": {"Labels": {"com.docker.compose.service": "app", "com.docker.compose.oneoff": "%s"}}}`
	out := "[" + fmt.Sprintf(one, "once", "running", "True") + "," + fmt.Sprintf(one, "old", "exited", "False") + "," +
		fmt.Sprintf(one, "runs", "running", "False") + "," + fmt.Sprintf(one, "also", "running", "False") + "]"
	r, _ := scripted(t, reply{when: "container inspect", out: out})
	services, err := r.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := stack.Find(services, "app"); got.ID != "runs" {
		t.Errorf("the app is container %q, want runs", got.ID)
	}
}

func TestAContainerThatIsGoneMeanwhileIsAbsent(t *testing.T) {
	r, _ := scripted(t, reply{when: "container inspect", out: "[]", code: 1, stderr: "Error response from daemon: No such container: d78e7571e8bd"})
	services, err := r.Services(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := stack.Find(services, "app"); got.State != stack.Absent {
		t.Errorf("the app is %s, want absent", got.State)
	}
}

func TestHoldsIsWhatTheContainerWasMadeWith(t *testing.T) {
	r, _ := scripted(t)
	got, err := r.Holds(t.Context(), "app")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"AUTH_SECRET": madeUpSecret, "MULTI": "first\nsecond=third", "DOLLARS": "x$y$$z", "LANG": "C.UTF-8",
	} {
		if !got[name].Equal(secret.New(want)) {
			t.Errorf("%s is something else than %q", name, want)
		}
	}
	if _, ok := got["UNSET"]; ok {
		t.Error("a variable without a value is held")
	}
	if _, err := r.Holds(t.Context(), "web-proxy"); !errors.Is(err, stack.ErrNotRunning) {
		t.Errorf("Holds of an absent service = %v, want %v", err, stack.ErrNotRunning)
	}
}

func TestLogsAreScrubbedAndSplit(t *testing.T) {
	r, s := scripted(t, reply{when: "logs", out: "one\r\ntwo " + madeUpPassword + "\n\x1b[31mthree\xff\n"})
	got, err := r.Logs(t.Context(), "db", 2)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"two [redacted]", "\x1b[31mthree\uFFFD"}; !slices.Equal(got, want) {
		t.Errorf("Logs = %q, want %q", got, want)
	}
	if line := strings.Join(s.last().Args, " "); !strings.HasSuffix(line, "logs --no-color --no-log-prefix --tail 2 db") {
		t.Errorf("asked: %s", line)
	}

	r, _ = scripted(t, reply{when: "logs"})
	if got, err := r.Logs(t.Context(), "db", 5); err != nil || len(got) != 0 {
		t.Errorf("an empty log gives %q, %v", got, err)
	}
}

func TestOnlyTheEndOfALongLogIsKept(t *testing.T) {
	var e ending
	for range 100 {
		_, _ = e.Write([]byte(strings.Repeat("x", 100_000)))
	}
	_, _ = e.Write([]byte("the end"))
	if text := e.text(); len(text) != most || !strings.HasSuffix(text, "the end") || cap(e.kept) > 6*most {
		t.Errorf("%d bytes kept, room for %d", len(text), cap(e.kept))
	}
}
