-- CreateEnum
CREATE TYPE "Visibility" AS ENUM ('PRIVATE', 'LINK', 'FRIENDS', 'PUBLIC');

-- AlterTable
ALTER TABLE "User" ADD COLUMN     "phone" TEXT;

-- AlterTable
ALTER TABLE "StudySet" ADD COLUMN     "visibility" "Visibility" NOT NULL DEFAULT 'PRIVATE';
