//! Projects as people write them.

use super::*;

/// A project of these files.
fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Project) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let project = Project::around(folder.path());
    (folder, project)
}

/// Where its migrations are, from its root, and what is remarked.
fn told(files: &[(&str, &str)]) -> (String, Vec<String>) {
    let (folder, project) = project(files);
    let path = project.migrations.strip_prefix(folder.path()).unwrap();
    let root = folder.path().display().to_string();
    let remarks = project.remarks.iter();
    (
        path.display().to_string(),
        remarks
            .map(|said| said.replace(&format!("{root}/"), ""))
            .collect(),
    )
}

const SCHEMA: &str = "generator client { provider = \"prisma-client\" }\n\n// datasource old {\ndatasource db {\n  provider = \"postgresql\" // ours\n  \
    url = \"postgresql://x//y\"\n  schemas = [\"public\",\n    \"billing\"]\n}\n\nmodel A { id Int @id }\n";

#[test]
fn without_any_file_the_default_counts() {
    assert_eq!(told(&[]), ("prisma/migrations".to_owned(), Vec::new()));
    let only_schema = [("prisma/schema.prisma", SCHEMA)];
    assert_eq!(
        told(&only_schema),
        ("prisma/migrations".to_owned(), Vec::new())
    );
    assert_eq!(project(&only_schema).1.schemas, ["public", "billing"]);
    assert_eq!(told(&[("schema.prisma", SCHEMA)]).0, "migrations");
}

#[test]
fn a_plain_path_counts_however_the_file_is_written() {
    for (name, text) in [
        (
            "prisma.config.ts",
            "import 'dotenv/config'\nimport { defineConfig, env } from 'prisma/config'\n\nexport default defineConfig({\n  \
             schema: 'prisma/schema.prisma',\n  // migrations: { path: 'old' },\n  migrations: {\n    path: 'db/migrations',\n    \
             seed: `tsx prisma/seed.ts`,\n  },\n  datasource: { url: env('DATABASE_URL') },\n})\n",
        ),
        (
            "prisma.config.js",
            "module.exports = { 'migrations': { \"path\": \"db/migrations\" } }",
        ),
        (
            "prisma.config.mjs",
            "export default { migrations: { path: './db/migrations' }, adapter: async () => ({ a: 1 }) }",
        ),
        (
            ".config/prisma.ts",
            "export default { ...(x ? { a } : {}), migrations: { path: `db/migrations` } } satisfies PrismaConfig",
        ),
        (
            "prisma.config.mts",
            "const other = defineConfig({ migrations: { path: 'old' } })\nconst config: PrismaConfig = { migrations: { path: 'db/migrations' } }\n\
             export default config",
        ),
        (
            "prisma7.config.cjs",
            "const path = require('path')\nmodule.exports = defineConfig({ migrations: { path: path.join('db', 'migrations') }, })",
        ),
    ] {
        let (path, remarks) = told(&[(name, text)]);
        assert_eq!(path.trim_start_matches("./"), "db/migrations", "{name}");
        assert!(remarks.is_empty(), "{name}: {remarks:?}");
    }
}

#[test]
fn the_folder_beside_the_schema_counts_where_no_path_is_given() {
    let config = |schema: &str| format!("export default defineConfig({{ schema: {schema} }})");
    let one = config("\"api/db/schema.prisma\"");
    let files = [
        ("prisma.config.ts", one.as_str()),
        ("api/db/schema.prisma", SCHEMA),
    ];
    assert_eq!(told(&files).0, "api/db/migrations");
    // A schema of several files: beside the one with the datasource.
    let many = config("'api/schema'");
    let files = [
        ("prisma.config.ts", many.as_str()),
        ("api/schema/a.prisma", "model A { id Int @id }"),
        ("api/schema/base.prisma", SCHEMA),
    ];
    assert_eq!(told(&files).0, "api/schema/migrations");
}

#[test]
fn what_is_computed_is_said_and_the_default_counts() {
    for text in [
        "export default defineConfig({ migrations: { path: process.env.DIR } })",
        "export default defineConfig({ migrations: { path: `${root}/m` } })",
        "export default defineConfig({ migrations: { path: 'a' + 'b' } })",
        "export default defineConfig({ migrations: folders })",
        "export default defineConfig({ migrations })",
        "export default defineConfig({ migrations: { ...base } })",
        "export default defineConfig({ migrations: { path: path.join(__dirname, 'm') } })",
        "export default defineConfig({ migrations: { get path() { return 'm' } } })",
        "export default defineConfig({ schema: 'x', migrations: { path: \"never closed } })",
        "const c = make(); export default c",
        "",
    ] {
        let (path, remarks) = told(&[("prisma.config.ts", text)]);
        assert_eq!(path, "prisma/migrations", "{text}");
        assert!(
            remarks
                .iter()
                .any(|said| said.starts_with("prisma.config.ts computes `migrations.path`")),
            "{text}: {remarks:?}"
        );
    }
}

