-- +goose Up
-- How people come into the pool, what they have signed, who has checked them and until when, and how they leave.
alter table link drop constraint link_purpose_check;
alter table link add constraint link_purpose_check
	check (purpose in ('invitation', 'measure', 'follow_up', 'setup', 'reset', 'listing'));

-- The public page on which people apply. Its address is no secret, but nobody guesses those of other networks.
alter table network
	add column join_slug text not null unique default replace(gen_random_uuid()::text, '-', ''),
	add column join_open boolean not null default false;

alter table expert
	add column owner_id uuid references account, -- of the coordination: who keeps the entry right
	add column confirmed_at timestamptz not null default now(), -- when somebody last said that the entry is right
	add column confirm_asked_at timestamptz, -- since then; null: not yet
	add column declaration_asked int not null default 0, -- version that a mail has asked to sign anew
	add column left_at timestamptz,
	add constraint expert_left check (left_at is null or not active);
create index expert_left_at on expert (left_at) where left_at is not null;

create table application (
	id uuid primary key,
	network_id uuid not null references network,
	name text not null,
	email text not null,
	profession text not null,
	discipline text not null,
	workplace text not null,
	message text not null,
	token_hash bytea unique, -- of the link that confirms the address; null once it has
	state text not null check (state in ('sent', 'known', 'confirmed', 'accepted', 'declined')), -- known: the address has an account
	sent_at timestamptz not null,
	decided_at timestamptz,
	decided_by uuid references account
);
create index application_network on application (network_id, state);
create index application_email on application (lower(email), sent_at);

-- What a coordinator has seen of an expert's qualification. The latest counts; earlier ones stay as proof.
create table verification (
	id uuid primary key,
	expert_id uuid not null references expert on delete cascade,
	checked text[] not null check (cardinality(checked) > 0 and checked <@ '{licence,register,certificate,employer,identity}'::text[]),
	note text not null,
	verified_by uuid references account, -- null: taken over from before there was a record
	verified_at timestamptz not null,
	valid_until date not null, -- the last day
	reminded int not null default 0, -- 0, or the days before the end of the last mail about it
	revoked_at timestamptz,
	revoked_by uuid references account,
	revoked_why text not null default '',
	check ((revoked_at is null) = (revoked_by is null))
);
create index verification_expert on verification (expert_id, verified_at desc);

-- The declaration of confidentiality. A text that was published is never changed; the highest version is the current one. A
-- network's own stand beside the one that the program brings along, which has no network.
create table declaration (
	network_id uuid references network,
	version int not null check (version > 0),
	body text not null,
	published_at timestamptz not null default now(),
	published_by uuid references account,
	unique nulls not distinct (network_id, version)
);
create table declaration_signature (
	expert_id uuid not null references expert on delete cascade,
	version int not null,
	sha256 bytea not null, -- of the text as it was signed
	signed_name text not null, -- as she typed it
	signed_at timestamptz not null,
	primary key (expert_id, version)
);

-- Where an expert works or has ties to: there she is not suggested.
create table expert_tie (
	id uuid primary key,
	expert_id uuid not null references expert on delete cascade,
	organisation_id uuid references organisation, -- one of the network's
	institution text not null, -- its name, or that of one outside
	kind text not null check (kind in ('employer', 'contract', 'board', 'family', 'other')),
	stated_by uuid references account,
	stated_at timestamptz not null
);
create index expert_tie_expert on expert_tie (expert_id);

-- A cooperation agreement with a partner. The document itself is kept in the organisation's own files; reference says where.
create table agreement (
	id uuid primary key,
	network_id uuid not null references network,
	organisation_id uuid references organisation, -- where the partner is one of the network's
	partner text not null,
	signed_on date not null,
	valid_until date not null check (valid_until >= signed_on),
	contact text not null,
	contact_email text not null,
	contact_phone text not null,
	contingent text not null,
	reference text not null,
	owner_id uuid references account,
	reminded int not null default 0, -- as in verification
	confirmed_at timestamptz not null,
	changed_at timestamptz not null,
	ended_at timestamptz -- called off before its time
);
create index agreement_network on agreement (network_id, valid_until);

-- Who took part in conferences, for the fee: it outlives the conferences and leads back to none of them.
alter table seat add column counted_at timestamptz;
create table participation (
	id uuid primary key,
	expert_id uuid not null references account,
	on_day date not null,
	minutes int not null check (minutes >= 0),
	kind text not null
);
create index participation_expert on participation (expert_id, on_day);

insert into declaration (network_id, version, body) values (null, 1,
'Mit dieser Erklärung verpflichte ich mich zur Verschwiegenheit bei meiner Mitwirkung an Fallkonferenzen.

1. Worüber ich schweige
Alles, was ich über eine Person, über Beteiligte oder aus einer Konferenz erfahre, behandle ich vertraulich: gegenüber Kolleginnen und Kollegen, Angehörigen und dem eigenen Arbeitgeber ebenso wie gegenüber Behörden, die nicht am Fall beteiligt sind. Das gilt auch dann, wenn nur ein Pseudonym genannt wird.

2. Wofür ich das Erfahrene verwende
Nur zur Beratung in dem Fall, für den ich eingeladen bin. Nicht für Forschung, Lehre, Veröffentlichungen oder eigene Akten, auch nicht in veränderter Form.

3. Was ich nicht tue
Ich zeichne nichts auf, fotografiere keinen Bildschirm, drucke nichts aus und gebe keine Inhalte in andere Programme oder Dienste ein. Ich versuche nicht herauszufinden, wer die Person ist.

4. Wie ich teilnehme
An einem Ort, an dem niemand mithören oder mitsehen kann. Mein Zugang gehört mir allein; Links und Anmeldung gebe ich nicht weiter.

5. Wann ich mich melde
Sofort, wenn ich die Person erkenne oder mit ihr, ihren Angehörigen oder einer beteiligten Einrichtung verbunden bin. Ebenso, wenn Vertrauliches in fremde Hände geraten sein kann oder ich meinen Zugang verloren habe.

6. Wie lange das gilt
Ohne Ende: auch nach der Konferenz und nachdem ich den Pool verlassen habe.

7. Worauf ich hingewiesen wurde
Wer Anvertrautes unbefugt weitergibt, kann sich strafbar machen (§ 203 und § 204 StGB). Sozialdaten dürfen nur für den Zweck verwendet werden, zu dem sie übermittelt wurden, und sind geheim zu halten wie bei der Stelle, von der sie kommen (§ 35 SGB I, § 78 SGB X). Berufsrechtliche Schweigepflichten gelten daneben weiter. Über Anzeige- und Auskunftspflichten, die ein Gesetz vorschreibt, geht diese Erklärung nicht hinaus.');

-- Who is in the pool already has a quarter to be checked; the invented people of the rehearsal have signed, too.
insert into verification (id, expert_id, checked, note, verified_at, valid_until)
select gen_random_uuid(), account_id, '{identity}', '', now(), current_date + 90 from expert where active;
insert into declaration_signature (expert_id, version, sha256, signed_name, signed_at)
select a.id, 1, sha256(convert_to(d.body, 'UTF8')), a.name, now()
from expert e join account a on a.id = e.account_id cross join declaration d where a.rehearsal;
