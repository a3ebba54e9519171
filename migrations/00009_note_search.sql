-- +goose Up
-- Words by their German stem. A text vector holds at most 1 MB and a section may be longer than that, so its first 100,000
-- characters are indexed: a section must never fail to be written because of what somebody typed.
alter table note_section add column tsv tsvector not null generated always as (to_tsvector('german', left(text, 100000))) stored;
create index note_section_tsv on note_section using gin (tsv);

-- Parts of compounds, which stems do not find, and words that are typed a little wrong.
create index note_section_trigrams on note_section using gin (de_fold(text) gin_trgm_ops);
