// Package bucket keeps files in a bucket that speaks S3, and brings them back.
//
// What is sent is sent in parts with a checksum each, and read back; what is
// fetched is gone on with where a line was cut, as long as the object is the same,
// and gets its name only once its digest is right. A line on which nothing moves
// is given up and taken up again. Nothing is overwritten, and nothing is deleted
// that is locked. Credentials come from where every tool looks for them; they are
// in no error and in no log.
package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Scheme begins the address of a bucket: s3://BUCKET/PREFIX.
const Scheme = "s3://"

// Options say where a bucket is. Only Address is required.
type Options struct {
	Address  string // s3://bucket/prefix
	Endpoint string // of the server; empty: that of AWS
	Region   string // empty: the server is asked
	HTTP     bool   // the endpoint may be one without TLS, though it is not of this host

	Idle time.Duration // for how long a line may stand still; zero: a minute
	// Pause is waited before the second attempt, and twice as long before each
	// further one; zero: a second.
	Pause time.Duration
	Part  int64 // bytes of a part, at least; zero: 16 MiB
}

// attempts is how often in a row a request is made that gets nowhere.
const attempts = 5

// Bucket is a place in a bucket: what lies under one prefix.
type Bucket struct {
	core   minio.Core
	creds  *credentials.Credentials
	bucket string
	prefix string // with a slash at its end, or empty
	pause  time.Duration
	part   int64
}

// Object is a file in the bucket.
type Object struct {
	Name     string // without the prefix
	Size     int64
	ETag     string
	Modified time.Time
}

// Open takes an address apart. It asks nobody yet. Its error says nothing of what
// may be a secret in the address.
func Open(o Options) (*Bucket, error) {
	bucket, prefix, err := split(o.Address)
	if err != nil {
		return nil, err
	}
	endpoint := o.Endpoint
	if endpoint == "" {
		endpoint = "https://s3.amazonaws.com"
	}
	at, err := url.Parse(endpoint)
	if err != nil || at.Host == "" || at.User != nil || at.Scheme != "https" && at.Scheme != "http" || strings.Trim(at.Path, "/") != "" {
		return nil, ErrEndpoint
	}
	secure := at.Scheme == "https"
	if !secure && !o.HTTP && !loopback(at.Hostname()) {
		return nil, ErrInsecure
	}
	transport, err := minio.DefaultTransport(secure)
	if err != nil {
		return nil, fmt.Errorf("open the bucket: %w", err)
	}
	idle := orElse(o.Idle, time.Minute)
	transport.DialContext = patiently(&net.Dialer{Timeout: min(idle, 10*time.Second)}, idle)
	creds := credentials.NewChainCredentials([]credentials.Provider{
		&credentials.EnvAWS{}, &credentials.FileAWSCredentials{}, &credentials.IAM{Client: &http.Client{Timeout: 5 * time.Second}},
	})
	client, err := minio.New(at.Host, &minio.Options{
		Creds: creds, Secure: secure, Transport: transport, Region: o.Region, MaxRetries: 1, // they are ours to count
	})
	if err != nil {
		return nil, fmt.Errorf("open the bucket: %w", err)
	}

	return &Bucket{
		core: minio.Core{Client: client}, creds: creds, bucket: bucket, prefix: prefix, pause: orElse(o.Pause, time.Second), part: orElse(o.Part, 16<<20),
	}, nil
}

func orElse[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}

	return value
}

// split takes bucket and prefix out of an address.
func split(address string) (bucket, prefix string, err error) {
	rest, is := strings.CutPrefix(address, Scheme)
	bucket, prefix, _ = strings.Cut(rest, "/")
	prefix = strings.Trim(prefix, "/")
	if !is || bucket == "" || strings.ContainsAny(rest, "@:?#\\ ") || prefix != "" && !fs.ValidPath(prefix) {
		return "", "", ErrAddress
	}
	if prefix != "" {
		prefix += "/"
	}

	return bucket, prefix, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)

	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// String gives the address.
func (b *Bucket) String() string { return strings.TrimSuffix(Scheme+b.bucket+"/"+b.prefix, "/") }

// Key is what identifies the place in a file name.
func (b *Bucket) Key() string {
	return strings.ReplaceAll(strings.TrimSuffix(b.bucket+"/"+b.prefix, "/"), "/", "%2F")
}

// known sees that there are credentials. Without any, the library would ask as
// nobody, and the answer would say nothing of why.
func (b *Bucket) known(ctx context.Context) error {
	v, err := b.creds.GetWithContext(&credentials.CredContext{Context: ctx, Client: &http.Client{Timeout: 5 * time.Second}})
	if err != nil || v.SignerType.IsAnonymous() || v.AccessKeyID == "" {
		return ErrNoCredentials
	}

	return nil
}

