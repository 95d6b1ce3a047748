//go:build !linux

package harden

func allocate(n int) (mem []byte, gaps []string, err error) {
	return make([]byte, max(n, 1)), []string{"key memory is ordinary memory: this system is not supported"}, nil
}

func release(mem []byte) { Wipe(mem) }
