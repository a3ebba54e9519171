-- +goose Up
-- The signed document of a cooperation agreement, as the server has built it anew. It is a contract between institutions and says
-- nothing of any client: it lies unsealed like the rest of the agreement, and not beside the attachments of cases.
create table agreement_document (
	agreement_id uuid primary key references agreement on delete cascade,
	name text not null, -- what the file was called
	kind text not null check (kind in ('image/png', 'image/jpeg', 'application/pdf')),
	data bytea not null check (octet_length(data) > 0),
	uploaded_by uuid not null references account,
	uploaded_at timestamptz not null
);
alter table agreement_document alter column data set storage external; -- pictures and documents are packed already
