-- A dropped default or constraint takes no value along.
ALTER TABLE "User" ALTER COLUMN "phone" DROP DEFAULT;
ALTER TABLE "User" DROP CONSTRAINT "User_phone_check";
