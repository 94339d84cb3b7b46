package durable

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
)

// Digest reads a file to its end and gives its SHA-256 in hex. moved, which may be
// nil, is told how many bytes each read gave. It ends with ctx, and leaves the
// system's error as it is.
func Digest(ctx context.Context, path string, moved func(int)) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sha := sha256.New()
	buffer := make([]byte, 1<<20)
	for ctx.Err() == nil {
		n, err := f.Read(buffer)
		sha.Write(buffer[:n])
		if moved != nil {
			moved(n)
		}
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(sha.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}

	return "", context.Cause(ctx)
}
