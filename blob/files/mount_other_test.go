//go:build !linux

package files

import "errors"

func mountTiny(string, int) error { return errors.ErrUnsupported }

func unmount(string) {}
