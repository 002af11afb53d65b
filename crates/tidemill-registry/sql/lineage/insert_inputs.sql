insert into training_inputs (run_key, position, table_name, delta_version, window_from, window_to, row_count)
values /* rows */
