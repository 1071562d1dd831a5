-- Plausible data for Jarvis: the same rows every time, because every "random" choice is arithmetic on md5.
-- Run it after the applied migrations and before the pending ones:
--   psql -X -v ON_ERROR_STOP=1 -v users=24000 -f seed.sql
-- `users` scales everything else; 24000 is the default.
\if :{?users}
\else
  \set users 24000
\endif

BEGIN;

-- A number from 0 to n - 1 that depends on nothing but its arguments.
CREATE FUNCTION pg_temp.pick(salt text, i bigint, n integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5(salt || i::text), 1, 7))::bit(28)::integer % n $$;

-- An id in the form that `@default(cuid())` gives.
CREATE FUNCTION pg_temp.cuid(kind text, i bigint) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT 'c' || substr(md5(kind || ':' || i::text), 1, 24) $$;

-- A moment between the first users and the last deploy.
CREATE FUNCTION pg_temp.moment(salt text, i bigint) RETURNS timestamp(3)
LANGUAGE sql IMMUTABLE AS $$
  SELECT timestamp '2025-01-15 06:00:00' + pg_temp.pick(salt, i, 57900000) * interval '1 second'
         + pg_temp.pick(salt || '/ms', i, 1000) * interval '1 millisecond'
$$;

CREATE TEMP TABLE given ON COMMIT DROP AS
SELECT ARRAY['Mia','Noah','Lena','Yusuf','Amara','Diego','Ines','Kenji','Freya','Ravi','Chloe','Tomas','Sana','Elif','Jonas',
  'Priya','Marek','Olivia','Hassan','Zoe','Luca','Nadia','Erik','Bea','Theo','Malika','Ivan','Rosa','Finn','Aisha'] AS first,
  ARRAY['Novak','Schmidt','Okafor','Garcia','Tanaka','Larsen','Patel','Rossi','Kowalska','Haddad','Nguyen','Moreau','Silva',
  'Yilmaz','Brandt','Iyer','Costa','Jensen','Ali','Weber','Castro','Sato','Lindgren','Popov','Murphy','Kaya','Fischer'] AS last;

CREATE TEMP TABLE fact (subject text, n integer, front text, back text) ON COMMIT DROP;
INSERT INTO fact VALUES
  ('Spanish', 0, 'to be (permanent)', 'ser'), ('Spanish', 1, 'to be (state, place)', 'estar'),
  ('Spanish', 2, 'I went', 'fui'), ('Spanish', 3, 'the bridge', 'el puente'),
  ('Spanish', 4, 'to remember', 'recordar'), ('Spanish', 5, 'nevertheless', 'sin embargo'),
  ('Spanish', 6, 'the day before yesterday', 'anteayer'), ('Spanish', 7, 'we would have', 'tendríamos'),
  ('Biology', 0, 'Where does glycolysis happen?', 'In the cytoplasm'), ('Biology', 1, 'What carries oxygen in blood?', 'Haemoglobin'),
  ('Biology', 2, 'What are the four DNA bases?', 'Adenine, thymine, guanine, cytosine'), ('Biology', 3, 'Function of ribosomes', 'They build proteins'),
  ('Biology', 4, 'What does ATP stand for?', 'Adenosine triphosphate'), ('Biology', 5, 'Phases of mitosis', 'Prophase, metaphase, anaphase, telophase'),
  ('Biology', 6, 'Osmosis', 'Water moving through a membrane towards more solute'), ('Biology', 7, 'Powerhouse of the cell', 'The mitochondrion'),
  ('Geography', 0, 'Capital of Kazakhstan', 'Astana'), ('Geography', 1, 'Longest river of Europe', 'The Volga'),
  ('Geography', 2, 'Deepest lake', 'Lake Baikal'), ('Geography', 3, 'Capital of Australia', 'Canberra'),
  ('Geography', 4, 'Strait between Spain and Morocco', 'Gibraltar'), ('Geography', 5, 'Highest mountain of Africa', 'Kilimanjaro'),
  ('Geography', 6, 'Largest island', 'Greenland'), ('Geography', 7, 'Capital of Slovenia', 'Ljubljana'),
  ('Chemistry', 0, 'Symbol of tungsten', 'W'), ('Chemistry', 1, 'pH of pure water at 25 °C', '7'),
  ('Chemistry', 2, 'Avogadro constant', '6.022 × 10²³ per mole'), ('Chemistry', 3, 'Formula of table salt', 'NaCl'),
  ('Chemistry', 4, 'Lightest noble gas', 'Helium'), ('Chemistry', 5, 'What is oxidised loses …', 'electrons'),
  ('Chemistry', 6, 'Bond that shares electrons', 'Covalent bond'), ('Chemistry', 7, 'Functional group of alcohols', 'Hydroxyl, –OH'),
  ('History', 0, 'Fall of Constantinople', '1453'), ('History', 1, 'First moon landing', '1969'),
  ('History', 2, 'Who wrote the 95 theses?', 'Martin Luther'), ('History', 3, 'Treaty that ended the Thirty Years'' War', 'Peace of Westphalia, 1648'),
  ('History', 4, 'Year the Berlin Wall fell', '1989'), ('History', 5, 'First emperor of Rome', 'Augustus'),
  ('History', 6, 'Magna Carta', '1215'), ('History', 7, 'Inventor of movable type in Europe', 'Johannes Gutenberg'),
  ('Maths', 0, 'Derivative of sin x', 'cos x'), ('Maths', 1, 'Integral of 1/x', 'ln |x| + C'),
  ('Maths', 2, 'Sum of angles in a triangle', '180°'), ('Maths', 3, 'Euler''s identity', 'e^(iπ) + 1 = 0'),
  ('Maths', 4, 'log(ab)', 'log a + log b'), ('Maths', 5, 'Determinant of a 2×2 matrix', 'ad − bc'),
  ('Maths', 6, 'Number of subsets of n things', '2ⁿ'), ('Maths', 7, 'Smallest perfect number', '6');

