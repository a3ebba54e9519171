package web

import "net/url"

// fitting leaves of a form what a route takes.
func fitting(route string, form url.Values) url.Values {
	all, v := slotsOf(route), url.Values{}
	for name, values := range form {
		if all.takes(name, len(values)) {
			v[name] = values
		}
	}
	return v
}
