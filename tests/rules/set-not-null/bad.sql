-- One NULL makes it fail; without one, every row is looked at while everybody waits.
ALTER TABLE "User" ALTER COLUMN "name" SET NOT NULL;
ALTER TABLE "User" ADD CONSTRAINT "User_email_given" NOT NULL "email";