INSERT INTO "User" ("id", "email", "name", "passwordHash", "role", "phone", "locale", "preferences", "lastSeenAt", "createdAt", "updatedAt")
SELECT pg_temp.cuid('user', i),
       lower(f || '.' || l) || i || '@' || (ARRAY['example.com', 'example.org', 'example.net'])[1 + pg_temp.pick('mail', i, 3)],
       f || ' ' || l,
       '$argon2id$v=19$m=65536,t=3,p=1$' || substr(md5('salt' || i), 1, 22) || '$' || md5('a' || i) || substr(md5('b' || i), 1, 11),
       (CASE WHEN i <= 3 THEN 'ADMIN' WHEN i % 29 = 0 THEN 'TEACHER' WHEN i % 101 = 0 THEN 'ASSISTANT' ELSE 'STUDENT' END)::"Role",
       -- Seven of eight people left a number; 555-01xx numbers belong to nobody.
       CASE WHEN i % 8 <> 0 THEN '+1' || 200 + i % 700 || '55501' || lpad((i / 700 % 100)::text, 2, '0') END,
       (ARRAY['en', 'en', 'en', 'de', 'es', 'fr', 'tr'])[1 + pg_temp.pick('locale', i, 7)],
       CASE WHEN i % 5 = 0 THEN '{"theme": "dark", "dailyGoal": 30}' WHEN i % 7 = 0 THEN '{"theme": "light"}' ELSE '{}' END::jsonb,
       CASE WHEN i % 11 <> 0 THEN least(created + pg_temp.pick('seen', i, 5000000) * interval '1 second', timestamp '2026-11-20 18:00:00') END,
       created, created
FROM (
  SELECT i, pg_temp.moment('user', i) AS created,
         first[1 + pg_temp.pick('first', i, cardinality(first))] AS f, last[1 + pg_temp.pick('last', i, cardinality(last))] AS l
  FROM given, generate_series(1, :users) AS i
  OFFSET 0 -- keeps the planner from computing `created` anew for each use
) AS person;

INSERT INTO "StudySet" ("id", "title", "slug", "description", "ownerId", "visibility", "createdAt", "updatedAt")
SELECT pg_temp.cuid('set', i), subject || ' ' || topic, lower(replace(subject || '-' || topic, ' ', '-')) || '-' || i,
       CASE WHEN i % 3 = 0 THEN 'What I need for the ' || lower(subject) || ' test, eight cards at a time.' END,
       pg_temp.cuid('user', 1 + pg_temp.pick('owner', i, :users)),
       (ARRAY['PRIVATE', 'PRIVATE', 'LINK', 'PUBLIC'])[1 + pg_temp.pick('visible', i, 4)]::"Visibility",
       created, created + pg_temp.pick('touched', i, 900000) * interval '1 second'
FROM (
  SELECT i, pg_temp.moment('set', i) AS created,
         (ARRAY['Spanish', 'Biology', 'Geography', 'Chemistry', 'History', 'Maths'])[1 + i % 6] AS subject,
         (ARRAY['for beginners', 'before the exam', 'week ' || 1 + i % 14, 'chapter ' || 1 + i % 20, 'things I forget',
                'with pictures'])[1 + pg_temp.pick('topic', i, 6)] AS topic
  FROM generate_series(1, :users * 5 / 24) AS i
  OFFSET 0
) AS study_set;

-- Eight cards in each set.
INSERT INTO "Card" ("id", "studySetId", "position", "front", "back", "ease", "dueAt", "createdAt")
SELECT pg_temp.cuid('card', s * 8 + p), pg_temp.cuid('set', s), p, front, back,
       1.30 + pg_temp.pick('ease', s * 8 + p, 240) / 100.0,
       CASE WHEN (s + p) % 4 <> 0 THEN pg_temp.moment('due', s * 8 + p) END,
       pg_temp.moment('set', s) + p * interval '40 seconds'
FROM generate_series(1, :users * 5 / 24) AS s
CROSS JOIN generate_series(0, 7) AS p
JOIN fact ON fact.n = (s / 6 + p) % 8
         AND fact.subject = (ARRAY['Spanish', 'Biology', 'Geography', 'Chemistry', 'History', 'Maths'])[1 + s % 6]
