package cli

import (
	"fmt"
	"strconv"
	"strings"
)

// Keep is which backups are kept: see the settings of the same names.
type Keep struct {
	Days, Verified                 int
	Daily, Weekly, Monthly, Yearly int
}

// Keep reads the settings that say so. Its error is a *UsageError.
func (s Settings) Keep() (Keep, error) {
	var k Keep
	var err error
	if k.Days, err = number("keep-days", s.KeepDays); err != nil {
		return k, err
	}
	if k.Verified, err = number("keep-least", s.KeepVerified); err != nil {
		return k, err
	}
	if s.KeepGenerations == "" {
		return k, nil
	}
	parts := strings.Split(s.KeepGenerations, ",")
	if len(parts) != 4 {
		return k, &UsageError{Text: fmt.Sprintf("generations %q is not four numbers", s.KeepGenerations), Hint: "It is DAYS,WEEKS,MONTHS,YEARS, such as 7,4,12,3."}
	}
	for i, into := range []*int{&k.Daily, &k.Weekly, &k.Monthly, &k.Yearly} {
		if *into, err = number("generations", strings.TrimSpace(parts[i])); err != nil {
			return k, err
		}
	}

	return k, nil
}

func number(name, text string) (int, error) {
	const most = 36_500
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > most {
		return 0, &UsageError{Text: fmt.Sprintf("%s %q is not a number from 0 to %d", name, text, most)}
	}

	return n, nil
}
