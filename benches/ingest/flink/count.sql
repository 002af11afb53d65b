select count(*) from landed
