package iam

import (
	"bytes"
	"context"
	"encoding/csv"
	"strconv"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// reportAge is how long a credential report serves before a new one is made.
const reportAge = 4 * time.Hour

// The columns of a credential report. Source: IAM User Guide, "Generate
// credential reports for your AWS account".
var reportColumns = []string{
	"user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed", "password_next_rotation",
	"mfa_active", "access_key_1_active", "access_key_1_last_rotated", "access_key_1_last_used_date", "access_key_1_last_used_region",
	"access_key_1_last_used_service", "access_key_2_active", "access_key_2_last_rotated", "access_key_2_last_used_date",
	"access_key_2_last_used_region", "access_key_2_last_used_service", "cert_1_active", "cert_1_last_rotated", "cert_2_active", "cert_2_last_rotated",
}

// reports hold each account's latest credential report.
var reports = store.AccountTable[report]("iam.report")

type report struct {
	Made    time.Time
	Content []byte
}

// GenerateCredentialReport implements iam:GenerateCredentialReport. A report is
// made within the call; one that is younger than four hours is kept.
func (s *Service) GenerateCredentialReport(ctx context.Context, c *redoubt.Call, _ *iamapi.GenerateCredentialReportInput) (*iamapi.GenerateCredentialReportOutput, error) {
	tx := store.From(ctx)
	now := s.clock.Now().UTC().Truncate(time.Second)
	old, err := reports.In(c.Account).Get(tx, "latest")
	if err == nil && now.Before(old.Made.Add(reportAge)) {
		return &iamapi.GenerateCredentialReportOutput{State: new("COMPLETE")}, nil
	}
	if err != nil && !absentRecord(err) {
		return nil, err
	}
	content, err := s.report(tx, c)
	if err != nil {
		return nil, err
	}
	if err := reports.In(c.Account).Put(tx, "latest", &report{now, content}); err != nil {
		return nil, err
	}
	return &iamapi.GenerateCredentialReportOutput{
		State: new("STARTED"), Description: new("No report exists. Starting a new report generation task"),
	}, nil
}

// GetCredentialReport implements iam:GetCredentialReport.
func (s *Service) GetCredentialReport(ctx context.Context, c *redoubt.Call, _ *iamapi.GetCredentialReportInput) (*iamapi.GetCredentialReportOutput, error) {
	r, err := reports.In(c.Account).Get(store.From(ctx), "latest")
	if absentRecord(err) {
		return nil, iamapi.ErrCredentialReportNotPresentException.Bare()
	}
	if err != nil {
		return nil, err
	}
	if !s.clock.Now().Before(r.Made.Add(reportAge)) {
		return nil, iamapi.ErrCredentialReportExpiredException.New("The most recent credential report has expired.")
	}
	return &iamapi.GetCredentialReportOutput{Content: r.Content, ReportFormat: new("text/csv"), GeneratedTime: &r.Made}, nil
}

// report writes the account's users and their credentials as CSV.
func (s *Service) report(tx *store.Tx, c *redoubt.Call) ([]byte, error) {
	devices := map[string]bool{}
	for d, err := range s.ids.MFADevices(tx, c.Account, "") {
		if err != nil {
			return nil, err
		}
		devices[d.User] = true
	}
	a, err := s.ids.Account(tx, c.Account)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	root := []string{
		"<root_account>", identity.RootARN(c.Account), date(a.Created), "not_supported", "no_information", "not_supported", "not_supported",
		strconv.FormatBool(devices[identity.RootID]),
	}
	keys, err := s.keyColumns(tx, c, nil)
	if err != nil {
		return nil, err
	}
	rows := [][]string{reportColumns, append(append(root, keys...), "false", "N/A", "false", "N/A")}
	for u, err := range s.ids.Users(tx, c.Account, "") {
		if err != nil {
			return nil, err
		}
		row := append([]string{u.Name, u.ARN(c.Account), date(u.Created)}, passwordColumns(u, a.PasswordPolicy)...)
		row = append(row, strconv.FormatBool(devices[u.ID]))
		if keys, err = s.keyColumns(tx, c, u); err != nil {
			return nil, err
		}
		row = append(row, keys...)
		certs := []string{"false", "N/A", "false", "N/A"}
		n := 0
		for v, err := range s.ids.SigningCertificates(tx, c.Account, u.ID) {
			if err != nil {
				return nil, err
			}
			certs[n], certs[n+1] = strconv.FormatBool(v.Active), date(v.Uploaded)
			n += 2
		}
		rows = append(rows, append(row, certs...))
	}
	if err := w.WriteAll(rows); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func passwordColumns(u *identity.User, p *identity.PasswordPolicy) []string {
	if u.Login == nil {
		return []string{"false", "N/A", "N/A", "N/A"}
	}
	used, next := "no_information", "N/A"
	if !u.Login.Used.IsZero() {
		used = date(u.Login.Used)
	}
	if until := u.Login.Expires(p); !until.IsZero() {
		next = date(until)
	}
	return []string{"true", used, date(u.Login.Changed), next}
}

func (s *Service) keyColumns(tx *store.Tx, c *redoubt.Call, u *identity.User) ([]string, error) {
	keys, err := s.ids.AccessKeys(tx, c.Account, u)
	if err != nil {
		return nil, err
	}
	none := []string{"false", "N/A", "N/A", "N/A", "N/A"}
	out := append(append([]string{}, none...), none...)
	for n, k := range keys {
		cols := out[5*n : 5*n+5]
		cols[0], cols[1] = strconv.FormatBool(k.Active), date(k.Created)
		use, err := s.ids.KeyUse(tx, c.Account, k.ID)
		if err != nil {
			return nil, err
		}
		if use != nil {
			cols[2], cols[3], cols[4] = date(use.Time), use.Region, use.Service
		}
	}
	return out, nil
}

// date writes a time as the report has it.
func date(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }
