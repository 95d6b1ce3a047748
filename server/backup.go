package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/redoubt-sec/redoubt/engine/backup"
)

// ledgerFile is where the server keeps what was revoked; see engine/backup.
const ledgerFile = "ledger"

// revocable are the tables whose records must not come back by a restore once
// they were deleted, or, of access keys, switched off. Those for review come back
// as they were and are listed when they were changed since: policies that were
// tightened, passwords, key material that was removed. Those without a kind hang on
// others and are not listed.
var revocable = []backup.Class{
	{Table: "kms.key", Kind: "KMS key", Review: true},
	{Table: "kms.grant", Kind: "grant"},
	{Table: "kms.keystore", Kind: "custom key store", Review: true},
	{Table: "kms.alias"}, {Table: "kms.family"}, {Table: "kms.keystorekey"}, {Table: "kms.keystorexks"},
	{Table: "kms.grantee"}, {Table: "kms.granteeof"}, {Table: "kms.grantname"}, {Table: "kms.retirable"},
	{Table: "identity.accesskey", Kind: "access key", Changes: true},
	{Table: "identity.user", Kind: "user", Review: true},
	{Table: "identity.role", Kind: "role", Review: true},
	{Table: "identity.group", Kind: "group", Review: true},
	{Table: "identity.policy", Kind: "policy", Review: true},
	{Table: "identity.mfa", Kind: "MFA device"},
	{Table: "identity.oidc", Kind: "identity provider", Review: true},
	{Table: "identity.saml", Kind: "identity provider", Review: true},
	{Table: "identity.signing", Kind: "signing certificate", Changes: true},
	{Table: "identity.sshkey", Kind: "SSH key", Changes: true},
	{Table: "identity.credential", Kind: "service credential", Changes: true},
	{Table: "identity.servercertificate", Kind: "server certificate"},
	{Table: "identity.name"}, {Table: "identity.attachment"}, {Table: "identity.member"}, {Table: "identity.profile"},
	{Table: "ssm.share", Kind: "share of a parameter", Review: true},
	{Table: "secretsmanager.secret", Kind: "secret", Review: true},
	{Table: "secretsmanager.version"}, {Table: "secretsmanager.rotation"},
	{Table: "s3.bucket", Kind: "bucket", Review: true},
	{Table: "s3.accesspoint", Kind: "access point", Review: true},
	{Table: "s3.accountblock", Kind: "public access block", Review: true},
	{Table: "s3.owned"}, {Table: "s3.accesspointalias"},
	{Table: "xksproxy.datakey"},
	{Table: "lambda.function", Kind: "function", Review: true},
	{Table: "lambda.policy", Kind: "function policy", Review: true},
	{Table: "lambda.layerversion", Kind: "layer version", Review: true},
	{Table: "lambda.url", Kind: "function URL", Review: true},
	{Table: "lambda.version"}, {Table: "lambda.alias"}, {Table: "lambda.urlhost"}, {Table: "lambda.eventconfig"},
}

// passing are tables of no use in a backup: who runs what just now.
var passing = []string{"schedule.claim", "outbox.claim", "keyring.node"}

// guard has the store note what is revoked.
func (s *Server) guard(ctx context.Context) error {
	if err := backup.Usable(s.db); err != nil {
		return err
	}
	if err := backup.Guard(ctx, s.db, revocable); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// keepLedger keeps what was revoked in a file beside the data.
func (s *Server) keepLedger(ctx context.Context) error {
	return backup.Keep(ctx, s.db, filepath.Join(s.dir.path, ledgerFile), s.log)
}

// backup streams an encrypted backup to a recipient. The stream ends with an
// error when the store fails on the way, and the reader sees a cut.
func (s *Server) backup(ctx context.Context, recipient string) (io.ReadCloser, int64, error) {
	to, err := backup.ParseRecipient(recipient)
	if err != nil {
		return nil, 0, err
	}
	r, w := io.Pipe()
	revision := s.db.Revision()
	go func() {
		// Ends with the stream: when the reader closes, writing fails.
		_, err := backup.Write(ctx, s.db, w, to, passing...)
		if err != nil && !errors.Is(err, io.ErrClosedPipe) {
			s.log.Error("backup failed", "error", err)
		}
		w.CloseWithError(err)
	}()
	return r, revision, nil
}

// RestorePlan is what a restore needs besides the backup.
type RestorePlan struct {
	Identity      string // path of the recipient's secret half
	Ledger        string // path; empty only with WithoutLedger
	WithoutLedger bool
	Withhold      []string
	Changed       bool
}

// Restore makes a data directory of a backup. The directory must be new; the
// root key in it opens with the seal that was in force when the backup was made.
func Restore(ctx context.Context, conf Config, file string, p RestorePlan, log *slog.Logger) (_ *backup.Report, err error) {
	text, err := secretFile(p.Identity)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	id, err := backup.ParseIdentity(text)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	plan := backup.Plan{Classes: revocable, WithoutLedger: p.WithoutLedger, Withhold: p.Withhold, Changed: p.Changed}
	if p.Ledger != "" {
		f, err := os.Open(p.Ledger)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if plan.Ledger, err = backup.ReadLedger(f); err != nil {
			return nil, fmt.Errorf("ledger %s: %w", p.Ledger, err)
		}
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	if _, err := openData(conf.Data, conf.Dev, conf.Account); err != nil {
		return nil, err
	}
	db, err := openStore(ctx, &conf, log, nil)
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return backup.Restore(ctx, in, id, db.Backend(), plan)
}
