package s3

import (
	"context"
	"crypto/rand"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3controlapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Point is an access point: a name with a policy of its own for a bucket.
type Point struct {
	Name, Account, Region, Partition string
	Bucket, BucketAccount            string
	Alias                            string
	Created                          time.Time
	Block                            Block
	Policy                           string `json:",omitempty"`
	Public                           bool   `json:",omitempty"`
	Tags                             []Tag  `json:",omitempty"`
}

var (
	points = store.RegionalTable[Point]("s3.accesspoint")
	// aliases lead from an access point's alias, which stands where a bucket's name
	// does, to the point.
	aliases = store.GlobalTable[pointRef]("s3.accesspointalias")
)

type pointRef struct{ Account, Region, Name string }

func (p *Point) arn() string {
	return "arn:" + p.Partition + ":s3:" + p.Region + ":" + p.Account + ":accesspoint/" + p.Name
}

func pointARN(c *redoubt.Call, name string) string {
	return "arn:" + c.Partition + ":s3:" + c.Region + ":" + c.Account + ":accesspoint/" + name
}

// addressed answers the access point that stands in a bucket's place: by its alias,
// or as clients write an ARN into a host name, name-account. nil: a bucket's name.
func addressed(tx *store.Tx, name string) (*Point, error) {
	if strings.HasSuffix(name, aliasSuffix) {
		ref, err := aliases.Rows().Get(tx, name)
		if absent(err) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return points.In(ref.Account, ref.Region).Get(tx, ref.Name)
	}
	if a, err := redoubt.ParseARN(name); err == nil && a.Service == "s3" && isAccount(a.Account) && validRegion(a.Region) {
		if n, ok := strings.CutPrefix(a.Resource, "accesspoint/"); ok {
			return maybe(points.In(a.Account, a.Region).Get(tx, n))
		}
		return nil, nil
	}
	i := strings.LastIndexByte(name, '-')
	if i < 0 || !isAccount(name[i+1:]) {
		return nil, nil
	}
	ref, err := aliases.Rows().Get(tx, name)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return maybe(points.In(ref.Account, ref.Region).Get(tx, ref.Name))
}

func maybe(p *Point, err error) (*Point, error) {
	if absent(err) {
		return nil, nil
	}
	return p, err
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

func validRegion(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// needs state a right that is used through the access point: on what lies behind
// it, and on the point itself. Both policies must allow.
func (p *Point) needs(n redoubt.Need, rest string) []redoubt.Need {
	with := conditions{
		"s3:DataAccessPointArn":       {p.arn()},
		"s3:DataAccessPointAccount":   {p.Account},
		"s3:AccessPointNetworkOrigin": {"Internet"},
	}
	for k, v := range n.Conditions {
		with[k] = v
	}
	n.Conditions = with
	through := n
	through.Resource, through.Account, through.Policy, through.Tags = p.arn(), p.Account, p.Policy, tagMap(p.Tags)
	if rest != "" {
		through.Resource += "/object" + rest
	}
	return []redoubt.Need{through, n}
}

const aliasSuffix = "-s3alias"

// newAlias makes an alias: the point's name, 34 letters and digits, and a suffix
// that no bucket may have.
func newAlias(name string) string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 34)
	rand.Read(b)
	for i := range b {
		b[i] = letters[int(b[i])%len(letters)]
	}
	return name[:min(len(name), 20)] + "-" + string(b) + aliasSuffix
}

// ownAccount holds the account that S3 Control's requests name against the caller's.
func ownAccount(c *redoubt.Call, id *string) error {
	if id != nil && *id != c.Account {
		return accessDenied()
	}
	return nil
}

// onPoint is the row of an operation on an access point of the caller's account.
func onPoint[I, O any](s *Service, d op.Desc[I, O], m op.Method[I, O]) op.Operation {
	name, account := member[I]("Name"), member[I]("AccountId")
	action := d.Service.Find(d.Name).Action
	return op.Row(d, m, func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		if err := ownAccount(c, account(in)); err != nil {
			return nil, err
		}
		n := redoubt.Need{Action: action, Resource: pointARN(c, value(name(in)))}
		p, err := maybe(points.In(c.Account, c.Region).Get(store.From(ctx), value(name(in))))
		if err != nil {
			return nil, err
		}
		if p != nil {
			n.Policy, n.Tags = p.Policy, tagMap(p.Tags)
			n.Conditions = conditions{"s3:DataAccessPointArn": {p.arn()}, "s3:DataAccessPointAccount": {p.Account}, "s3:AccessPointNetworkOrigin": {"Internet"}}
		}
		return []redoubt.Need{n}, nil
	})
}

