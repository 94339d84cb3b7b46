package bucket

import (
	"context"
	"crypto/md5" //nolint:gosec // Content-MD5 is what S3 asks for where objects are locked; it protects nothing here
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/minio/minio-go/v7"

	"firmflow-recovery/recovery/durable"
)

// mostParts is how many parts an object may have, with some to spare.
const mostParts = 9000

// modified is where an object keeps the time of the file that it was.
const modified = "Mtime"

// Put sends a file and reads it back. sum is its SHA-256 in hex. One that is there
// already is read instead, and never overwritten: ErrThere. moved, which may be
// nil, is told how many bytes were sent and read back.
func (b *Bucket) Put(ctx context.Context, name, path, sum string, moved func(int64)) error {
	if err := b.known(ctx); err != nil {
		return b.failed("send", name, err)
	}
	f, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("send a file: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("send a file: %w", err)
	}
	size := info.Size()
	if here, err := durable.Digest(ctx, path, nil); err != nil || here != sum { // what is not what it should be is not sent
		return errors.Join(b.failed("send", name, ErrDigest), err)
	}
	readBack := func(o Object) error {
		found, err := b.Digest(ctx, o, func(n int64) { tell(moved, size+n) })
		if err == nil && found != sum {
			err = b.failed("read back", name, ErrDigest)
		}

		return err
	}
	there, err := b.Look(ctx, name)
	switch {
	case err == nil && there.Size != size:
		return b.failed("send", name, ErrThere)
	case err == nil:
		if err = readBack(there); errors.Is(err, ErrDigest) {
			err = b.failed("send", name, ErrThere)
		}

		return err
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	o := minio.PutObjectOptions{ContentType: "application/octet-stream", UserMetadata: map[string]string{modified: info.ModTime().UTC().Format(time.RFC3339Nano)}}
	if err := b.send(ctx, name, f, size, o, moved); err != nil {
		return b.failed("send", name, err)
	}
	if there, err = b.Look(ctx, name); err != nil {
		return err
	}

	return readBack(there)
}

func tell(moved func(int64), n int64) {
	if moved != nil {
		moved(n)
	}
}

// send uploads in one request what is small, and in parts what is not.
func (b *Bucket) send(ctx context.Context, name string, f *os.File, size int64, o minio.PutObjectOptions, moved func(int64)) (err error) {
	if size <= b.part {
		return b.sendPart(ctx, f, 0, size, moved, func(body io.Reader, c checks) error {
			_, err := b.core.PutObject(ctx, b.bucket, b.prefix+name, body, size, c.md5, c.sha256, o)
			return err
		})
	}
	var id string
	err = b.again(ctx, func() (bool, error) {
		id, err = b.core.NewMultipartUpload(ctx, b.bucket, b.prefix+name, o)
		return false, err
	})
	if err != nil {
		return err
	}
	defer func() {
		if err == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		_ = b.core.AbortMultipartUpload(ctx, b.bucket, b.prefix+name, id) // parts of no object; the bucket's own rules end them otherwise
	}()
	part := max(b.part, size/mostParts+1)
	var parts []minio.CompletePart
	for at := int64(0); at < size; at += part {
		n, length := len(parts)+1, min(part, size-at)
		err := b.sendPart(ctx, f, at, length, moved, func(body io.Reader, c checks) error {
			p, err := b.core.PutObjectPart(ctx, b.bucket, b.prefix+name, id, n, body, length, minio.PutObjectPartOptions{Md5Base64: c.md5, Sha256Hex: c.sha256})
			if err == nil {
				parts = append(parts, minio.CompletePart{PartNumber: n, ETag: p.ETag})
			}

			return err
		})
		if err != nil {
			return err
		}
	}

	return b.again(ctx, func() (bool, error) {
		_, err := b.core.CompleteMultipartUpload(ctx, b.bucket, b.prefix+name, id, parts, minio.PutObjectOptions{})
		return false, err
	})
}

// checks are what the server holds the bytes of a request against.
type checks struct{ md5, sha256 string }

// sendPart reads a part of the file twice: for its checksums, and to send it, as
// often as the line is cut.
func (b *Bucket) sendPart(ctx context.Context, f *os.File, at, length int64, moved func(int64), send func(io.Reader, checks) error) error {
	sums := []hash.Hash{md5.New(), sha256.New()} //nolint:gosec // see above
	if _, err := io.Copy(io.MultiWriter(sums[0], sums[1]), io.NewSectionReader(f, at, length)); err != nil {
		return &localError{err}
	}
	c := checks{md5: base64.StdEncoding.EncodeToString(sums[0].Sum(nil)), sha256: hex.EncodeToString(sums[1].Sum(nil))}

	return b.again(ctx, func() (bool, error) {
		return false, send(&progress{from: io.NewSectionReader(f, at, length), done: at, moved: moved}, c)
	})
}

// progress tells how far a reader came.
type progress struct {
	from  io.Reader
	done  int64
	moved func(int64)
}

func (r *progress) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	r.done += int64(n)
	tell(r.moved, r.done)

	return n, err
}

// Digest reads a whole object and gives its SHA-256 in hex.
func (b *Bucket) Digest(ctx context.Context, o Object, moved func(int64)) (string, error) {
	sha := sha256.New()
	if err := b.stream(ctx, o, 0, sha, moved); err != nil {
		return "", b.failed("read back", o.Name, err)
	}

	return hex.EncodeToString(sha.Sum(nil)), nil
}
