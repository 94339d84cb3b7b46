package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// most is how many documents are stored during one backup at most: each is
// restored, served and opened afterwards.
const most = 500

// writing keeps storing documents through the app, each with its entry in the
// audit log, until it is told to stop; it gives how many it has stored.
func (i *site) writing(t *testing.T, round int) (stop func() int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stored := make(chan int, 1)
	go func() {
		n := 0
		for ctx.Err() == nil && n < most {
			url := i.url(fmt.Sprintf("/api/documents?firm=firm-1&name=load%d-%d.txt", round, n))
			response, err := http.Post(url, "text/plain", strings.NewReader(strings.Repeat("while it is backed up\n", 10+n*97%3000))) //nolint:noctx // it may end, or not
			if err != nil {
				continue
			}
			_ = response.Body.Close()
			if response.StatusCode < 300 {
				n++
			}
		}
		stored <- n
	}()

	return func() int {
		cancel()

		return <-stored
	}
}

// TestABackupUnderWriteLoadIsWhole: while the app goes on storing documents and
// audit entries, a backup is taken. Restored, every document that its database
// names is there and opens, the chain is unbroken, and its head is the one that
// the manifest says, of the dump's own moment.
func TestABackupUnderWriteLoadIsWhole(t *testing.T) {
	i := installed(t)
	for round := range times("FIRMFLOW_RECOVERY_TEST_LOADS", 1) {
		before := i.psql(t, `select count(*) from "Document"`)
		stop := i.writing(t, round)
		taken := firmflow(t, nil, "backup", "--project", i.dir, "--backups", i.backups, "--state-dir", i.state, "--env", "apart", "--plain")
		if n := stop(); n == 0 {
			t.Errorf("round %d: nothing was stored meanwhile", round)
		}
		taken.want(t, 0, "BACKED UP in")
		now := i.psql(t, `select count(*) from "Document"`)
		i.run(t, "restore", "--confirm", hostname(t), "--plain").want(t, 0, "VERIFIED in", "length and head as in the manifest", "every byte as in the manifest")
		t.Logf("round %d: %d documents restored; %s before, %s after the backup", round, i.served(t), before, now)
	}
	noSecrets(t, i, content(t, newest(t, i.backups).Manifest.Path))
}
