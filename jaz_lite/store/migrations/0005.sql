-- Agents on old machines may use TLS 1.2; a second machine with the identity of an agent is remembered.

alter table agents add column tls_min text not null default '1.3' check (tls_min in ('1.2', '1.3'));
alter table agents add column twin_ms integer;
alter table agents add column twin_peer text not null default '';