func point(ctx context.Context, c *redoubt.Call, name *string) (*Point, error) {
	p, err := points.In(c.Account, c.Region).Get(store.From(ctx), value(name))
	if absent(err) {
		return nil, noSuchPoint(value(name))
	}
	return p, err
}

func noSuchPoint(name string) error {
	return refusal(404, "NoSuchAccessPoint", "The specified accesspoint does not exist", "AccessPointName", name)
}

// CreateAccessPoint makes an access point to a bucket of any account.
func (s *Service) CreateAccessPoint(ctx context.Context, c *redoubt.Call, in *api.CreateAccessPointInput) (*api.CreateAccessPointOutput, error) {
	tx := store.From(ctx)
	name := value(in.Name)
	if !validName(name) || len(name) > 50 || strings.Contains(name, ".") {
		return nil, refusal(400, "InvalidURI", "Couldn't parse the specified URI.", "URI", "accesspoint/"+name)
	}
	if in.VpcConfiguration != nil || in.Scope != nil {
		return nil, notImplemented("VpcConfiguration")
	}
	if ok, err := points.In(c.Account, c.Region).Has(tx, name); ok || err != nil {
		if err == nil {
			err = refusal(409, "AccessPointAlreadyOwnedByYou", "Your previous request to create the named accesspoint succeeded and you already own it.")
		}
		return nil, err
	}
	b, err := find(tx, value(in.Bucket))
	if absent(err) || err == nil && b.Region != c.Region {
		return nil, refusal(400, "InvalidRequest", "Amazon S3 AccessPoint can only be created for existing bucket")
	}
	if err != nil {
		return nil, err
	}
	if in.BucketAccountId != nil && *in.BucketAccountId != b.Account || in.BucketAccountId == nil && b.Account != c.Account {
		return nil, accessDenied()
	}
	tags := make([]Tag, 0, len(in.Tags))
	for _, t := range in.Tags {
		tags = append(tags, Tag{value(t.Key), value(t.Value)})
	}
	p := &Point{
		Name: name, Account: c.Account, Region: c.Region, Partition: c.Partition,
		Bucket: b.Name, BucketAccount: b.Account, Alias: newAlias(name), Created: c.Time,
		Block: Block{true, true, true, true}, Tags: tags,
	}
	if f := in.PublicAccessBlockConfiguration; f != nil {
		p.Block = Block{value(f.BlockPublicAcls), value(f.IgnorePublicAcls), value(f.BlockPublicPolicy), value(f.RestrictPublicBuckets)}
	}
	for _, alias := range []string{p.Alias, name + "-" + c.Account} {
		if err := aliases.Rows().Put(tx, alias, &pointRef{p.Account, p.Region, p.Name}); err != nil {
			return nil, err
		}
	}
	return &api.CreateAccessPointOutput{AccessPointArn: new(p.arn()), Alias: &p.Alias}, points.In(p.Account, p.Region).Put(tx, name, p)
}

