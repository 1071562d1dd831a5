-- Another default is no other type; a column of a table that the plan makes has no values yet.
ALTER TABLE "Card" ALTER COLUMN "ease" SET DEFAULT 2;
CREATE TABLE "Fresh" ("id" INTEGER NOT NULL);
ALTER TABLE "Fresh" ALTER COLUMN "id" SET DATA TYPE BIGINT;
