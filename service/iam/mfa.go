package iam

import (
	"context"
	"encoding/base32"
	"net/url"
	"regexp"

	"rsc.io/qr"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

var devicePath = regexp.MustCompile(`^/$|^/[\x21-\x7e]+/$`)

// CreateVirtualMFADevice implements iam:CreateVirtualMFADevice. The seed and its
// picture are answered this once.
func (s *Service) CreateVirtualMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.CreateVirtualMFADeviceInput) (*iamapi.CreateVirtualMFADeviceOutput, error) {
	if !devicePath.MatchString(pathOr(in.Path)) {
		return nil, validation("The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	tags, err := newTags(in.Tags, exact)
	if err != nil {
		return nil, err
	}
	d, seed, err := s.ids.CreateMFADevice(store.From(ctx), c.Account, *in.VirtualMFADeviceName, pathOr(in.Path), tags)
	if err != nil {
		return nil, fail(err)
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(seed)
	code, err := qr.Encode("otpauth://totp/Amazon%20Web%20Services:"+url.PathEscape(d.Name+"@"+c.Account)+
		"?secret="+text+"&issuer=Amazon%20Web%20Services", qr.M)
	if err != nil {
		return nil, err
	}
	return &iamapi.CreateVirtualMFADeviceOutput{VirtualMFADevice: &iamapi.VirtualMFADevice{
		SerialNumber: &d.Serial, Base32StringSeed: []byte(text), QRCodePNG: code.PNG(), Tags: in.Tags,
	}}, nil
}

// DeleteVirtualMFADevice implements iam:DeleteVirtualMFADevice.
func (s *Service) DeleteVirtualMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteVirtualMFADeviceInput) (*iamapi.DeleteVirtualMFADeviceOutput, error) {
	return nil, fail(s.ids.DeleteMFADevice(store.From(ctx), c.Account, *in.SerialNumber))
}

// ListVirtualMFADevices implements iam:ListVirtualMFADevices.
func (s *Service) ListVirtualMFADevices(ctx context.Context, c *redoubt.Call, in *iamapi.ListVirtualMFADevicesInput) (*iamapi.ListVirtualMFADevicesOutput, error) {
	tx := store.From(ctx)
	var list []*identity.MFADevice
	for d, err := range s.ids.MFADevices(tx, c.Account, "") {
		if err != nil {
			return nil, err
		}
		if want := str(in.AssignmentStatus); want == "Assigned" && d.User == "" || want == "Unassigned" && d.User != "" {
			continue
		}
		list = append(list, d)
	}
	p, err := pageOf(list, in.Marker, in.MaxItems, func(d *identity.MFADevice) string { return d.Serial })
	if err != nil {
		return nil, err
	}
	out := &iamapi.ListVirtualMFADevicesOutput{VirtualMFADevices: []iamapi.VirtualMFADevice{}, IsTruncated: p.truncated, Marker: p.marker}
	for _, d := range p.items {
		a := iamapi.VirtualMFADevice{SerialNumber: &d.Serial}
		if d.User != "" {
			a.EnableDate = &d.Enabled
			if a.User, err = s.deviceUser(tx, c, d.User); err != nil {
				return nil, err
			}
		}
		out.VirtualMFADevices = append(out.VirtualMFADevices, a)
	}
	return out, nil
}

func (s *Service) deviceUser(tx *store.Tx, c *redoubt.Call, id string) (*iamapi.User, error) {
	if id == identity.RootID {
		a, err := s.ids.Account(tx, c.Account)
		if err != nil {
			return nil, err
		}
		return &iamapi.User{UserId: &c.Account, Arn: new(identity.RootARN(c.Account)), CreateDate: &a.Created}, nil
	}
	u, err := s.ids.UserByID(tx, c.Account, id)
	if err != nil {
		return nil, err
	}
	return new(userAnswer(c.Account, u)), nil
}

// deviceOwner answers the unique id under which a user's devices are kept.
func (s *Service) deviceOwner(ctx context.Context, c *redoubt.Call, name *string) (string, *identity.User, error) {
	if name != nil && c.Principal.Kind == redoubt.Root && *name == c.Account {
		name = nil // the root user may name itself by the account
	}
	u, err := s.callerOrRoot(store.From(ctx), c, name)
	if err != nil {
		return "", nil, err
	}
	if u == nil {
		return identity.RootID, nil, nil
	}
	return u.ID, u, nil
}

// EnableMFADevice implements iam:EnableMFADevice: two codes in a row show that
// the user has the seed.
func (s *Service) EnableMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.EnableMFADeviceInput) (*iamapi.EnableMFADeviceOutput, error) {
	owner, _, err := s.deviceOwner(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	err = s.ids.EnableMFADevice(store.From(ctx), c.Account, owner, *in.SerialNumber, *in.AuthenticationCode1, *in.AuthenticationCode2)
	var ex *identity.Exists
	if asExists(err, &ex) {
		return nil, iamapi.ErrEntityAlreadyExistsException.New("MFA Device is already in use.")
	}
	return nil, fail(err)
}

// ResyncMFADevice implements iam:ResyncMFADevice.
func (s *Service) ResyncMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.ResyncMFADeviceInput) (*iamapi.ResyncMFADeviceOutput, error) {
	owner, _, err := s.deviceOwner(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.ResyncMFADevice(store.From(ctx), c.Account, owner, *in.SerialNumber, *in.AuthenticationCode1, *in.AuthenticationCode2))
}

// DeactivateMFADevice implements iam:DeactivateMFADevice.
func (s *Service) DeactivateMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.DeactivateMFADeviceInput) (*iamapi.DeactivateMFADeviceOutput, error) {
	owner, _, err := s.deviceOwner(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeactivateMFADevice(store.From(ctx), c.Account, owner, *in.SerialNumber))
}

