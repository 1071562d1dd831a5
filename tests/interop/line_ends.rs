//! Checksums: what is recorded of a script, and when a script counts as edited.

use crate::oracle;
use crate::sides::{cluster, compare, database, lockkeeper};
use crate::situation::Said::Applied;
use crate::situation::{DEPLOY, Situation, sha256, situation};

const LF: &[u8] = b"SELECT 1;\nSELECT 2;\n";
const CRLF: &[u8] = b"SELECT 1;\r\nSELECT 2;\r\n";
const MIXED: &[u8] = b"SELECT 1;\r\nSELECT 2;\n";
const CR: &[u8] = b"SELECT 1;\rSELECT 2;\r";
const INVALID: &[u8] = b"SELECT 1; -- \xff\xc3( \xf0\x9f\x9a\n";
const MARKED: &[u8] = b"\xef\xbb\xbfSELECT 1;\n";

pub fn all() -> Vec<Situation> {
    let recorded = |name, script: &[u8]| {
        situation(name)
            .script("1_a", script)
            .asks(&[&["resolve", "--applied", "1_a"]])
    };
    vec![
        recorded("checksum-crlf", CRLF),
        recorded("checksum-mixed", MIXED),
        recorded("checksum-cr", CR),
        recorded("checksum-invalid", INVALID),
        recorded("checksum-byte-order-mark", MARKED),
        recorded("checksum-empty", b""),
        recorded("checksum-utf-16", b"\xff\xfeS\0E\0"),
        situation("deploy-line-ends")
            .script("1_lf", LF)
            .script("2_crlf", CRLF)
            .script("3_invalid", INVALID)
            .script("4_empty", b"")
            .script("5_comment", b"-- nothing\n")
            .asks(&[DEPLOY]),
    ]
}

#[test]
fn the_same_checksums_are_recorded() {
    compare(&all());
}

/// The old rendering, without the leading zero of a byte.
fn short(script: &[u8]) -> String {
    let hex = sha256(script);
    let bytes = hex.as_bytes().chunks(2);
    bytes
        .map(|byte| std::str::from_utf8(byte).unwrap())
        .map(|byte| byte.strip_prefix('0').unwrap_or(byte))
        .collect()
}

/// A script whose checksum has a byte that the old rendering shortens.
fn with_a_small_byte() -> Vec<u8> {
    (0..1000)
        .map(|number| format!("SELECT {number};\n").into_bytes())
        .find(|script| short(script).len() < 64)
        .unwrap()
}

#[test]
fn the_same_scripts_count_as_edited() {
    let small = with_a_small_byte();
    let pairs: Vec<(&[u8], String)> = vec![
        (LF, sha256(LF)),
        (LF, sha256(CRLF)),
        (LF, sha256(MIXED)),
        (CRLF, sha256(LF)),
        (CRLF, sha256(CRLF)),
        (MIXED, sha256(LF)),
        (MIXED, sha256(CRLF)),
        (CR, sha256(LF)),
        (b"a\r\nb", sha256(b"a\r\r\nb")),
        (INVALID, sha256(INVALID)),
        (INVALID, sha256(String::from_utf8_lossy(INVALID).as_bytes())),
        (MARKED, sha256(MARKED)),
        (MARKED, sha256(b"SELECT 1;\n")),
        (LF, sha256(LF).to_uppercase()),
        (LF, String::new()),
        (LF, "manual".to_owned()),
        (&small, short(&small)),
        (LF, short(&small)),
        (LF, sha256(b"SELECT 1;\nSELECT 2;")),
    ];
    let names: Vec<String> = (10..).take(pairs.len()).map(|n| format!("{n}_m")).collect();
    let mut all = situation("edited-or-not");
    for (name, (script, recorded)) in names.iter().zip(&pairs) {
        all = all.script(name, script).row(Applied, name, recorded);
    }
    let project = all.project();
    let database = database(&all);
    let url = cluster().url(&database);
    let said = oracle::diagnosis(project.folder(), &url);
    let expected = said["editedMigrationNames"].clone();
    let ours = lockkeeper(&project, &url, &["status", "--json"]);
    let ours: serde_json::Value = serde_json::from_str(&ours.out).unwrap();
    assert_eq!(ours["edited"], expected);
    assert_eq!(expected.as_array().unwrap().len(), 10, "{expected}");
}
