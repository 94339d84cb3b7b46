package bucket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"

	"github.com/minio/minio-go/v7"
)

// What can be wrong with an address, without saying what it is: there may be a
// secret in it.
var (
	ErrAddress  = errors.New("the bucket's address is not s3://BUCKET/PREFIX, without a user, port or query")
	ErrEndpoint = errors.New("the S3 endpoint is not https://HOST or https://HOST:PORT, without a user or path")
	ErrInsecure = errors.New("the S3 endpoint has no TLS, and is not of this host")
)

// What can go wrong with a bucket. A file that is not there is fs.ErrNotExist.
var (
	ErrNoCredentials = errors.New("no credentials are in AWS_ACCESS_KEY_ID, in the shared credentials file, or given by the machine")
	ErrDenied        = errors.New("the server refuses these credentials")
	ErrNoBucket      = errors.New("there is no such bucket")
	ErrClock         = errors.New("the clocks of this host and the server are too far apart")
	ErrAsleep        = errors.New("the object is in an archive class and must be made readable first")
	ErrUnreachable   = errors.New("the server is not reached, or the line is cut again and again")
	ErrChanged       = errors.New("the object was replaced meanwhile")
	ErrNoRanges      = errors.New("the server does not give a part of an object")
	ErrDigest        = errors.New("its SHA-256 is not what it should be")
	ErrThere         = errors.New("another object has its name, and is not overwritten")
	ErrLocked        = errors.New("it is locked")
	ErrLarge         = errors.New("it is larger than what it should be")
)

// Error is what went wrong with a file in a bucket.
type Error struct {
	Doing, Place, Name string
	Err                error
}

func (e *Error) Error() string {
	at := e.Place
	if e.Name != "" {
		at += "/" + e.Name
	}

	return fmt.Sprintf("%s %q: %v", e.Doing, at, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// localError is one of this host's disk: to ask the server again would not help.
type localError struct{ error }

func (e *localError) Unwrap() error { return e.error }

// passing tells whether an error may be gone the next time.
func passing(err error) bool {
	var local *localError
	if errors.As(err, &local) {
		return false
	}
	var said minio.ErrorResponse
	if !errors.As(err, &said) {
		return lost(err)
	}
	switch said.Code {
	case "SlowDown", "RequestTimeout", "InternalError", "ServiceUnavailable", "Throttling", "RequestLimitExceeded":
		return true
	}

	return said.StatusCode >= 500 || said.StatusCode == 408 || said.StatusCode == 429
}

// lost tells whether an error is one of the line.
func lost(err error) bool {
	var network net.Error
	var address *url.Error

	return errors.As(err, &network) || errors.As(err, &address) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
}

// meaning gives what a server says a name that callers know.
func meaning(err error) error {
	var said minio.ErrorResponse
	if !errors.As(err, &said) {
		if lost(err) && !errors.Is(err, context.Canceled) {
			return fmt.Errorf("%w: %w", ErrUnreachable, err)
		}

		return err
	}
	for _, known := range []struct {
		codes []string
		is    error
	}{
		{[]string{"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AccountProblem", "AllAccessDisabled"}, ErrDenied},
		{[]string{"NoSuchBucket"}, ErrNoBucket},
		{[]string{"NoSuchKey", "NotFound"}, fs.ErrNotExist},
		{[]string{"RequestTimeTooSkewed"}, ErrClock},
		{[]string{"InvalidObjectState"}, ErrAsleep},
		{[]string{"PreconditionFailed"}, ErrChanged},
		{[]string{"ObjectLocked"}, ErrLocked},
	} {
		for _, code := range known.codes {
			if said.Code == code {
				return fmt.Errorf("%w (%s)", known.is, said.Code)
			}
		}
	}
	switch {
	case said.StatusCode == 412:
		return fmt.Errorf("%w (%s)", ErrChanged, said.Code)
	case said.StatusCode == 403:
		return fmt.Errorf("%w (%s)", ErrDenied, said.Code)
	case said.StatusCode == 404:
		return fmt.Errorf("%w (%s)", fs.ErrNotExist, said.Code)
	case passing(err):
		return fmt.Errorf("%w: the server says %s", ErrUnreachable, said.Code)
	default:
		return fmt.Errorf("the server says %s: %s", said.Code, said.Message)
	}
}
