package mail

import (
	"context"
	"errors"
	"net"
	"testing"
)

// zone is a name server's answers; what it does not list does not exist, and "broken" names cannot be looked up.
type zone map[string][]string

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	all, there := z[name]
	switch {
	case !there:
		return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	case all == nil:
		return nil, &net.DNSError{Err: "server failure", Name: name, IsTemporary: true}
	}
	return all, nil
}

func TestWhatADomainSaysAboutItsMailsIsReadOffItsRecords(t *testing.T) {
	t.Parallel()
	const key = "v=DKIM1; k=rsa; p=MIIB"
	for name, c := range map[string]struct {
		records zone
		want    Standing
	}{
		"all set": {
			zone{"k.example": {"other", "v=spf1 mx -all"}, "mail._domainkey.k.example": {key}, "_dmarc.k.example": {"v=DMARC1; p=reject; rua=mailto:x@k.example"}},
			Standing{"k.example", Good, Good, Good},
		},
		"nothing":  {zone{}, Standing{"k.example", Missing, Unseen, Missing}},
		"no teeth": {zone{"k.example": {"v=spf1 +all"}, "s1._domainkey.k.example": {"v=DKIM1; p="}, "_dmarc.k.example": {"v=DMARC1;p=none"}}, Standing{"k.example", Weak, Unseen, Weak}},
		"doubled":  {zone{"k.example": {"v=spf1 -all", "V=SPF1 mx"}, "_dmarc.k.example": {"v=DMARC1; p=reject", "v=DMARC1; p=none"}}, Standing{"k.example", Double, Unseen, Double}},
		"no SPF":   {zone{"k.example": {"v=spf10 -all", "v=spf2.0/pra"}}, Standing{"k.example", Missing, Unseen, Missing}},
		"broken":   {zone{"k.example": nil, "default._domainkey.k.example": nil, "_dmarc.k.example": nil}, Standing{"k.example", Unknown, Unknown, Unknown}},
	} {
		if got := StandingOf(t.Context(), c.records, "Termine@K.example"); got != c.want {
			t.Errorf("%s: %+v, not %+v", name, got, c.want)
		}
	}
	below := zone{"_dmarc.k.example": {"v=DMARC1; p=quarantine"}}
	if got := StandingOf(t.Context(), below, "termine@mail.k.example"); got.DMARC != Good || got.SPF != Missing {
		t.Errorf("a domain below another: %+v", got)
	}
}

// stuck never answers.
type stuck struct{}

func (stuck) LookupTXT(ctx context.Context, _ string) ([]string, error) {
	<-ctx.Done()
	return nil, errors.Join(ctx.Err())
}

func TestANameServerThatDoesNotAnswerHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if got := StandingOf(ctx, stuck{}, "termine@k.example"); got.SPF != Unknown || got.DKIM != Unknown || got.DMARC != Unknown {
		t.Errorf("%+v", got)
	}
}
