//! What the project's `schema.prisma` says of schemas: `schemas = ["app", "billing"]` in its datasource.
//!
//! Prisma takes a database for not empty (P3005) when any of them has a table, whatever the URL says. Only this one line is
//! read, in the files beside the migrations folder, where Prisma looks for that folder; anything else in them is not ours.

use std::fs;
use std::path::Path;

use super::script::read_at_most;

/// Far more than a schema file has.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The schemas that the project beside this migrations folder names, in its order; none as a rule.
pub(super) fn schemas_beside(migrations: &Path) -> Vec<String> {
    let Some(Ok(entries)) = migrations.parent().map(fs::read_dir) else {
        return Vec::new();
    };
    entries
        .into_iter()
        .find_map(|entry| {
            let path = entry.ok()?.path();
            let is_schema = path.extension().is_some_and(|ending| ending == "prisma");
            // A pipe of that name would wait for a writer for ever.
            let is_file = fs::metadata(&path).is_ok_and(|found| found.is_file());
            let bytes = (is_schema && is_file).then(|| read_at_most(&path, LONGEST))?;
            schemas(&String::from_utf8_lossy(&bytes.ok()?))
        })
        .unwrap_or_default()
}

/// The schemas that the datasource of a schema file names; `None` without such a line.
fn schemas(text: &str) -> Option<Vec<String>> {
    let code: Vec<&str> = text
        .lines()
        .map(|line| line.split("//").next().unwrap_or_default().trim())
        .collect();
    let from = code
        .iter()
        .position(|line| line.starts_with("datasource "))?;
    let block: Vec<&str> = code[from..]
        .iter()
        .skip(1)
        .take_while(|line| **line != "}")
        .copied()
        .collect();
    let at = block.iter().position(|line| {
        let rest = line.strip_prefix("schemas").map(str::trim_start);
        rest.is_some_and(|rest| rest.starts_with('='))
    })?;
    let list = block[at..].join(" ");
    let list = list.split_once('[')?.1.split_once(']')?.0;
    Some(
        list.split(',')
            .map(|name| name.trim().trim_matches('"').to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const MULTI: &str = "generator client {\n  provider = \"prisma-client-js\"\n}\n\n\
        // schemas = [\"commented\"]\ndatasource db {\n  provider = \"postgresql\"\n  // schemas = [\"old\"]\n  \
        schemas  = [\"app\",\n    \"bil ling\", ] // both\n}\n\nmodel A {\n  schemas = [\"none\"]\n}\n";

    #[test]
    fn the_datasource_names_them() {
        let named = |text| schemas(text).unwrap_or_default();
        assert_eq!(named(MULTI), ["app", "bil ling"]);
        let crlf = MULTI.replace('\n', "\r\n");
        assert_eq!(named(&crlf), ["app", "bil ling"]);
        for none in [
            "",
            "datasource db {\n}",
            "schemas = [\"a\"]",
            "datasource db {\n schemas = ",
        ] {
            assert_eq!(named(none), [""; 0], "{none}");
        }
    }

    #[test]
    fn they_are_looked_for_beside_the_folder() {
        let root = tempfile::tempdir().unwrap();
        let migrations = root.path().join("migrations");
        assert_eq!(schemas_beside(&migrations), [""; 0]);
        fs::create_dir(&migrations).unwrap();
        fs::write(root.path().join("models.prisma"), "model A {\n}\n").unwrap();
        fs::write(root.path().join("base.prisma"), MULTI).unwrap();
        fs::create_dir(root.path().join("odd.prisma")).unwrap();
        assert_eq!(schemas_beside(&migrations), ["app", "bil ling"]);
        assert_eq!(schemas_beside(Path::new("/")), [""; 0]);
    }
}
