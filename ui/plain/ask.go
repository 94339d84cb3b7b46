package plain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"firmflow-recovery/recovery"
)

// tries is how often an answer may not be understood before it counts as Stop.
const tries = 3

// Ask answers from the flags, else asks on lines. An ended input is Stop. Its
// errors are those that recovery.Operator promises.
func (o *Operator) Ask(ctx context.Context, q recovery.Question) (recovery.Answer, error) {
	if answer, ok := o.answers.Take(q.ID); ok {
		return answer, nil
	}
	if o.in == nil {
		return recovery.Answer{}, &recovery.NoAnswerError{Question: q}
	}
	if q.Conceal {
		shown, err := o.hide(q)
		if err != nil {
			return recovery.Answer{}, err
		}
		defer shown()
	}
	lines := page(q.Page) + "question " + cleanLines(q.Text, indent) + "\n" + choices(q)
	for range tries {
		if err := o.say(ctx, q, lines); err != nil {
			return recovery.Answer{}, err
		}
		line, err := o.in.line(ctx)
		if ctx.Err() != nil {
			return recovery.Answer{}, context.Cause(ctx)
		}
		if err != nil && !errors.Is(err, errTooLong) {
			// Whether it ended or broke: nobody said yes.
			return recovery.Answer{}, o.say(ctx, q, indent+endOfInput(err)+"\n")
		}
		if answer, understood := understand(q, line); understood && err == nil {
			return answer, nil
		}
		lines = indent + "that is none of these\n" + hint(q)
	}

	return recovery.Answer{}, o.say(ctx, q, indent+"not understood three times: stop\n")
}

// hide keeps what is typed next from being shown. Where that cannot be, nobody
// is asked: the echo is off before the question stands there, or not at all.
func (o *Operator) hide(q recovery.Question) (shown func(), err error) {
	if o.conceal == nil {
		return nil, &recovery.NoAnswerError{Question: q}
	}
	if shown, err = o.conceal(); err != nil {
		return nil, &recovery.NoAnswerError{Question: q}
	}

	return shown, nil
}

func endOfInput(err error) string {
	if errors.Is(err, io.EOF) {
		return "the input has ended: stop"
	}

	return "the input cannot be read, " + Clean(err.Error()) + ": stop"
}

// choices gives the lines under a question. They end with a line end, so that
// the next fact begins a line of its own also where the answer is not echoed.
func choices(q recovery.Question) string {
	if q.Typed != "" || q.Enter != "" {
		return hint(q)
	}
	var b strings.Builder
	for i, option := range q.Options {
		fmt.Fprintf(&b, "  %-6d %s", i+1, Clean(option.Label))
		switch {
		case option.Why != "":
			fmt.Fprintf(&b, " (not possible: %s)", Clean(option.Why))
		case option.Detail != "":
			fmt.Fprintf(&b, " (%s)", Clean(option.Detail))
		}
		b.WriteString("\n")
	}
	for _, l := range q.Letters {
		fmt.Fprintf(&b, "  %-6s %s\n", Clean(l.Key)+" N", Clean(l.Label)+": the one of number N")
	}

	return b.String() + hint(q)
}

// hint says what can be typed. The default stops, or goes back where there is a
// way back, always.
func hint(q recovery.Question) string {
	what, out := "a number", "stop [stop]"
	switch {
	case q.Typed != "":
		what = Clean(q.Typed)
	case q.Enter != "":
		what = "the " + Clean(q.Enter)
	}
	if q.Conceal {
		what += " (it is not shown)"
	}
	if q.Leave() == recovery.Back {
		out = "go back [back]"
	}

	return indent + "type " + what + ", or an empty line to " + out + "\n"
}

// understand reads an answer. What must be typed out must be typed exactly:
// not with other letters, and not with a space more.
func understand(q recovery.Question, line string) (answer recovery.Answer, understood bool) {
	if line == "" {
		return recovery.Answer{Choice: q.Leave()}, true
	}
	if q.Conceal {
		return recovery.Answer{Choice: recovery.Go, Concealed: recovery.Conceal(line)}, true
	}
	if q.Enter != "" {
		return recovery.Answer{Choice: recovery.Go, Typed: line}, true
	}
	if q.Typed != "" {
		choice := consent(q)
		return recovery.Answer{Choice: choice, Typed: line}, line == q.Typed && choice != recovery.Stop
	}
	if answer, understood := letter(q, line); understood {
		return answer, true
	}
	n, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || n < 1 || n > len(q.Options) || q.Options[n-1].Why != "" {
		return recovery.Answer{}, false
	}

	return recovery.Answer{Choice: q.Options[n-1].Key}, true
}

// letter reads "v 2": a letter, and the number of an option. One that cannot be
// chosen can still be looked at.
func letter(q recovery.Question, line string) (answer recovery.Answer, understood bool) {
	for _, l := range q.Letters {
		rest, is := strings.CutPrefix(strings.TrimSpace(line), l.Key)
		n, err := strconv.Atoi(strings.TrimSpace(rest))
		if is && err == nil && n >= 1 && n <= len(q.Options) {
			return l.On(q.Options[n-1])
		}
	}

	return recovery.Answer{}, false
}

// consent is what typing the text agrees to: the first choice that goes on.
func consent(q recovery.Question) recovery.Choice {
	for _, option := range q.Options {
		if option.Key != recovery.Stop && option.Key != recovery.Back && option.Why == "" {
			return option.Key
		}
	}

	return recovery.Stop
}
