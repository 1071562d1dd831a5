-- The old values are gone.
UPDATE "User" SET "plan" = 'free';
UPDATE "User" SET "plan" = p."name" FROM "Plan" p;
