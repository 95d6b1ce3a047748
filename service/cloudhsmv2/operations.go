package cloudhsmv2

import (
	"github.com/redoubt-sec/redoubt/api/cloudhsmv2api"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations are the rows of CloudHSM. Backups and resource policies, which
// only backups have, are not among them.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &cloudhsmv2api.Model, Operations: []op.Operation{
		op.Row(cloudhsmv2api.OpCreateCluster, s.CreateCluster, s.createNeeds).
			Records("HsmType", "SourceBackupId", "SubnetIds", "NetworkType", "Mode", "BackupRetentionPolicy", "TagList").Answers("Cluster.ClusterId", "Cluster.State", "Cluster.HsmType"),
		op.Row(cloudhsmv2api.OpDescribeClusters, s.DescribeClusters, onAll[cloudhsmv2api.DescribeClustersInput]("cloudhsm:DescribeClusters")).Records("Filters", "MaxResults"),
		op.Row(cloudhsmv2api.OpInitializeCluster, s.InitializeCluster, onCluster(s, "cloudhsm:InitializeCluster", func(in *cloudhsmv2api.InitializeClusterInput) *string { return in.ClusterId })).
			Records("ClusterId", "SignedCert", "TrustAnchor").Answers("State"),
		op.Row(cloudhsmv2api.OpModifyCluster, s.ModifyCluster, onCluster(s, "cloudhsm:ModifyCluster", func(in *cloudhsmv2api.ModifyClusterInput) *string { return in.ClusterId })).
			Records("ClusterId", "HsmType", "BackupRetentionPolicy"),
		op.Row(cloudhsmv2api.OpDeleteCluster, s.DeleteCluster, onCluster(s, "cloudhsm:DeleteCluster", func(in *cloudhsmv2api.DeleteClusterInput) *string { return in.ClusterId })).
			Records("ClusterId").Answers("Cluster.ClusterId", "Cluster.State"),
		op.Row(cloudhsmv2api.OpCreateHsm, s.CreateHsm, onCluster(s, "cloudhsm:CreateHsm", func(in *cloudhsmv2api.CreateHsmInput) *string { return in.ClusterId })).
			Records("ClusterId", "AvailabilityZone", "IpAddress").Answers("Hsm"),
		op.Row(cloudhsmv2api.OpDeleteHsm, s.DeleteHsm, onAll[cloudhsmv2api.DeleteHsmInput]("cloudhsm:DeleteHsm")).Records("ClusterId", "HsmId", "EniId", "EniIp").Answers("HsmId"),
		op.Row(cloudhsmv2api.OpListTags, s.ListTags, onCluster(s, "cloudhsm:ListTags", func(in *cloudhsmv2api.ListTagsInput) *string { return in.ResourceId })).Records("ResourceId", "MaxResults"),
		op.Row(cloudhsmv2api.OpTagResource, s.TagResource, s.tagNeeds).Records("ResourceId", "TagList"),
		op.Row(cloudhsmv2api.OpUntagResource, s.UntagResource, s.untagNeeds).Records("ResourceId", "TagKeyList"),
	}}
}
