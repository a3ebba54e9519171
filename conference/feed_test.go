package conference

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/konsil-server/konsil/conference/ical"
	"github.com/konsil-server/konsil/expertpool/account"
)

func TestAFeedHasOnesOwnDatesAndNothingOfTheCase(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), context.Background()
	code, _ := h.convene("Kern", "Reimann")
	other, _ := h.convene("Reimann")
	token, err := h.s.Subscribe(ctx, h.experts["Kern"])
	h.must(err)
	read := func() string {
		raw, err := h.s.Feed(ctx, token)
		h.must(err)
		if _, err := ical.Parse(raw); err != nil {
			t.Errorf("the feed does not read back: %v", err)
		}
		return strings.ReplaceAll(string(raw), "\r\n ", "")
	}
	feed := read()
	if !strings.Contains(feed, code) || strings.Contains(feed, other) || !strings.Contains(feed, "STATUS:TENTATIVE") {
		t.Errorf("%s", feed)
	}
	for _, leak := range []string{secretWord, "Kern", "Reimann", "psychiat", "Psychiat", "@konsil.test\r\nATTENDEE", "ATTENDEE", "ORGANIZER", "METHOD"} {
		if strings.Contains(feed, leak) {
			t.Errorf("%q stands in the feed", leak)
		}
	}
	h.accept(code, "Kern")
	if feed = read(); !strings.Contains(feed, "STATUS:CONFIRMED") {
		t.Errorf("accepted: %s", feed)
	}
	h.must(h.s.Cancel(ctx, h.coordinator, code))
	if feed = read(); !strings.Contains(feed, "STATUS:CANCELLED") || strings.Contains(feed, "CONFERENCE;") {
		t.Errorf("called off: %s", feed)
	}
	h.clock = h.clock.Add(feedBack + 3*time.Hour)
	if feed = read(); strings.Contains(feed, code) || !strings.Contains(feed, "BEGIN:VTIMEZONE") {
		t.Errorf("a month later: %s", feed)
	}
}

func TestAFeedsAddressIsOnesOwnAndCanBeTakenBack(t *testing.T) {
	t.Parallel()
	h, ctx := newHouse(t), context.Background()
	kern := h.experts["Kern"]
	first, err := h.s.Subscribe(ctx, kern)
	h.must(err)
	second, err := h.s.Subscribe(ctx, kern)
	h.must(err)
	if _, err := h.s.Feed(ctx, first); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("the address before: %v", err)
	}
	if s, err := h.s.Subscription(ctx, kern); err != nil || s == nil || s.UsedAt != nil {
		t.Errorf("before anybody asks: %+v, %v", s, err)
	}
	_, err = h.s.Feed(ctx, second)
	h.must(err)
	if s, err := h.s.Subscription(ctx, kern); err != nil || s == nil || s.UsedAt == nil {
		t.Errorf("after a program asked: %+v, %v", s, err)
	}
	link := kern
	link.Session = [16]byte{}
	if _, err := h.s.Subscribe(ctx, link); !errors.Is(err, account.ErrDenied) {
		t.Errorf("by a link from a mail: %v", err)
	}
	h.must(h.s.Unsubscribe(ctx, kern))
	if _, err := h.s.Feed(ctx, second); !errors.Is(err, account.ErrUnknown) {
		t.Errorf("after taking it back: %v", err)
	}
}