#[test]
fn the_first_file_in_prismas_order_counts() {
    let of = |path: &str| format!("export default {{ migrations: {{ path: '{path}' }} }}");
    let (seven, plain) = (of("seven"), of("plain"));
    let files = [
        ("prisma.config.ts", plain.as_str()),
        ("prisma7.config.ts", seven.as_str()),
    ];
    assert_eq!(told(&files).0, "seven");
}

#[test]
fn a_project_of_prisma_8_keeps_its_packages_beside_its_config() {
    let config = |more: &str| {
        format!(
            "import 'dotenv/config';\nimport {{ definePrismaConfig }} from '@prisma/cli-engine';\n\
             import {{ defineConfig as ormConfig }} from '@prisma/orm-postgres/config';\n\nexport default definePrismaConfig({{\n  \
             orm: ormConfig({{\n    contract: \"./src/prisma/contract.prisma\",\n    db: {{\n      \
             connection: process.env['DATABASE_URL']!,\n    }},{more}\n  }}),\n}});\n"
        )
    };
    for (more, path) in [("", "migrations"), ("migrations: { dir: 'db/m' }", "db/m")] {
        let text = config(more);
        assert_eq!(
            told(&[("prisma.config.ts", &text)]),
            (path.to_owned(), Vec::new())
        );
    }
    let text = config("migrations: { dir: process.cwd() }");
    let (path, remarks) = told(&[("prisma.config.ts", &text)]);
    assert_eq!(path, "migrations");
    assert!(
        remarks[0].contains("computes `migrations.dir`"),
        "{remarks:?}"
    );
}

#[test]
fn another_provider_is_said() {
    let mysql = SCHEMA.replace("\"postgresql\"", "\"mysql\"");
    let (path, remarks) = told(&[("prisma/schema.prisma", &mysql)]);
    assert_eq!(path, "prisma/migrations");
    assert_eq!(
        remarks,
        ["prisma/schema.prisma names the provider mysql; Lockkeeper looks after Postgres only."]
    );
}

#[test]
fn the_schemas_are_found_from_the_migrations() {
    let config =
        "export default { schema: 'db/schema.prisma', migrations: { path: 'elsewhere/m' } }";
    let files = [("prisma.config.ts", config), ("db/schema.prisma", SCHEMA)];
    let (folder, project) = project(&files);
    assert_eq!(
        Project::schemas_of(&project.migrations),
        ["public", "billing"]
    );
    let beside = folder.path().join("db/migrations");
    assert_eq!(Project::schemas_of(&beside), ["public", "billing"]);
    assert!(Project::schemas_of(Path::new("/nowhere/at/all")).is_empty());
}

#[test]
fn hostile_files_are_read_in_words_and_in_time() {
    for text in [
        "{".repeat(200_000),
        "export default {".to_owned() + &"a:{".repeat(200_000),
        "export default defineConfig({ migrations: { path: ".to_owned() + &"[".repeat(200_000),
        "`${".repeat(100_000),
        "/*".repeat(100_000),
        "x".repeat(2 * 1024 * 1024),
    ] {
        let (path, _) = told(&[("prisma.config.ts", &text)]);
        assert_eq!(path, "prisma/migrations");
    }
}

#[test]
fn of_several_objects_the_exported_one_counts_and_none_that_is_worked_out() {
    let path = |text: &str| {
        literal::config(text)
            .object("migrations")
            .map(|it| it.text("path"))
    };
    let b = Ok(Found::Text("b".to_owned()));
    let two = "const old = defineConfig({ migrations: { path: 'a' } })\nexport default defineConfig({ migrations: { path: 'b' } })";
    assert_eq!(path(two), b);
    let last = "export default { migrations: { path: 'a' }, ...base, migrations: { path: 'b' } }";
    assert_eq!(path(last), b);
    for text in [
        "export default production ? live : defineConfig({ migrations: { path: 'a' } })",
        "export default { migrations: { path: 'a' }, ...{ migrations: { path: 'b' } } }",
        "const config = { migrations: { path: 'a' } }\nexport default merge(config)",
        "let config = defineConfig({ migrations: { path: 'a' } })\nconfig = b\nexport default config",
        "const config = { migrations: { path: 'a' } }\nconfig.migrations.path = 'b'\nexport default config",
        "const config = { migrations: { path: 'a' } } && b\nexport default config",
        "export default { migrations: { path: 'a' } } && other",
        "export default defineConfig({ migrations: { path: 'a' } }).with(other)",
        "export default defineConfig({ migrations: { path: 'a' } }, other)",
        "module.exports = { migrations: { path: 'a' } }\nmodule.exports = { migrations: { path: 'b' } }",
    ] {
        assert_eq!(path(text), Err(Found::Computed), "{text}");
    }
}
