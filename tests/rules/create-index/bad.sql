-- Who writes waits until the index is built.
CREATE INDEX "Review_cardId_idx" ON "Review" ("cardId");
CREATE UNIQUE INDEX "User_email_key" ON "User" ("email");
ALTER TABLE "User" ADD CONSTRAINT "User_name_key" UNIQUE ("name");
