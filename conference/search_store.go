package conference

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/konsil-server/konsil/expertpool/account"
)

// Search finds sections of notes that the actor may read now: those with the words of the query in any of their forms first,
// then those with words that contain them or look like them. The query is what people type into a search engine: words,
// "phrases", -without, or. At most 20 hits, the best first; what is shown is recorded. Errors: ErrDenied, InvalidError on q.
func (s *Store) Search(ctx context.Context, by account.Actor, query string) ([]Hit, error) {
	if err := account.CheckText("q", &query, mostTyped, true); err != nil {
		return nil, err
	}
	candidates, err := s.candidates(ctx, by, query)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	open := map[string]bool{} // conferences that were asked
	var hits []Hit
	for _, c := range candidates {
		if len(hits) == maxHits {
			break
		}
		may, asked := open[c.Code]
		if !asked {
			if may, err = s.mayRead(ctx, by, c.Code); err != nil {
				return nil, fmt.Errorf("search: %w", err)
			}
			open[c.Code] = may
		}
		if !may {
			continue
		}
		if c.Excerpt, err = s.excerpt(ctx, c.note, c.Section, query); err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		hits = append(hits, c.Hit)
	}
	return hits, nil
}

type candidate struct {
	Hit
	note int64
}

// candidates is what matches in the conferences of the actor. Whether she may read it now is not asked here; those that
// nobody may read are left out, so that they do not take the place of others.
func (s *Store) candidates(ctx context.Context, by account.Actor, query string) ([]candidate, error) {
	whose, who, err := partIn(by, "$2")
	if err != nil {
		return nil, err
	}
	similar, words := likeAll(query, 3)
	rows, err := s.DB.Query(ctx, `
		select c.code, c.starts_at, c.ends_at, c.question, t.key, t.note_id
		from note_section t
		join note n on n.id = t.note_id
		join conference c on c.id = n.conference_id
		join organisation o on o.id = c.organisation_id
		left join case_file f on f.id = c.case_id
		cross join websearch_to_tsquery('german', $1) q
		where `+whose+` and c.state not in ('cancelled', 'sealed') and coalesce(f.state, 'open') = 'open' and (t.tsv @@ q or `+similar+`)
		order by t.tsv @@ q desc, ts_rank_cd(t.tsv, q) desc, c.starts_at desc, t.note_id, t.key
		limit 100`, append([]any{query, who}, words...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (candidate, error) {
		var c candidate
		return c, r.Scan(&c.Code, &c.StartsAt, &c.EndsAt, &c.Question, &c.Section, &c.note)
	})
}

// partIn is the condition for conferences c of an organisation o that the actor may have a part in, with one parameter. It lets none out
// that partOf lets in; what it lets in is asked of partOf.
func partIn(by account.Actor, parameter string) (where string, arg any, err error) {
	seated := `exists (select from seat s where s.conference_id = c.id and s.account_id = ` + parameter + `)`
	switch by.Reach(account.TakePart) {
	case account.OwnNetwork:
		return `o.network_id = ` + parameter, by.Network, nil
	case account.OwnOrganisation:
		return `(c.request_id is not null and c.organisation_id = (select a.organisation_id from account a where a.id = ` + parameter + `) or ` + seated + `)`, by.ID, nil
	case account.OwnSeats:
		return seated, by.ID, nil
	}
	return "", nil, account.ErrDenied
}

// likeAll is the condition that a text contains every word of a plain query, be it within a longer word or, if it is long
// enough to tell, in a similar spelling. Parameters begin with number first.
func likeAll(query string, first int) (where string, args []any) {
	words := plainWords(query)
	if len(words) == 0 {
		return `false`, nil
	}
	var all []string
	for _, w := range words {
		n := fmt.Sprintf("de_fold($%d::text)", first+len(args))
		one := `de_fold(t.text) like '%' || ` + n + ` || '%'`
		if utf8.RuneCountInString(w) >= fuzzyFrom {
			one += ` or ` + n + ` <% de_fold(t.text)`
		}
		all, args = append(all, `(`+one+`)`), append(args, w)
	}
	return `(` + strings.Join(all, ` and `) + `)`, args
}

// mayRead asks the case, and records that its note is shown.
func (s *Store) mayRead(ctx context.Context, by account.Actor, code string) (bool, error) {
	may := false
	err := pgx.BeginFunc(ctx, s.DB, func(tx pgx.Tx) error {
		v, err := s.view(ctx, tx, by, code)
		if errors.Is(err, account.ErrNotFound) || err == nil && v.Shut != "" {
			return nil
		}
		if err != nil {
			return err
		}
		may = true
		return s.Cases.Saw(ctx, tx, by, v.Organisation, v.CaseID, "view_notes", v.Code)
	})
	return may, err
}

func (s *Store) excerpt(ctx context.Context, note int64, key, query string) ([]Piece, error) {
	var headline, text string
	err := s.DB.QueryRow(ctx, `
		select ts_headline('german', t.text, websearch_to_tsquery('german', $3),
			'StartSel=' || chr(2) || ', StopSel=' || chr(3) || ', MaxFragments=2, MinWords=8, MaxWords=24, FragmentDelimiter=" … "'), t.text
		from (select translate(left(text, 100000), chr(2) || chr(3), '') as text from note_section where note_id = $1 and key = $2) t`,
		note, key, query).Scan(&headline, &text)
	if err != nil {
		return nil, err
	}
	if marked, ok := pieces(headline); ok {
		return marked, nil
	}
	return around(text, plainWords(query)), nil
}
