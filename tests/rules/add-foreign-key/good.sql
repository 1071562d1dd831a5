-- NOT VALID looks at no row; VALIDATE, in a later migration, blocks neither reads nor writes.
ALTER TABLE "Card" ADD CONSTRAINT "Card_setId_fkey" FOREIGN KEY ("setId") REFERENCES "StudySet" ("id") NOT VALID;
ALTER TABLE "Card" VALIDATE CONSTRAINT "Card_setId_fkey";
