-- Who did what, each row hashed over the one before it. The triggers stop accidents; the chain shows the rest.

create table audit_log (
    sequence integer primary key,
    at integer not null,
    actor text not null,
    action text not null,
    object text not null,
    state_before text,
    state_after text,
    previous_hash text not null,
    hash text not null unique
) strict;

create trigger audit_log_keeps_its_words before update on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;

create trigger audit_log_stays before delete on audit_log
begin
    select raise(abort, 'the audit log is append-only');
end;
