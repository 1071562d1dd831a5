-- What Prisma 8 (8.0.0-rc.19 with @prisma/orm-postgres 8.0.0-rc.13) has made in a database after `db migrate` of the first
-- package; the JSON of contracts and operations is left out.
CREATE SCHEMA prisma_contract;
CREATE TABLE prisma_contract.contract (
    core_hash text PRIMARY KEY,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    contract_json jsonb NOT NULL
);
CREATE TABLE prisma_contract.ledger (
    id bigserial PRIMARY KEY,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    space text NOT NULL,
    migration_name text NOT NULL,
    migration_hash text NOT NULL,
    origin_core_hash text,
    origin_profile_hash text,
    destination_core_hash text NOT NULL,
    destination_profile_hash text,
    operations jsonb NOT NULL
);
CREATE TABLE prisma_contract.marker (
    space text DEFAULT 'app'::text PRIMARY KEY,
    core_hash text NOT NULL,
    profile_hash text NOT NULL,
    contract_json jsonb,
    canonical_version integer,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    app_tag text,
    meta jsonb DEFAULT '{}'::jsonb NOT NULL,
    invariants text[] DEFAULT '{}'::text[] NOT NULL
);
INSERT INTO prisma_contract.contract VALUES
    ('91e7f9f035806fa2789a4d726ef7724cad434fd6b00014d47ebf12d6e6bb784e', '2026-11-26 18:46:28.845093+00', '{}');
INSERT INTO prisma_contract.ledger VALUES
    (1, '2026-11-26 18:46:28.845093+00', 'app', '20261126T1846_init',
     'd9a8b973a365362816000d7becd5992535f19f84eb00c5ee983d4bee93505793', 'empty', NULL,
     '91e7f9f035806fa2789a4d726ef7724cad434fd6b00014d47ebf12d6e6bb784e', NULL, '[]');
INSERT INTO prisma_contract.marker VALUES
    ('app', '91e7f9f035806fa2789a4d726ef7724cad434fd6b00014d47ebf12d6e6bb784e',
     '3916f444a8a17ad749191acf9e08dad97d1a327b88c2f1d45d12f240296aa8b2', NULL, NULL, '2026-11-26 18:46:28.845093+00', NULL,
     '{}', '{}');
