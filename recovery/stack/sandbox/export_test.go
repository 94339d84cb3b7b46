package sandbox

import "time"

// SetGrace sets how long a service has to end itself.
func SetGrace(r *Runtime, d time.Duration) { r.grace = d }
