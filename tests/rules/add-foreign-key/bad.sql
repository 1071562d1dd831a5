-- Every row is compared, while writes of both tables wait.
ALTER TABLE "Card" ADD CONSTRAINT "Card_setId_fkey" FOREIGN KEY ("setId") REFERENCES "StudySet" ("id");
