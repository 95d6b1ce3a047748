package s3

import (
	"mime"
	"strings"
	"unicode/utf8"
)

// A client's own metadata are text, which headers carry as RFC 2047 has it where
// they go beyond ASCII. Source: Amazon S3 User Guide, "User-defined object metadata".

// words makes of Go's form of encoded words that of S3.
var words = strings.NewReplacer("=?UTF-8?q?", "=?UTF-8?Q?", "=?UTF-8?b?", "=?UTF-8?B?", "\r\n ", " ")

// decodedWords are metadata as they are kept.
func decodedWords(metadata map[string]string) map[string]string {
	for k, v := range metadata {
		if !strings.Contains(v, "=?") {
			continue
		}
		if text, err := new(mime.WordDecoder).DecodeHeader(v); err == nil && utf8.ValidString(text) {
			metadata[k] = text
		}
	}
	return metadata
}

// encodedWords are metadata as answers have them: quoted while most of a text is
// ASCII, in base64 otherwise.
func encodedWords(metadata map[string]string) map[string]string {
	var out map[string]string
	for k, v := range metadata {
		other := 0
		for _, r := range v {
			if r >= utf8.RuneSelf {
				other++
			}
		}
		if other == 0 {
			continue
		}
		if out == nil {
			out = make(map[string]string, len(metadata))
			for k, v := range metadata {
				out[k] = v
			}
		}
		word := mime.BEncoding
		if utf8.RuneCountInString(v) > 2*other {
			word = mime.QEncoding
		}
		out[k] = words.Replace(word.Encode("UTF-8", v))
	}
	if out == nil {
		return metadata
	}
	return out
}
