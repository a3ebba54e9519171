package agenda

import (
	"slices"
	"time"
)

// Course is what kind of conversation an agenda is proposed for.
type Course int

const (
	CaseCourse Course = iota
	PlanCourse        // a Teilhabeplankonferenz: more of the time goes to what is agreed. SGB IX § 20
	TopicCourse
)

// Shape is what a proposal depends on, beside the length.
type Shape struct {
	Course     Course
	Caseworker bool // somebody has brought the question; else the moderation presents it
	Guests     bool // somebody comes for a part of it
}

// share is a phase that is proposed, and how much of the time it gets, in parts of about a minute of half an hour.
type share struct {
	kind  Kind
	parts int
	owner Role
}

// courses are the phases of each kind of conversation. First the case and one question, then the question whether it was understood, then
// only questions, and advice last: an order that teleconsultations have kept to for long, because advice that comes early is about another
// case.
var courses = map[Course][]share{
	CaseCourse: {
		{Opening, 2, Moderator}, {Presentation, 4, Caseworker}, {Confirming, 1, Moderator}, {Questions, 5, Experts},
		{Recommendations, 9, Experts}, {WithGuest, 6, Guest}, {Decisions, 4, Moderator},
	},
	PlanCourse: {
		{Opening, 2, Moderator}, {Presentation, 5, Caseworker}, {Confirming, 1, Moderator}, {Questions, 4, Experts},
		{Recommendations, 7, Experts}, {WithGuest, 7, Guest}, {Decisions, 7, Moderator},
	},
	TopicCourse: {
		{Opening, 2, Moderator}, {Presentation, 5, Caseworker}, {Recommendations, 12, Experts}, {Decisions, 6, Moderator},
	},
}

// dispensable are the phases that a conference goes without, in this order, when it has fewer minutes than phases.
var dispensable = []Kind{Opening, Confirming, Questions}

// Propose is the agenda that a conference of that length begins with: its phases take all of it, in whole minutes.
func Propose(s Shape, length time.Duration) Agenda {
	minutes := int(length / time.Minute)
	shares := slices.DeleteFunc(slices.Clone(courses[s.Course]), func(p share) bool { return p.kind == WithGuest && !s.Guests })
	for _, k := range dispensable {
		if len(shares) > minutes {
			shares = slices.DeleteFunc(shares, func(p share) bool { return p.kind == k })
		}
	}
	a := make(Agenda, len(shares))
	for i, n := range divide(minutes, shares) {
		a[i] = Phase{Kind: shares[i].kind, Minutes: n, Owner: Owner{Role: shares[i].owner}}
		if a[i].Owner.Role == Caseworker && !s.Caseworker {
			a[i].Owner.Role = Moderator
		}
	}
	return a
}

// divide gives each share its minutes, one at least: what is left of whole minutes goes to those that lack most.
func divide(minutes int, shares []share) []int {
	all := 0
	for _, s := range shares {
		all += s.parts
	}
	given, left := make([]int, len(shares)), minutes
	for i, s := range shares {
		given[i] = max(1, minutes*s.parts/all)
		left -= given[i]
	}
	for ; left != 0; left -= sign(left) {
		given[mostOff(given, minutes, all, shares, sign(left))] += sign(left)
	}
	return given
}

// mostOff is the share whose minutes are furthest below what it should have (up is 1), or above it (up is -1) while it has more than one.
func mostOff(given []int, minutes, all int, shares []share, up int) int {
	found, off := -1, 0
	for i, s := range shares {
		if up < 0 && given[i] == 1 {
			continue
		}
		if lacks := up * (minutes*s.parts - given[i]*all); found < 0 || lacks > off {
			found, off = i, lacks
		}
	}
	return found
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}
