-- That somebody who called himself an agent claimed a newer server without proof is remembered with that agent.

alter table agents add column forged_ms integer;
