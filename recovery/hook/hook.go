// Package hook tells other programs how a run or a drill ended: a command gets
// the report on its standard input, a web address gets it posted.
//
// It promises:
//   - What is told is the JSON report, which holds no secret.
//   - No shell is involved, each telling is bounded in time, and none of them can
//     change what is told: a hook that fails is an error to be shown, no more.
//   - The web address, which may hold a token, stands in no error.
package hook

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"firmflow-recovery/recovery/command"
	"firmflow-recovery/recovery/secret"
)

// Hooks are what is told. Their zero value tells nobody.
type Hooks struct {
	Success []string      // argv of the command after a run that ended well; empty: none
	Failure []string      // argv of the command after any other
	Webhook secret.String // where the report is posted after either; empty: nowhere
	Run     command.Runner
	Client  *http.Client
	Bound   time.Duration // how long each may take
}

// Bounded is how long a hook may take where nobody says otherwise.
const Bounded = 30 * time.Second

// Ending is how a run ended, for a hook's environment.
type Ending struct {
	Outcome string
	Exit    int // 0: well
	Report  string
}

// Argv reads a command from a setting: words between blanks, or a JSON array
// where a word holds a blank itself. Nothing of it is interpreted any further.
func Argv(text string) ([]string, error) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "[") {
		return strings.Fields(text), nil
	}
	var words []string
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		return nil, errors.New("read a hook's command: it begins with [ and is no JSON array of texts")
	}
	if len(words) == 0 || words[0] == "" {
		return nil, errors.New("read a hook's command: it names no program")
	}

	return words, nil
}

// Tell tells everybody, whatever became of those before, and gives what went
// wrong. It does not end with the context of a run that was stopped: that run's
// end is what is told.
func (h Hooks) Tell(ctx context.Context, e Ending, report []byte) []error {
	ctx = context.WithoutCancel(ctx)
	var failed []error
	argv := h.Success
	if e.Exit != 0 {
		argv = h.Failure
	}
	if len(argv) > 0 {
		if err := h.command(ctx, argv, e, report); err != nil {
			failed = append(failed, err)
		}
	}
	if !h.Webhook.Empty() {
		if err := h.post(ctx, report); err != nil {
			failed = append(failed, err)
		}
	}

	return failed
}

func (h Hooks) bound() time.Duration {
	if h.Bound > 0 {
		return h.Bound
	}

	return Bounded
}

func (h Hooks) command(ctx context.Context, argv []string, e Ending, report []byte) error {
	ctx, cancel := context.WithTimeout(ctx, h.bound())
	defer cancel()
	err := h.Run.Run(ctx, command.Cmd{
		Args: argv, Stdin: bytes.NewReader(report),
		Env: []string{
			"FIRMFLOW_RECOVERY_OUTCOME=" + e.Outcome, "FIRMFLOW_RECOVERY_EXIT=" + strconv.Itoa(e.Exit), "FIRMFLOW_RECOVERY_REPORT=" + e.Report,
		},
	})
	if ctx.Err() != nil {
		return fmt.Errorf("hook %s: not done after %s, ended", argv[0], h.bound())
	}
	if err != nil {
		return fmt.Errorf("hook: %w", err)
	}

	return nil
}

func (h Hooks) post(ctx context.Context, report []byte) error {
	ctx, cancel := context.WithTimeout(ctx, h.bound())
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, secret.Reveal(h.Webhook), bytes.NewReader(report))
	if err != nil {
		return errors.New("webhook: the address cannot be read")
	}
	request.Header.Set("Content-Type", "application/json")
	client := h.Client
	if client == nil {
		client = &http.Client{}
	}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("webhook: %w", bare(err))
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // the status says all there is to know
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("webhook: answered %s", answer.Status)
	}

	return nil
}

// bare takes the address out of an error of net/http.
func bare(err error) error {
	var of *url.Error
	if errors.As(err, &of) {
		return of.Err
	}

	return err
}