// List gives what lies under the prefix, not below it.
func (b *Bucket) List(ctx context.Context) ([]Object, error) {
	if err := b.known(ctx); err != nil {
		return nil, b.failed("list", "", err)
	}
	var all []Object
	err := b.again(ctx, func() (bool, error) {
		all = nil
		ctx, cancel := context.WithCancel(ctx) // so that the lister ends with an early return
		defer cancel()
		for o := range b.core.Client.ListObjects(ctx, b.bucket, minio.ListObjectsOptions{Prefix: b.prefix}) {
			if o.Err != nil {
				return false, o.Err
			}
			name := strings.TrimPrefix(o.Key, b.prefix)
			if name == "" || strings.Contains(name, "/") {
				continue
			}
			all = append(all, Object{Name: name, Size: o.Size, ETag: o.ETag, Modified: o.LastModified})
		}

		return false, ctx.Err()
	})
	if err != nil {
		return nil, b.failed("list", "", err)
	}

	return all, nil
}

// Read gives the content of a small object.
func (b *Bucket) Read(ctx context.Context, o Object, most int64) ([]byte, error) {
	if o.Size > most {
		return nil, b.failed("read", o.Name, ErrLarge)
	}
	var content strings.Builder
	if err := b.stream(ctx, o, 0, &content, nil); err != nil {
		return nil, b.failed("read", o.Name, err)
	}

	return []byte(content.String()), nil
}

// stream writes an object from an offset on, and goes on where a line was cut.
// ErrChanged means that it is not the object any more that it was.
func (b *Bucket) stream(ctx context.Context, o Object, from int64, to io.Writer, moved func(int64)) error {
	return b.again(ctx, func() (bool, error) {
		if from == o.Size {
			return false, nil
		}
		options := minio.GetObjectOptions{}
		if err := options.SetMatchETag(o.ETag); err != nil {
			return false, err
		}
		if from > 0 {
			if err := options.SetRange(from, 0); err != nil {
				return false, err
			}
		}
		body, _, header, err := b.core.GetObject(ctx, b.bucket, b.prefix+o.Name, options)
		if err != nil {
			return false, err
		}
		defer body.Close()
		if from > 0 && header.Get("Content-Range") == "" {
			return false, ErrNoRanges
		}
		n, err := io.Copy(&told{to: to, done: from, moved: moved}, io.LimitReader(body, o.Size-from))
		from += n
		if err == nil && from < o.Size {
			err = io.ErrUnexpectedEOF
		}

		return n > 0, err
	})
}

// told says how far a writer came.
type told struct {
	to    io.Writer
	done  int64
	moved func(int64)
}

func (w *told) Write(p []byte) (int, error) {
	n, err := w.to.Write(p)
	w.done += int64(n)
	if w.moved != nil {
		w.moved(w.done)
	}
	if err != nil {
		err = &localError{err}
	}

	return n, err
}

// again makes a request until it succeeds, for as long as it gets somewhere or was
// tried only a few times.
func (b *Bucket) again(ctx context.Context, try func() (moved bool, err error)) error {
	pause := b.pause
	for n := 1; ; n++ {
		moved, err := try()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil || !passing(err) {
			return err
		}
		if moved {
			n, pause = 1, b.pause
		}
		if n == attempts {
			return err
		}
		wait := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			wait.Stop()
			return context.Cause(ctx)
		case <-wait.C:
		}
		pause *= 2
	}
}

// Delete deletes a file: where the bucket keeps versions, they stay. ErrLocked
// says until when that may not be.
func (b *Bucket) Delete(ctx context.Context, name string) error {
	if err := b.Locked(ctx, name); err != nil {
		return err
	}
	err := b.again(ctx, func() (bool, error) {
		return false, b.core.RemoveObject(ctx, b.bucket, b.prefix+name, minio.RemoveObjectOptions{})
	})

	return b.failed("delete", name, err)
}

// Locked tells whether the bucket's object lock keeps a file: nil means that it
// does not.
func (b *Bucket) Locked(ctx context.Context, name string) error {
	info, err := b.stat(ctx, name)
	if err != nil {
		return b.failed("look at", name, err)
	}
	if info.Metadata.Get("X-Amz-Object-Lock-Legal-Hold") == "ON" {
		return b.failed("delete", name, fmt.Errorf("%w by a legal hold", ErrLocked))
	}
	until, err := time.Parse(time.RFC3339, info.Metadata.Get("X-Amz-Object-Lock-Retain-Until-Date"))
	if err == nil && until.After(time.Now()) {
		return b.failed("delete", name, fmt.Errorf("%w until %s", ErrLocked, until.UTC().Format("2006-01-02 15:04Z")))
	}

	return nil
}

func (b *Bucket) stat(ctx context.Context, name string) (info minio.ObjectInfo, err error) {
	err = b.again(ctx, func() (bool, error) {
		info, err = b.core.StatObject(ctx, b.bucket, b.prefix+name, minio.StatObjectOptions{})
		return false, err
	})

	return info, err
}

// Look finds one file; fs.ErrNotExist where it is not there.
func (b *Bucket) Look(ctx context.Context, name string) (Object, error) {
	info, err := b.stat(ctx, name)
	if err != nil {
		return Object{}, b.failed("look at", name, err)
	}

	return Object{Name: name, Size: info.Size, ETag: info.ETag, Modified: info.LastModified}, nil
}

func (b *Bucket) failed(doing, name string, err error) error {
	if err == nil {
		return nil
	}
	var already *Error
	if errors.As(err, &already) {
		return err
	}

	return &Error{Doing: doing, Place: b.String(), Name: name, Err: meaning(err)}
}
