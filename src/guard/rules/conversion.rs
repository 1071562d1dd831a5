//! What becomes of a column's values when its type changes.
//!
//! What rewrites the table was measured on PostgreSQL 11 to 18. Pairs of types that are not listed are not known to keep
//! every value.

use crate::sql::{DataType, Using};

/// What becomes of the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Conversion {
    /// They stay as they are on disk.
    Free,
    /// They are written again and mean the same.
    Rewrites,
    /// They are written again; one that does not fit makes the statement fail.
    Refuses,
    /// They are written again; one that does not fit is cut or rounded.
    Loses,
    /// Nobody knows.
    Unknown,
}

use Conversion::{Free, Loses, Refuses, Rewrites, Unknown};

/// What becomes of the values of type `old` as type `new`; `utc`: whether the session's clocks are UTC.
pub(super) fn of(old: &DataType, new: &DataType, using: Using, utc: bool) -> Conversion {
    let same_name = old.name == new.name && (new.schema.is_none() || new.schema == old.schema);
    if using == Using::Expression {
        return Unknown;
    }
    if same_name && old.modifiers == new.modifiers && old.dimensions == new.dimensions {
        return if using == Using::Assignment {
            Free
        } else {
            Rewrites
        };
    }
    if old.dimensions > 0 || new.dimensions > 0 {
        return Unknown;
    }
    if using == Using::Text {
        return through_text(new);
    }
    if old.schema.is_some() {
        // An enum, as a rule; its text is all there is to it.
        return if is_text(new) && new.modifiers.is_empty() {
            Rewrites
        } else {
            Unknown
        };
    }
    if new.schema.is_some() {
        return Unknown;
    }
    let (from, to) = (old.name.as_str(), new.name.as_str());
    let (had, has) = (old.modifiers.as_slice(), new.modifiers.as_slice());
    match from {
        "text" | "varchar" | "bpchar" => of_text(from, had, to, has),
        "int2" | "int4" | "int8" => of_integer(from, to, has),
        "numeric" => of_numeric(had, to, has),
        "float4" | "float8" => match to {
            "float8" | "text" => Rewrites,
            "varchar" if has.is_empty() => Rewrites,
            "float4" | "numeric" | "int2" | "int4" | "int8" => Loses,
            _ => Unknown,
        },
        "timestamp" | "timestamptz" | "date" => of_time(from, had, to, has, utc),
        "json" | "jsonb" | "uuid" | "bool" => match to {
            "text" | "json" | "jsonb" => Rewrites,
            "varchar" if has.is_empty() => Rewrites,
            _ => Unknown,
        },
        _ => Unknown,
    }
}

fn is_text(kind: &DataType) -> bool {
    kind.schema.is_none() && ["text", "varchar"].contains(&kind.name.as_str())
}

/// Some types read a text that has more to it than they can hold, and leave the rest out.
fn through_text(new: &DataType) -> Conversion {
    let leaves_out = [
        "date",
        "time",
        "timetz",
        "timestamp",
        "timestamptz",
        "interval",
        "float4",
        "float8",
        "bit",
        "varbit",
    ];
    if new.schema.is_none() && leaves_out.contains(&new.name.as_str()) {
        Loses
    } else {
        Refuses
    }
}

fn of_text(from: &str, had: &[i32], to: &str, has: &[i32]) -> Conversion {
    match (from, to) {
        ("bpchar", "text") => Rewrites,
        ("bpchar", "varchar" | "bpchar") => match (had, has) {
            (_, []) if to == "varchar" => Rewrites,
            ([had], [has]) if has >= had => Rewrites,
            _ => Refuses,
        },
        (_, "text") => Free,
        (_, "varchar") => match (had, has) {
            (_, []) => Free,
            ([had], [has]) if has >= had => Free,
            _ => Refuses,
        },
        (_, "bpchar" | "int2" | "int4" | "int8" | "uuid" | "bool" | "json" | "jsonb") => Refuses,
        _ => Unknown,
    }
}

fn of_integer(from: &str, to: &str, has: &[i32]) -> Conversion {
    let width = |name: &str| match name {
        "int2" => 2,
        "int4" => 4,
        _ => 8,
    };
    match to {
        "int2" | "int4" | "int8" if width(to) > width(from) => Rewrites,
        "text" => Rewrites,
        "varchar" | "numeric" if has.is_empty() => Rewrites,
        "int2" | "int4" | "int8" | "varchar" => Refuses,
        "numeric" if has.get(1).is_none_or(|scale| *scale >= 0) => Refuses,
        "float8" if from != "int8" => Rewrites,
        "float4" if from == "int2" => Rewrites,
        "float4" | "float8" | "numeric" => Loses,
        _ => Unknown,
    }
}

