package command

import "strings"

// plain are the characters that no shell takes for anything else.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%+=:,./_-"

// Quote gives arguments as they could be typed into a POSIX shell.
func Quote(args ...string) string {
	quoted := make([]string, len(args))
	for i, arg := range args {
		quoted[i] = quote(arg)
	}

	return strings.Join(quoted, " ")
}

func quote(arg string) string {
	if arg != "" && strings.Trim(arg, plain) == "" {
		return arg
	}

	return "'" + strings.ReplaceAll(arg, "'", `'\''`) + "'"
}