ORDER BY s, p;

INSERT INTO "Tag" ("name", "color")
SELECT name, (ARRAY['#64748b', '#0d9488', '#b45309', '#7c3aed', '#be123c'])[1 + n::integer % 5]
FROM unnest(ARRAY['verbs', 'nouns', 'grammar', 'dates', 'people', 'places', 'formulas', 'definitions', 'exam', 'homework', 'hard',
  'easy', 'revise', 'week 1', 'week 2', 'week 3', 'pictures', 'lab', 'maps', 'proofs', 'idioms', 'cells', 'elements', 'wars'])
  WITH ORDINALITY AS tag (name, n);

INSERT INTO "_CardToTag" ("A", "B")
SELECT pg_temp.cuid('card', c), 1 + pg_temp.pick('tag', c, 24)
FROM generate_series(8, :users * 5 / 24 * 8 + 7) AS c
WHERE c % 5 <> 0;

INSERT INTO "sessions" ("id", "token_hash", "user_id", "user_agent", "created_at", "expires_at")
SELECT pg_temp.cuid('session', i), md5('token' || i) || md5('hash' || i), pg_temp.cuid('user', 1 + pg_temp.pick('login', i, :users)),
       (ARRAY['Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0', 'Jarvis/3.2 (iOS 18.4)', 'Jarvis/3.2 (Android 15)', NULL])[1 + i % 4],
       started, started + interval '30 days'
FROM (SELECT i, pg_temp.moment('session', i) AS started FROM generate_series(1, :users * 3 / 8) AS i OFFSET 0) AS login;

INSERT INTO "Review" ("userId", "cardId", "sessionId", "grade", "durationMs", "reviewedAt")
SELECT pg_temp.cuid('user', 1 + pg_temp.pick('reviewer', i, :users)),
       pg_temp.cuid('card', 8 + pg_temp.pick('reviewed', i, :users * 5 / 24 * 8)),
       CASE WHEN i % 3 = 0 THEN pg_temp.cuid('session', 1 + pg_temp.pick('during', i, :users * 3 / 8)) END,
       (ARRAY['AGAIN', 'HARD', 'GOOD', 'GOOD', 'GOOD', 'EASY'])[1 + pg_temp.pick('grade', i, 6)]::"Grade",
       CASE WHEN i % 9 <> 0 THEN 900 + pg_temp.pick('took', i, 24000) END,
       -- Ids and times rise together, as they do in a table that is only appended to.
       timestamp '2025-02-20 07:00:00' + (i * 54800000.0 / (:users * 3 / 2)) * interval '1 second'
FROM generate_series(1, :users * 3 / 2) AS i;

INSERT INTO "attachments" ("id", "card_id", "file_name", "content_type", "byte_size", "created_at")
SELECT md5('attachment' || i)::uuid, pg_temp.cuid('card', 8 + pg_temp.pick('attached', i, :users * 5 / 24 * 8)),
       (ARRAY['photo', 'scan', 'diagram', 'board'])[1 + i % 4] || '-' || i || (ARRAY['.jpg', '.pdf', '.png', '.jpg'])[1 + i % 4],
       (ARRAY['image/jpeg', 'application/pdf', 'image/png', 'image/jpeg'])[1 + i % 4],
       20000 + pg_temp.pick('size', i, 4000000), pg_temp.moment('attachment', i) AT TIME ZONE 'UTC'
FROM generate_series(1, :users / 16) AS i;

INSERT INTO "StudyGoal" ("id", "userId", "studySetId", "cardsPerDay", "dueOn")
SELECT pg_temp.cuid('goal', i), pg_temp.cuid('user', i * 4), pg_temp.cuid('set', 1 + pg_temp.pick('goal', i, :users * 5 / 24)),
       5 * (1 + pg_temp.pick('daily', i, 10)), CASE WHEN i % 2 = 0 THEN date '2026-12-01' + pg_temp.pick('due', i, 200) END
FROM generate_series(1, :users / 4) AS i;

INSERT INTO "user_streaks" ("user_id", "current_days", "longest_days", "updated_at")
SELECT pg_temp.cuid('user', i * 2), days, days + pg_temp.pick('best', i, 60), pg_temp.moment('streak', i)
FROM (SELECT i, pg_temp.pick('days', i, 45) AS days FROM generate_series(1, :users / 2) AS i OFFSET 0) AS streak;

INSERT INTO "legacy_import" ("source", "file_name", "card_count", "imported_at")
SELECT (ARRAY['anki', 'quizlet', 'csv'])[1 + i % 3], 'deck-' || i || (ARRAY['.apkg', '.txt', '.csv'])[1 + i % 3],
       10 + pg_temp.pick('imported', i, 400), timestamp '2025-03-26 09:00:00' + i * interval '7 hours'
FROM generate_series(1, 340) AS i;

COMMIT;

ANALYZE "User", "StudySet", "Card", "Tag", "_CardToTag", "sessions", "Review", "attachments", "StudyGoal", "user_streaks", "legacy_import";