fn of_numeric(had: &[i32], to: &str, has: &[i32]) -> Conversion {
    let scale = |modifiers: &[i32]| modifiers.get(1).copied().unwrap_or_default();
    match (to, had, has) {
        ("numeric", _, []) => Free,
        ("numeric", [old, ..], [new, ..]) => {
            let (before, after) = (scale(had), scale(has));
            if after < before {
                Loses
            } else if new - after < old - before {
                Refuses
            } else if after == before {
                Free
            } else {
                Rewrites
            }
        }
        ("text", ..) | ("varchar", _, []) => Rewrites,
        ("numeric" | "int2" | "int4" | "int8" | "float4" | "float8", ..) => Loses,
        _ => Unknown,
    }
}

fn of_time(from: &str, had: &[i32], to: &str, has: &[i32], utc: bool) -> Conversion {
    let digits = |modifiers: &[i32]| modifiers.first().copied().unwrap_or(6);
    let shorter = digits(has) < digits(had);
    match (from, to) {
        ("date", "timestamp") | (_, "text") => Rewrites,
        (_, "varchar") if has.is_empty() => Rewrites,
        ("timestamp" | "timestamptz", "timestamp" | "timestamptz") if shorter => Loses,
        ("timestamp", "timestamp") | ("timestamptz", "timestamptz") => Free,
        ("timestamp", "timestamptz") if utc => Free,
        ("date", "timestamptz") | ("timestamptz", "timestamp") if utc => Rewrites,
        // The hour that a summer ends with is there twice on a clock, and one that it begins with is not there.
        ("timestamp", "timestamptz" | "date" | "time")
        | ("timestamptz", "timestamp" | "date" | "time") => Loses,
        _ => Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(name: &str, modifiers: &[i32]) -> DataType {
        DataType::builtin(name, modifiers)
    }

    #[test]
    fn the_measured_pairs_are_known() {
        for (old, new, expected) in [
            (kind("int4", &[]), kind("int8", &[]), Rewrites),
            (kind("varchar", &[50]), kind("varchar", &[100]), Free),
            (kind("varchar", &[50]), kind("varchar", &[20]), Refuses),
            (kind("varchar", &[50]), kind("text", &[]), Free),
            (kind("text", &[]), kind("varchar", &[100]), Refuses),
            (kind("text", &[]), kind("varchar", &[]), Free),
            (kind("timestamp", &[]), kind("timestamp", &[3]), Loses),
            (kind("timestamp", &[6]), kind("timestamp", &[]), Free),
            (kind("numeric", &[10, 2]), kind("numeric", &[12, 2]), Free),
            (
                kind("numeric", &[10, 2]),
                kind("numeric", &[12, 4]),
                Rewrites,
            ),
            (
                kind("numeric", &[10, 2]),
                kind("numeric", &[10, 4]),
                Refuses,
            ),
            (kind("numeric", &[4, 2]), kind("numeric", &[4, 1]), Loses),
            (kind("numeric", &[10, 2]), kind("numeric", &[]), Free),
            (kind("numeric", &[]), kind("numeric", &[10, 2]), Loses),
            (kind("json", &[]), kind("jsonb", &[]), Rewrites),
            (kind("text", &[]), kind("int4", &[]), Refuses),
            (kind("int4", &[]), kind("text", &[]), Rewrites),
            (kind("numeric", &[4, 2]), kind("int4", &[]), Loses),
            (kind("float8", &[]), kind("int4", &[]), Loses),
            (kind("int4", &[]), kind("bool", &[]), Unknown),
            (kind("bytea", &[]), kind("text", &[]), Unknown),
        ] {
            assert_eq!(
                of(&old, &new, Using::Assignment, true),
                expected,
                "{old} to {new}"
            );
        }
    }

    #[test]
    fn a_zone_costs_nothing_where_clocks_are_utc() {
        let (old, new) = (kind("timestamp", &[3]), kind("timestamptz", &[3]));
        assert_eq!(of(&old, &new, Using::Assignment, true), Free);
        assert_eq!(of(&old, &new, Using::Assignment, false), Loses);
    }

    #[test]
    fn an_enum_is_swapped_through_its_text() {
        let old = DataType {
            schema: Some("public".to_owned()),
            name: "Role".to_owned(),
            ..DataType::default()
        };
        let new = DataType {
            schema: None,
            name: "Role_new".to_owned(),
            ..DataType::default()
        };
        assert_eq!(of(&old, &new, Using::Text, true), Refuses);
        assert_eq!(of(&old, &new, Using::Assignment, true), Unknown);
        assert_eq!(of(&old, &new, Using::Expression, true), Unknown);
        assert_eq!(
            of(
                &kind("timestamp", &[]),
                &kind("date", &[]),
                Using::Text,
                true
            ),
            Loses
        );
    }
}
