//go:build !linux

package harden

// Process can do nothing on this system and says so.
func Process() (gaps []string) {
	return []string{"core dumps and debuggers are not kept away: this system is not supported"}
}
