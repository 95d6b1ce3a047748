package sigv4

import "errors"

func isKind(err error, k Kind) bool { return errors.Is(err, k) }
