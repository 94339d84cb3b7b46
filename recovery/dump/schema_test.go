package dump

// schema is a database in Prisma's manner, with all that makes a dump hard: text
// that looks like the dump's own, names that need quotes, rows of every type.
const schema = `
set client_min_messages = warning;
create role app_reader;
create role "App Writer";
create type "Role" as enum ('OWNER', 'MEMBER');
create schema "Älter Stand";

create table "User" (
  id serial primary key,
  email text not null,
  "fullName" text,
  role "Role" not null default 'MEMBER',
  "createdAt" timestamp(3) not null default now(),
  avatar bytea,
  settings jsonb not null default '{}',
  check (email like '%@%')
);
create unique index "User_email_key" on "User" (lower(email));
create index "User_members" on "User" (id) where role = 'MEMBER';
insert into "User" (email, "fullName", role, avatar, settings, "createdAt")
select 'user' || i || '@firm.example', 'Jürgen Größe №' || i, case when i % 7 = 0 then 'OWNER' else 'MEMBER' end::"Role",
       decode(md5(i::text) || '0d0a0a0d00ff', 'hex'), jsonb_build_object('n', i, 'quote', E'it''s "\\ok"'),
       timestamp '2026-01-01' + i * interval '1 minute'
from generate_series(1, 2000) i;

create table "Document" (
  id bigint generated always as identity primary key,
  "ownerId" int not null references "User" (id) on delete cascade,
  title text,
  body text
);
insert into "Document" ("ownerId", title, body)
select 1 + i % 2000, 'Doc ' || i, repeat(md5(i::text), 20) from generate_series(1, 3000) i;
insert into "Document" ("ownerId", title, body) values
  (1, E'\\.', E'\\.\n\\.\r\n\t\\N\nCOPY x FROM stdin;\n1\t2\n\\.\n'),
  (2, E'COPY public."User" (id) FROM stdin;', E'--\n-- TOC entry 1 (class 0 OID 0)\n-- Data for Name: User; Type: TABLE DATA; Schema: public; Owner: firmflow\n--\n\nCOPY public."User" (id) FROM stdin;\n9\n\\.\n'),
  (3, null, ''), (4, E'\r\n', E'a\r\nb\rc\nd'), (5, 'wide', repeat('0123456789', 300000));

create table "AuditLog" (
  id int not null, "at" timestamptz not null, "prevHash" text, "payloadHash" text, amount numeric(20, 4), ratio float8
) partition by range ("at");
create table "AuditLog_2025" partition of "AuditLog" for values from ('2025-01-01') to ('2026-01-01');
create table "AuditLog_2026" partition of "AuditLog" for values from ('2026-01-01') to ('2027-01-01');
alter table "AuditLog" add primary key (id, "at");
create index on "AuditLog" ("payloadHash");
insert into "AuditLog" select i, timestamptz '2025-06-01 00:00:00Z' + i * interval '3 hours', md5((i - 1)::text), md5(i::text), i / 7.0, i / 7.0
from generate_series(1, 3000) i;

create table "Empty" (id serial primary key, note text unique);
create table nocolumns ();
insert into nocolumns default values;
insert into nocolumns default values;
create table "we""ird; Type: TABLE DATA
name" ("co""l
umn" text, t text);
insert into "we""ird; Type: TABLE DATA
name" values ('a', 'b'), ('c', null);
create table "Älter Stand"."Blätter und mehr" (id int primary key, n text);
insert into "Älter Stand"."Blätter und mehr" values (1, 'ü'), (2, '日本語'), (3, '🙂');

create view "Owners" as select id, email from "User" where role = 'OWNER';
create materialized view "PerOwner" as select "ownerId", count(*) as n from "Document" group by 1;
create index on "PerOwner" ("ownerId");
create function "Copies"() returns text language sql as $body$ select '
--
-- TOC entry 1 (class 0 OID 0)
-- Data for Name: User; Type: TABLE DATA; Schema: public; Owner: firmflow
--

COPY public."User" (id, email) FROM stdin;
1	x
\.
COPY x FROM stdin;
'::text $body$;
create function touched() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger "User_touched" before update on "User" for each row execute function touched();
grant select on "User" to app_reader;
grant update on "Document" to "App Writer" with grant option;

select lo_from_bytea(0, decode(repeat('00ff0a0d', 3000), 'hex')), 1;
select lo_from_bytea(0, ''), 1;
select lo_from_bytea(0, 'a large object'), 1;
analyze;
`
