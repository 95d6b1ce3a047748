package kms

import "strings"

// layOut writes JSON the way AWS answers policies: two blanks a level, a blank
// on both sides of colons, arrays on one line but for the objects in them. The
// text is valid JSON, so that only strings need care.
func layOut(text string) string {
	var b strings.Builder
	depth := 0
	line := func() {
		b.WriteByte('\n')
		for range depth {
			b.WriteString("  ")
		}
	}
	var open []byte // the brackets around the current place
	for i := 0; i < len(text); i++ {
		switch ch := text[i]; ch {
		case ' ', '\t', '\n', '\r':
		case '"':
			end := i + 1
			for text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			b.WriteString(text[i : end+1])
			i = end
		case '{', '[':
			open = append(open, ch)
			if next := nextByte(text, i+1); next == '}' || next == ']' {
				b.WriteString(map[byte]string{'{': "{ ", '[': "[ "}[ch])
				continue
			}
			b.WriteByte(ch)
			if ch == '{' {
				depth++
				line()
			} else {
				b.WriteByte(' ')
			}
		case '}', ']':
			if last := lastByte(b.String()); last != '{' && last != '[' {
				if ch == '}' {
					depth--
					line()
				} else {
					b.WriteByte(' ')
				}
			}
			b.WriteByte(ch)
			open = open[:len(open)-1]
		case ':':
			b.WriteString(" : ")
		case ',':
			b.WriteByte(',')
			if open[len(open)-1] == '{' {
				line()
			} else {
				b.WriteByte(' ')
			}
		default:
			b.WriteByte(ch)
		}
	}
	return b.String()
}

// nextByte answers the next byte of text from i that is no white space.
func nextByte(text string, i int) byte {
	rest := strings.TrimLeft(text[i:], " \t\r\n")
	if rest == "" {
		return 0
	}
	return rest[0]
}

// lastByte answers the last byte of s that is no blank.
func lastByte(s string) byte {
	s = strings.TrimRight(s, " ")
	if s == "" {
		return 0
	}
	return s[len(s)-1]
}
