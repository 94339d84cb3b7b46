package bucket

import (
	"context"
	"net"
	"time"
)

// patiently dials connections that end where nothing moves, in either direction,
// for too long. A whole transfer has no such end: it may take a night.
func patiently(d *net.Dialer, idle time.Duration) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}

		return &line{Conn: c, idle: idle}, nil
	}
}

// line is a connection whose end is put off by whatever moves.
type line struct {
	net.Conn
	idle time.Duration
}

func (l *line) Read(p []byte) (int, error) {
	if err := l.SetDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}

	return l.Conn.Read(p)
}

// Write puts off the end of a read that waits for the answer, too.
func (l *line) Write(p []byte) (int, error) {
	if err := l.SetDeadline(time.Now().Add(l.idle)); err != nil {
		return 0, err
	}

	return l.Conn.Write(p)
}
