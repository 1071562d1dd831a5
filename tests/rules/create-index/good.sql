-- Nobody waits. This has to be alone in its migration.
CREATE INDEX CONCURRENTLY "Review_cardId_idx" ON "Review" ("cardId");
