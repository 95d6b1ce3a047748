package wire_test

// notApplicable are the vectors that a server can't keep, and why. The tests
// fail if one of them holds after all.
var notApplicable = map[string]string{
	// TestContentEncoding covers gzip.
	"input/ec2/SDKAppliedContentEncoding_ec2Query":                                       noBody,
	"input/ec2/SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query":                    noBody,
	"input/json/SDKAppliedContentEncoding_awsJson1_1":                                    noBody,
	"input/json/SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1":                 noBody,
	"input/json_1_0/SDKAppliedContentEncoding_awsJson1_0":                                noBody,
	"input/json_1_0/SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0":             noBody,
	"input/query/SDKAppliedContentEncoding_awsQuery":                                     noBody,
	"input/query/SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery":                  noBody,
	"input/rest-json/SDKAppliedContentEncoding_restJson1":                                noBody,
	"input/rest-json/SDKAppendedGzipAfterProvidedEncoding_restJson1":                     noBody,
	"input/rest-xml/SDKAppliedContentEncoding_restXml":                                   noBody,
	"input/rest-xml/SDKAppendedGzipAfterProvidedEncoding_restXml":                        noBody,
	"input/ec2/Ec2EmptyQueryLists":                                                       notSent,
	"input/query/QueryEmptyQueryMaps":                                                    notSent,
	"input/rest-json/RestJsonOmitsEmptyListQueryValues":                                  notSent,
	"input/rest-json/RestJsonHttpPrefixHeadersAreNotPresent":                             notSent,
	"input/rest-xml/HttpPrefixHeadersAreNotPresent":                                      notSent,
	"input/rest-json/RestJsonHttpWithEmptyStructurePayload":                              emptyPayload,
	"input/rest-json/RestJsonHttpWithHeadersButNoPayload":                                emptyPayload,
	"input/rest-json/RestJsonQueryPrecedence":                                            precedence,
	"input/rest-xml/RestXmlQueryPrecedence":                                              precedence,
	"input/rest-json/RestJsonQueryParamsStringListMap":                                   "contradicts RestJsonAllQueryStringTypes, where the map holds named parameters too",
	"output/json/handles_unexpected_json_output":                                         unknown,
	"output/json_1_0/AwsJson10HandlesUnexpectedJsonOutput":                               unknown,
	"output/smithy-rpc-v2-cbor/RpcV2CborExtraFieldsInTheBodyShouldBeSkippedByClients":    unknown,
	"output/smithy-rpc-v2-cbor/RpcV2CborPayloadWithUnsetUnion":                           unknown,
	"output/json/AwsJson11IntEnums":                                                      "expects a request's header, X-Amz-Target, in a response",
	"output/json_1_0-query-compatible/QueryCompatibleAwsJson10CustomCodeError":           queryStatus,
	"output/smithy-rpc-v2-cbor-query-compatible/QueryCompatibleRpcV2CborCustomCodeError": queryStatus,
	"output/rest-xml/RestXmlHttpResponseCode":                                            "a response without a body needs no content type; S3 sends none",
	"output/smithy-rpc-v2-cbor/NoOutputClientAllowsEmptyCbor":                            tolerated,
	"output/smithy-rpc-v2-cbor/NoOutputClientAllowsEmptyBody":                            tolerated,
}

const (
	noBody       = "the vector gives the compressed request's header, but no body"
	notSent      = "an empty list or map is not sent, so it can't be told from an absent one"
	emptyPayload = "{} is sent for an absent structure, which can't be told from an empty one"
	precedence   = "the client drops a parameter of the map that a member names too; what was dropped can't be known"
	unknown      = "the response holds what no server of this model sends; clients must pass over it"
	queryStatus  = "the model gives the status of the old query protocol only, 402; the vector expects another"
	tolerated    = "what a client must tolerate of an operation without output; no_output is what a server sends"
)

// unmodelledFields are parts of an error that a vector's response has and its
// model has not.
var unmodelledFields = map[string]map[string]any{
	"InvalidGreetingError": {"AnotherSetting": "setting"},
}
