-- What the plan has made holds nothing that anybody could miss.
CREATE TABLE "Staging" ("id" TEXT NOT NULL);
TRUNCATE "Staging";
