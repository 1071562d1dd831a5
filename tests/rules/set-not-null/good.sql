-- A check that was validated before is Postgres's proof: it looks at no row. VALIDATE blocks neither reads nor writes;
-- these three belong into three migrations.
ALTER TABLE "User" ADD CONSTRAINT "User_name_given" CHECK ("name" IS NOT NULL) NOT VALID;
ALTER TABLE "User" VALIDATE CONSTRAINT "User_name_given";
ALTER TABLE "User" ALTER COLUMN "name" SET NOT NULL;
