package pkcs11

// What tests do to a token from outside: it stands for a pulled or restarted
// one.

func (t *Token) LogOutBehindItsBack() error { return t.module.lib.call(fnLogout, t.anchor) }

func (t *Token) CloseSessionsBehindItsBack() error {
	const fnCloseAllSessions = 14
	return t.module.lib.call(fnCloseAllSessions, t.slot)
}

func (m *Module) FinalizeBehindItsBack() error { return m.lib.call(fnFinalize, 0) }
