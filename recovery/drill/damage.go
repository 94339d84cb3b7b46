package drill

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"firmflow-recovery/recovery/envfile"
	"firmflow-recovery/recovery/secret"
)

// copied copies a file with its time, which says when a backup was taken.
func copied(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)

	return touched(to, info.ModTime(), errors.Join(err, out.Close()))
}

// throughTerminal writes the dump as a terminal would have: every line end
// becomes two bytes.
func (t Training) throughTerminal() error {
	return rewritten(t.Dump, func(in io.Reader, out io.Writer) error {
		part := make([]byte, 64<<10)
		for {
			n, err := in.Read(part)
			if _, failed := out.Write(bytes.ReplaceAll(part[:n], []byte("\n"), []byte("\r\n"))); failed != nil {
				return failed
			}
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
		}
	})
}

// without leaves every nth document out of a vault archive, the first one too.
func without(archive string, nth int) error {
	return rewritten(archive, func(in io.Reader, out io.Writer) error {
		unzip, err := gzip.NewReader(in)
		if err != nil {
			return err
		}
		zip := gzip.NewWriter(out)
		from, to := tar.NewReader(unzip), tar.NewWriter(zip)
		for files := 0; ; {
			header, err := from.Next()
			if errors.Is(err, io.EOF) {
				return errors.Join(to.Close(), zip.Close())
			}
			if err != nil {
				return err
			}
			if header.Typeflag == tar.TypeReg {
				files++
				if files%nth == 1 {
					continue
				}
			}
			if err := to.WriteHeader(header); err != nil {
				return err
			}
			if _, err := io.Copy(to, from); err != nil {
				return err
			}
		}
	})
}

// rewritten writes a copy anew, beside it, with the time that it has.
func rewritten(path string, write func(io.Reader, io.Writer) error) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(path+".new", os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if err := errors.Join(write(in, out), out.Close()); err != nil {
		return err
	}

	return touched(path, info.ModTime(), os.Rename(path+".new", path))
}

const key = "AUTH_SECRET"

// differ puts the original's .env in place, with one character of the secret
// another one.
func (t Training) differ() error {
	original, err := t.copyEnv()
	if err != nil {
		return err
	}
	value := secret.Reveal(original.Value(key))
	last := "a"
	if strings.HasSuffix(value, last) {
		last = "b"
	}
	target, err := envfile.Read(t.Env)
	if err != nil {
		return err
	}
	keep := t.Env + ".of-the-drill"
	err = envfile.Apply(target, t.Env, keep, map[string]secret.String{key: secret.New(value[:len(value)-1] + last)})

	return errors.Join(err, os.Remove(keep))
}

// unquote puts the original's .env in place, with the secret as somebody would
// paste it: without the quotes that keep Compose from reading a variable in it.
func (t Training) unquote() error {
	original, err := t.copyEnv()
	if err != nil {
		return err
	}
	value := secret.Reveal(original.Value(key))
	if !strings.Contains(value, "$") || strings.ContainsAny(value, " \t\n\r#'\"\\`") {
		return errors.Join(fmt.Errorf("the original's %s has no $ that quotes would protect: %w", key, ErrImpossible), os.Remove(t.Env))
	}
	text, err := os.ReadFile(t.Env)
	if err != nil {
		return err
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, key+"=") {
			lines[i] = key + "=" + value
		}
	}

	return os.WriteFile(t.Env, []byte(strings.Join(lines, "\n")), 0o600)
}

// copyEnv puts the original's .env in place.
func (t Training) copyEnv() (envfile.File, error) {
	original := t.Original
	if original.Value(key).Empty() {
		return original, fmt.Errorf("the original has no %s: %w", key, ErrImpossible)
	}

	return original, envfile.Copy(original, t.Env)
}
