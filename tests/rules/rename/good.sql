-- Names that no query holds.
ALTER INDEX "User_pkey" RENAME TO "Person_pkey";
ALTER TABLE "User" RENAME CONSTRAINT "User_email_key" TO "Person_email_key";
