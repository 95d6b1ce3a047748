package front

import (
	"encoding/json"

	"github.com/redoubt-sec/redoubt/op"
)

func recordRequest(row *op.Operation, in any) json.RawMessage   { return row.RecordRequest(in) }
func recordResponse(row *op.Operation, out any) json.RawMessage { return row.RecordResponse(out) }
