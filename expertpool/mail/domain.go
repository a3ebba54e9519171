package mail

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"time"
)

// TXT looks up text records, as *net.Resolver does.
type TXT interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Standing is what the domain that mails come from says about who may send in its name. Receivers go by it; it changes nothing here.
// Each is one of the words below; a lookup that fails says Unknown.
type Standing struct {
	Domain string
	SPF    string // RFC 7208: Good, Missing, Weak (everybody may send), Double (two records: none counts), Unknown
	DKIM   string // RFC 6376: Good, Unseen (under none of the usual selectors), Unknown
	DMARC  string // RFC 7489: Good, Missing, Weak (asks for nothing), Double, Unknown
}

// Words of a Standing.
const (
	Good    = "good"
	Missing = "missing"
	Weak    = "weak"
	Double  = "double"
	Unseen  = "unseen"
	Unknown = "unknown"
)

// lookupPatience bounds all lookups of one Standing.
const lookupPatience = 5 * time.Second

// StandingOf looks up the domain of an address. It takes five seconds at most and has no error: what cannot be learnt is Unknown.
func StandingOf(ctx context.Context, r TXT, from string) Standing {
	ctx, stop := context.WithTimeout(ctx, lookupPatience)
	defer stop()
	domain := strings.ToLower(from[strings.LastIndexByte(from, '@')+1:])
	return Standing{Domain: domain, SPF: standingSPF(ctx, r, domain), DKIM: standingDKIM(ctx, r, domain), DMARC: standingDMARC(ctx, r, domain)}
}

func standingSPF(ctx context.Context, r TXT, domain string) string {
	return judge(ctx, r, domain, "v=spf1", func(record string) bool { return !slices.Contains(strings.Fields(strings.ToLower(record)), "+all") })
}

func standingDMARC(ctx context.Context, r TXT, domain string) string {
	name := "_dmarc." + domain
	asks := func(record string) bool {
		for tag := range strings.SplitSeq(strings.ToLower(record), ";") {
			if name, policy, _ := strings.Cut(tag, "="); strings.TrimSpace(name) == "p" {
				return strings.TrimSpace(policy) == "quarantine" || strings.TrimSpace(policy) == "reject"
			}
		}
		return false
	}
	found := judge(ctx, r, name, "v=DMARC1", asks)
	if labels := strings.Split(domain, "."); found == Missing && len(labels) > 2 { // RFC 7489 §6.6.3: the organisation's own counts
		found = judge(ctx, r, "_dmarc."+strings.Join(labels[len(labels)-2:], "."), "v=DMARC1", asks)
	}
	return found
}

// judge looks for the one record of a version and asks whether it says something.
func judge(ctx context.Context, r TXT, name, version string, asks func(record string) bool) string {
	all, known := records(ctx, r, name)
	all = slices.DeleteFunc(all, func(s string) bool {
		s, is := strings.CutPrefix(strings.ToLower(s), strings.ToLower(version))
		return !is || s != "" && s[0] != ' ' && s[0] != ';'
	})
	switch {
	case !known:
		return Unknown
	case len(all) == 0:
		return Missing
	case len(all) > 1:
		return Double
	case !asks(all[0]):
		return Weak
	}
	return Good
}

// standingDKIM tries the names that mail servers and providers usually give their keys: DNS has no list of them.
func standingDKIM(ctx context.Context, r TXT, domain string) string {
	unknown := false
	for _, selector := range []string{"default", "mail", "dkim", "konsil", "selector1", "selector2", "google", "s1", "s2", "k1", "2024", "2025", "2026"} {
		all, known := records(ctx, r, selector+"._domainkey."+domain)
		unknown = unknown || !known
		for _, record := range all {
			for tag := range strings.SplitSeq(record, ";") {
				if name, key, _ := strings.Cut(tag, "="); strings.TrimSpace(name) == "p" && strings.TrimSpace(key) != "" { // an empty key is one that was withdrawn
					return Good
				}
			}
		}
	}
	if unknown {
		return Unknown
	}
	return Unseen
}

func records(ctx context.Context, r TXT, name string) (all []string, known bool) {
	all, err := r.LookupTXT(ctx, name)
	var dns *net.DNSError
	if errors.As(err, &dns) && dns.IsNotFound {
		return nil, true
	}
	return all, err == nil
}
