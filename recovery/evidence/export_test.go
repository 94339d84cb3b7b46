package evidence

// Encrypted is whether a text looks like an encrypted value.
func Encrypted(text string) bool {
	_, looks := encrypted(text)

	return looks
}
