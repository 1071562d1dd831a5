-- A rename keeps every value; a dropped default or constraint drops none.
ALTER TABLE "User" RENAME COLUMN "phone" TO "mobile";
ALTER TABLE "User" ALTER COLUMN "phone" DROP DEFAULT;
ALTER TABLE "User" DROP CONSTRAINT "User_phone_check";
