insert into event_clocks (name, at, state, finished_at) values ($1, $2, $3, $4)
on conflict (name) do update set at = excluded.at, state = excluded.state, finished_at = excluded.finished_at
where excluded.at > event_clocks.at
