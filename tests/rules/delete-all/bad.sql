-- No condition, or one that is always true.
DELETE FROM "Session";
DELETE FROM "Session" WHERE 1 = 1;
WITH gone AS (DELETE FROM "Session" RETURNING "id") SELECT count(*) FROM gone;
