package web

import "strings"

// where gives the words for the place of a passage: a field of a form, or a section of the notes.
func where(field string) string {
	if strings.HasPrefix(field, "section.") {
		return field
	}
	return "field." + field
}
