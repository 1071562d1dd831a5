-- Every row goes, and with CASCADE those of the tables that point to it.
TRUNCATE "Session";
TRUNCATE TABLE "User" RESTART IDENTITY CASCADE;
