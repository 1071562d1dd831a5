-- What was empty is filled; nothing is written over.
UPDATE "User" SET "plan" = 'free' WHERE "plan" IS NULL;