// ListMFADevices implements iam:ListMFADevices.
func (s *Service) ListMFADevices(ctx context.Context, c *redoubt.Call, in *iamapi.ListMFADevicesInput) (*iamapi.ListMFADevicesOutput, error) {
	owner, u, err := s.deviceOwner(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.MFADevices(store.From(ctx), c.Account, owner), in.MaxItems,
		func(d *identity.MFADevice) bool { return d.Serial > from },
		func(d *identity.MFADevice) string { return d.Serial })
	return &iamapi.ListMFADevicesOutput{
		MFADevices: mapped(p.items, func(d *identity.MFADevice) iamapi.MFADevice {
			return iamapi.MFADevice{UserName: nameOf(u), SerialNumber: &d.Serial, EnableDate: &d.Enabled}
		}),
		IsTruncated: p.truncated, Marker: p.marker,
	}, err
}

// GetMFADevice implements iam:GetMFADevice.
func (s *Service) GetMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.GetMFADeviceInput) (*iamapi.GetMFADeviceOutput, error) {
	owner, u, err := s.deviceOwner(ctx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	d, err := s.ids.MFADevice(store.From(ctx), c.Account, *in.SerialNumber)
	if err == nil && d.User != owner {
		err = &identity.NotFound{Noun: identity.NounMFA, Name: *in.SerialNumber}
	}
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.GetMFADeviceOutput{UserName: nameOf(u), SerialNumber: &d.Serial, EnableDate: &d.Enabled}, nil
}

// TagMFADevice implements iam:TagMFADevice.
func (s *Service) TagMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.TagMFADeviceInput) (*iamapi.TagMFADeviceOutput, error) {
	_, err := s.ids.EditMFADevice(store.From(ctx), c.Account, *in.SerialNumber, func(d *identity.MFADevice) error {
		return tag(&d.Tags, in.Tags, exact)
	})
	return nil, fail(err)
}

// UntagMFADevice implements iam:UntagMFADevice.
func (s *Service) UntagMFADevice(ctx context.Context, c *redoubt.Call, in *iamapi.UntagMFADeviceInput) (*iamapi.UntagMFADeviceOutput, error) {
	_, err := s.ids.EditMFADevice(store.From(ctx), c.Account, *in.SerialNumber, func(d *identity.MFADevice) error {
		untag(&d.Tags, in.TagKeys, exact)
		return nil
	})
	return nil, fail(err)
}

// ListMFADeviceTags implements iam:ListMFADeviceTags.
func (s *Service) ListMFADeviceTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListMFADeviceTagsInput) (*iamapi.ListMFADeviceTagsOutput, error) {
	d, err := s.ids.MFADevice(store.From(ctx), c.Account, *in.SerialNumber)
	if err != nil {
		return nil, fail(err)
	}
	p, err := tagPage(d.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListMFADeviceTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
