package ssm

import (
	"context"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Setting is a service setting of an account and region that was changed.
type Setting struct {
	Value    string
	Modified time.Time
	User     string // ARN
}

var settings = store.RegionalTable[Setting]("ssm.setting")

const (
	tierSetting       = "/ssm/parameter-store/default-parameter-tier"
	throughputSetting = "/ssm/parameter-store/high-throughput-enabled"
)

// presets are the settings of Parameter Store as AWS ships them, with the values
// that they take.
var presets = map[string]struct {
	preset string
	values []string
}{
	tierSetting:       {standard, tierNames},
	throughputSetting: {"false", []string{"true", "false"}},
}

// shipped is the date that AWS's documentation shows for settings never changed.
var shipped = time.UnixMilli(1555532818578).UTC()

// GetServiceSetting answers a setting of Parameter Store.
func (s *Service) GetServiceSetting(ctx context.Context, c *redoubt.Call, in *ssmapi.GetServiceSettingInput) (*ssmapi.GetServiceSettingOutput, error) {
	out, err := shownSetting(ctx, c, value(in.SettingId))
	return &ssmapi.GetServiceSettingOutput{ServiceSetting: out}, err
}

// UpdateServiceSetting changes a setting of Parameter Store.
func (s *Service) UpdateServiceSetting(ctx context.Context, c *redoubt.Call, in *ssmapi.UpdateServiceSettingInput) (*ssmapi.UpdateServiceSettingOutput, error) {
	id, err := settingID(c, value(in.SettingId))
	if err != nil {
		return nil, err
	}
	if v := value(in.SettingValue); !slices.Contains(presets[id].values, v) {
		return nil, invalid("The setting value %s is not valid for %s. Valid values include: [%s].", v, id, strings.Join(presets[id].values, ", "))
	}
	return nil, settings.In(c.Account, c.Region).Put(store.From(ctx), id, &Setting{*in.SettingValue, s.clock.Now(), c.Principal.ARN})
}

// ResetServiceSetting takes a setting back to what AWS ships, and answers it.
func (s *Service) ResetServiceSetting(ctx context.Context, c *redoubt.Call, in *ssmapi.ResetServiceSettingInput) (*ssmapi.ResetServiceSettingOutput, error) {
	id, err := settingID(c, value(in.SettingId))
	if err != nil {
		return nil, err
	}
	if err := settings.In(c.Account, c.Region).Delete(store.From(ctx), id); err != nil {
		return nil, err
	}
	out, err := shownSetting(ctx, c, id)
	return &ssmapi.ResetServiceSettingOutput{ServiceSetting: out}, err
}

func settingARN(c *redoubt.Call, id string) string {
	return c.ARN("servicesetting/" + strings.TrimPrefix(id, "/"))
}

// bareSetting answers a setting's id, also of its ARN.
func bareSetting(c *redoubt.Call, text string) string {
	if rest, ok := strings.CutPrefix(text, c.ARN("servicesetting/")); ok {
		return "/" + strings.TrimPrefix(rest, "/")
	}
	return text
}

func settingID(c *redoubt.Call, text string) (string, error) {
	id := bareSetting(c, text)
	if _, ok := presets[id]; !ok {
		return "", ssmapi.ErrServiceSettingNotFound.New("The specified service setting was not found: %s", text)
	}
	return id, nil
}

// setting answers what holds for an account and region.
func setting(tx *store.Tx, account, region, id string) (*Setting, error) {
	v, err := settings.In(account, region).Get(tx, id)
	if isNotFound(err) {
		return &Setting{presets[id].preset, shipped, "System"}, nil
	}
	return v, err
}

func shownSetting(ctx context.Context, c *redoubt.Call, text string) (*ssmapi.ServiceSetting, error) {
	id, err := settingID(c, text)
	if err != nil {
		return nil, err
	}
	v, err := setting(store.From(ctx), c.Account, c.Region, id)
	if err != nil {
		return nil, err
	}
	status := "Customized"
	if v.User == "System" {
		status = "Default"
	}
	return &ssmapi.ServiceSetting{
		SettingId: &id, SettingValue: &v.Value, LastModifiedDate: &v.Modified, LastModifiedUser: &v.User, ARN: new(settingARN(c, id)), Status: &status,
	}, nil
}