// GetAccessPoint describes an access point.
func (s *Service) GetAccessPoint(ctx context.Context, c *redoubt.Call, in *api.GetAccessPointInput) (*api.GetAccessPointOutput, error) {
	p, err := point(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	const at = ".amazonaws.com" // names, as clients make them from the ARN by themselves
	return &api.GetAccessPointOutput{
		Name: &p.Name, Bucket: &p.Bucket, NetworkOrigin: new("Internet"), CreationDate: &p.Created, Alias: &p.Alias,
		AccessPointArn: new(p.arn()), BucketAccountId: &p.BucketAccount, PublicAccessBlockConfiguration: p.Block.shown(),
		Endpoints: map[string]string{
			"ipv4": "s3-accesspoint." + p.Region + at, "dualstack": "s3-accesspoint.dualstack." + p.Region + at,
			"fips": "s3-accesspoint-fips." + p.Region + at, "fips_dualstack": "s3-accesspoint-fips.dualstack." + p.Region + at,
		},
	}, nil
}

func (b Block) shown() *api.PublicAccessBlockConfiguration {
	return &api.PublicAccessBlockConfiguration{
		BlockPublicAcls: &b.ACLs, IgnorePublicAcls: &b.IgnoreACLs, BlockPublicPolicy: &b.Policy, RestrictPublicBuckets: &b.Restrict,
	}
}

// DeleteAccessPoint removes an access point.
func (s *Service) DeleteAccessPoint(ctx context.Context, c *redoubt.Call, in *api.DeleteAccessPointInput) (*api.DeleteAccessPointOutput, error) {
	p, err := point(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	for _, alias := range []string{p.Alias, p.Name + "-" + p.Account} {
		if err := aliases.Rows().Delete(tx, alias); err != nil {
			return nil, err
		}
	}
	return nil, points.In(p.Account, p.Region).Delete(tx, p.Name)
}

// ListAccessPoints lists the account's access points, or those of one bucket.
func (s *Service) ListAccessPoints(ctx context.Context, c *redoubt.Call, in *api.ListAccessPointsInput) (*api.ListAccessPointsOutput, error) {
	most := 1000
	if in.MaxResults != nil {
		most = int(min(*in.MaxResults, 1000))
	}
	after, err := s.token("ListAccessPoints "+c.Account, value(in.NextToken), "NextToken")
	if err != nil {
		return nil, err
	}
	out := &api.ListAccessPointsOutput{AccessPointList: []api.AccessPoint{}}
	for row, err := range points.In(c.Account, c.Region).Scan(store.From(ctx), store.Query{After: after}) {
		if err != nil {
			return nil, err
		}
		p := row.Value
		if in.Bucket != nil && *in.Bucket != p.Bucket {
			continue
		}
		if len(out.AccessPointList) == most {
			if most == 0 {
				return out, nil
			}
			out.NextToken, err = s.newToken("ListAccessPoints "+c.Account, *out.AccessPointList[most-1].Name)
			return out, err
		}
		out.AccessPointList = append(out.AccessPointList, api.AccessPoint{
			Name: &p.Name, NetworkOrigin: new("Internet"), Bucket: &p.Bucket, AccessPointArn: new(p.arn()), Alias: &p.Alias, BucketAccountId: &p.BucketAccount,
		})
	}
	return out, nil
}

// PutAccessPointPolicy replaces the access point's policy.
func (s *Service) PutAccessPointPolicy(ctx context.Context, c *redoubt.Call, in *api.PutAccessPointPolicyInput) (*api.PutAccessPointPolicyOutput, error) {
	p, err := point(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	text, doc, err := s.newPolicy(tx, value(in.Policy), p.arn())
	if err != nil {
		return nil, err
	}
	if doc.Public() {
		block := p.Block
		if of, err := accountBlock(tx, p.Account); err != nil {
			return nil, err
		} else if of != nil {
			block = block.with(*of)
		}
		if block.Policy {
			return nil, accessDenied()
		}
	}
	_, err = points.In(p.Account, p.Region).Edit(tx, p.Name, func(p *Point) error {
		p.Policy, p.Public = text, doc.Public()
		return nil
	})
	return nil, err
}

// GetAccessPointPolicy answers the access point's policy.
func (s *Service) GetAccessPointPolicy(ctx context.Context, c *redoubt.Call, in *api.GetAccessPointPolicyInput) (*api.GetAccessPointPolicyOutput, error) {
	p, err := point(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	if p.Policy == "" {
		return nil, noPointPolicy(p)
	}
	text, err := s.shownPolicy(store.From(ctx), p.Policy)
	return &api.GetAccessPointPolicyOutput{Policy: &text}, err
}

func noPointPolicy(p *Point) error {
	return refusal(404, "NoSuchAccessPointPolicy", "The specified accesspoint policy does not exist", "AccessPointName", p.Name)
}

// GetAccessPointPolicyStatus answers whether the policy is public.
func (s *Service) GetAccessPointPolicyStatus(ctx context.Context, c *redoubt.Call, in *api.GetAccessPointPolicyStatusInput) (*api.GetAccessPointPolicyStatusOutput, error) {
	p, err := point(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	if p.Policy == "" {
		return nil, noPointPolicy(p)
	}
	return &api.GetAccessPointPolicyStatusOutput{PolicyStatus: &api.PolicyStatus{IsPublic: &p.Public}}, nil
}

// DeleteAccessPointPolicy removes the access point's policy.
func (s *Service) DeleteAccessPointPolicy(ctx context.Context, c *redoubt.Call, in *api.DeleteAccessPointPolicyInput) (*api.DeleteAccessPointPolicyOutput, error) {
	p, err := point(ctx, c, in.Name)
	if err != nil {
		return nil, err
	}
	_, err = points.In(p.Account, p.Region).Edit(store.From(ctx), p.Name, func(p *Point) error {
		p.Policy, p.Public = "", false
		return nil
	})
	return nil, err
}
