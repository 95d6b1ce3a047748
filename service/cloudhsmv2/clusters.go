package cloudhsmv2

import (
	"context"
	"encoding/base64"
	"slices"
	"strconv"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudhsmv2api"
	"github.com/redoubt-sec/redoubt/engine/hsm"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateCluster claims a free token.
func (s *Service) CreateCluster(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.CreateClusterInput) (*cloudhsmv2api.CreateClusterOutput, error) {
	if in.SourceBackupId != nil {
		return nil, cloudhsmv2api.ErrCloudHsmResourceNotFoundException.New("Backup %s not found.", *in.SourceBackupId)
	}
	n := hsm.Cluster{HSMType: value(in.HsmType), Mode: "FIPS", Network: "IPV4", Retention: "90", Subnets: map[string]string{}}
	if in.Mode != nil {
		n.Mode = *in.Mode
	}
	if in.NetworkType != nil {
		n.Network = *in.NetworkType
	}
	switch {
	case n.HSMType != "hsm1.medium" && n.HSMType != "hsm2m.medium":
		return nil, invalid("HsmType %s is not valid. The allowed values are hsm1.medium and hsm2m.medium.", n.HSMType)
	case n.HSMType == "hsm1.medium" && n.Mode != "FIPS":
		return nil, invalid("HsmType hsm1.medium supports FIPS mode only.")
	}
	var err error
	if in.BackupRetentionPolicy != nil {
		if n.Retention, err = retention(in.BackupRetentionPolicy); err != nil {
			return nil, err
		}
	}
	for i, subnet := range in.SubnetIds {
		if slices.Contains(in.SubnetIds[:i], subnet) {
			return nil, invalid("Subnet %s is specified more than once.", subnet)
		}
		n.Subnets[c.Region+string(rune('a'+i))] = subnet
	}
	tags, err := addTags(nil, in.TagList)
	if err != nil {
		return nil, err
	}
	v, err := s.hsm.Claim(store.From(ctx), c.Account, c.Region, n, tags)
	if err != nil {
		return nil, failure(err, "")
	}
	return &cloudhsmv2api.CreateClusterOutput{Cluster: shape(v)}, nil
}

// retention reads a backup retention policy.
func retention(p *cloudhsmv2api.BackupRetentionPolicy) (string, error) {
	days, err := strconv.Atoi(value(p.Value))
	if p.Type == nil || err != nil || days < 7 || days > 379 {
		return "", invalid("BackupRetentionPolicy must have the type DAYS and a value between 7 and 379.")
	}
	return strconv.Itoa(days), nil
}

// DescribeClusters lists the caller's clusters.
func (s *Service) DescribeClusters(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.DescribeClustersInput) (*cloudhsmv2api.DescribeClustersOutput, error) {
	for name := range in.Filters {
		if name != "clusterIds" && name != "vpcIds" && name != "states" {
			return nil, invalid("Filter %s is not valid. The valid filters are clusterIds, vpcIds and states.", name)
		}
	}
	after, err := token(in.NextToken)
	if err != nil {
		return nil, err
	}
	list, err := s.hsm.List(store.From(ctx), c.Account, c.Region)
	if err != nil {
		return nil, err
	}
	limit := 25
	if in.MaxResults != nil {
		limit = int(*in.MaxResults)
	}
	out := &cloudhsmv2api.DescribeClustersOutput{Clusters: []cloudhsmv2api.Cluster{}}
	for _, v := range list {
		if v.ID <= after || !matches(in.Filters, "clusterIds", v.ID) || !matches(in.Filters, "states", v.State) || !matches(in.Filters, "vpcIds", "") {
			continue
		}
		if len(out.Clusters) == limit {
			out.NextToken = nextToken(*out.Clusters[limit-1].ClusterId)
			break
		}
		out.Clusters = append(out.Clusters, *shape(v))
	}
	return out, nil
}

func matches(filters map[string][]string, name, v string) bool {
	want, ok := filters[name]
	return !ok || slices.Contains(want, v)
}

// Tokens are the last item of the page before; they open nothing that the
// caller could not ask for outright.
func nextToken(last string) *string { return new(base64.RawURLEncoding.EncodeToString([]byte(last))) }

func token(p *string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(value(p))
	if err != nil {
		return "", invalid("NextToken is not valid.")
	}
	return string(b), nil
}

// InitializeCluster claims the cluster with the caller's certificate.
func (s *Service) InitializeCluster(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.InitializeClusterInput) (*cloudhsmv2api.InitializeClusterOutput, error) {
	const most = 5000 // tighter than the model, by its documentation
	if len(*in.SignedCert) > most || len(*in.TrustAnchor) > most {
		return nil, invalid("SignedCert and TrustAnchor can contain a maximum of %d characters.", most)
	}
	v, err := s.hsm.Initialize(store.From(ctx), c.Account, c.Region, *in.ClusterId, *in.SignedCert, *in.TrustAnchor)
	if err != nil {
		return nil, failure(err, *in.ClusterId)
	}
	return &cloudhsmv2api.InitializeClusterOutput{State: &v.State, StateMessage: message(v.Message)}, nil
}

// ModifyCluster changes the backup retention policy.
func (s *Service) ModifyCluster(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.ModifyClusterInput) (*cloudhsmv2api.ModifyClusterOutput, error) {
	v, err := s.find(ctx, c, in.ClusterId)
	if err != nil {
		return nil, err
	}
	if in.HsmType != nil && *in.HsmType != v.HSMType {
		return nil, &redoubt.Error{Code: string(redoubt.ErrNotImplemented), Status: 501, Message: "Clusters cannot be moved to another HSM type by this server."}
	}
	if in.BackupRetentionPolicy == nil {
		return &cloudhsmv2api.ModifyClusterOutput{Cluster: shape(v)}, nil
	}
	days, err := retention(in.BackupRetentionPolicy)
	if err != nil {
		return nil, err
	}
	if v, err = s.hsm.Retain(store.From(ctx), c.Account, c.Region, v.ID, days); err != nil {
		return nil, failure(err, *in.ClusterId)
	}
	return &cloudhsmv2api.ModifyClusterOutput{Cluster: shape(v)}, nil
}

// DeleteCluster deletes a cluster that has no HSMs.
func (s *Service) DeleteCluster(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.DeleteClusterInput) (*cloudhsmv2api.DeleteClusterOutput, error) {
	v, err := s.hsm.Release(store.From(ctx), c.Account, c.Region, *in.ClusterId)
	if err != nil {
		return nil, failure(err, *in.ClusterId)
	}
	return &cloudhsmv2api.DeleteClusterOutput{Cluster: shape(v)}, nil
}

// shape is a cluster as the API shows it.
func shape(v *hsm.View) *cloudhsmv2api.Cluster {
	out := &cloudhsmv2api.Cluster{
		BackupPolicy:          new(cloudhsmv2api.BackupPolicyDefault),
		BackupRetentionPolicy: &cloudhsmv2api.BackupRetentionPolicy{Type: new(cloudhsmv2api.BackupRetentionTypeDays), Value: &v.Retention},
		ClusterId:             &v.ID,
		Hsms:                  []cloudhsmv2api.Hsm{},
		HsmType:               &v.HSMType,
		State:                 &v.State,
		StateMessage:          message(v.Message),
		SubnetMapping:         v.Subnets,
		NetworkType:           &v.Network,
		TagList:               []cloudhsmv2api.Tag{},
		Mode:                  &v.Mode,
	}
	if !v.Created.IsZero() {
		out.CreateTimestamp = &v.Created
	}
	for i := range v.HSMs {
		out.Hsms = append(out.Hsms, *hsmShape(v, &v.HSMs[i]))
	}
	for i := range v.Tags {
		out.TagList = append(out.TagList, cloudhsmv2api.Tag{Key: &v.Tags[i].Key, Value: &v.Tags[i].Value})
	}
	switch {
	case v.State == hsm.Uninitialized && v.CSR != "":
		out.Certificates = &cloudhsmv2api.Certificates{ClusterCsr: &v.CSR}
	case v.Certificate != "":
		out.Certificates = &cloudhsmv2api.Certificates{ClusterCertificate: &v.Certificate}
	}
	return out
}

func message(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
