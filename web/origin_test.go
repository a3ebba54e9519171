package web

import "net/http"

// comesFrom fails unless the coordination is led from the pages of a request and of its conference to where the date comes from, and
// nobody else is.
func (s *testServer) comesFrom(request, code, link string) {
	s.t.Helper()
	for _, page := range []string{request, "/conferences/" + code} {
		for name, led := range map[string]bool{"Clara": true, "Anna": false} {
			if a := s.as(name).get(page); a.Status != http.StatusOK || a.Has(link) != led {
				s.t.Errorf("%s on %s: %d, led to where the date comes from: %v", name, page, a.Status, a.Has(link))
			}
		}
	}
	if a := s.as("Frieda").get("/conferences/" + code); a.Status != http.StatusOK || a.Has("Terminumfrage vom") || a.Has("festen Termin") {
		s.t.Errorf("an expert: %d", a.Status)
	}
}
