-- How agents come into the site, and what is on its way to them.

create table invitations (
    id integer primary key,
    token_id blob not null unique check (length(token_id) = 6),
    name text not null check (name <> ''),          -- of the agent, or a pattern of names
    key text not null,                              -- SHA-256 of the token's secret, sealed
    uses_left integer not null check (uses_left >= 0),
    replaces integer not null check (replaces in (0, 1)),
    cert blob not null check (length(cert) = 32),   -- SHA-256 of the certificate that the token names
    created_ms integer not null,
    created_by text not null,
    expires_ms integer not null,
    withdrawn_ms integer
) strict;

-- What was given to a nonce: whoever tries again with it, because the answer was lost, gets the same.
create table enrolments (
    id integer primary key,
    nonce blob not null unique check (length(nonce) = 32),
    agent_id text not null check (agent_id <> ''),
    kid integer not null check (kid >= 0),
    at_ms integer not null,
    confirmed integer not null check (confirmed in (0, 1))
) strict;

-- Agents without a token that wait for a person to decide.
create table requests (
    id integer primary key,
    nonce blob not null unique check (length(nonce) = 32),
    name text not null check (name <> ''),
    address text not null,
    version text not null,
    os text not null,
    arch text not null,
    state integer not null check (state between 0 and 2),
    replaces integer not null check (replaces in (0, 1)),
    asked_ms integer not null,
    seen_ms integer not null
) strict;

-- A new key that an agent has not used yet; its old one is good until then.
create table next_keys (
    agent_id text primary key check (agent_id <> ''),
    kid integer not null check (kid >= 0),
    key text not null,                              -- sealed
    at_ms integer not null
) strict;

-- Which agents have made the site's next certificate durable.
create table next_pins (
    agent_id text primary key check (agent_id <> ''),
    pin blob not null check (length(pin) = 32)
) strict;
