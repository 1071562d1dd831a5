//! `change-type`: the values of a column are converted to another type.

use super::conversion::{self, Conversion};
use super::known::{Cell, Known, Table};
use super::{Question, Remark, extent};
use crate::guard::finding::Count;
use crate::sql::{DataType, Effect, TableName, Using, quote_if_needed};
use crate::target::catalog::relation::Column;

pub(super) const NAME: &str = "change-type";

const ADVICE: &str = "Add a column of the new type, fill it in batches, let the app use it, and drop the old one in a later \
    migration.";

/// What is changed.
struct Change<'a> {
    table: &'a TableName,
    column: &'a str,
    to: &'a DataType,
}

pub(super) fn look(effect: &Effect, known: &Known<'_>) -> Vec<Remark> {
    let Effect::ChangeType {
        table,
        column,
        data_type,
        using,
        collated,
    } = effect
    else {
        return Vec::new();
    };
    let change = Change {
        table,
        column,
        to: data_type,
    };
    let is_empty = known
        .untouched(table)
        .is_some_and(super::facts::Live::is_empty);
    let cell = known.column(table, column);
    let live = match cell {
        Cell::New { written: false } => return Vec::new(),
        _ if is_empty || matches!(known.table(table), Table::Absent) => return Vec::new(),
        Cell::Live(live) => Some(live),
        Cell::New { .. } | Cell::Absent | Cell::Unknown => None,
    };
    let conversion = live.map_or(Conversion::Unknown, |live| {
        // A text is one of the values of an enum, or is refused.
        if is_text(live) && *using == Using::Assignment && known.enum_values(data_type).is_some() {
            return Conversion::Refuses;
        }
        conversion::of(&live.data_type, data_type, *using, known.is_utc())
    });
    let found = match conversion {
        Conversion::Free if *collated => {
            let does = format!(
                "The indexes on {} are built again.",
                quote_if_needed(column)
            );
            change.rewrites(known, &does)
        }
        Conversion::Free => None,
        Conversion::Rewrites => change.rewrites(
            known,
            "The whole table and its indexes are written again; every value stays.",
        ),
        Conversion::Refuses => change.refuses(known, live),
        Conversion::Loses | Conversion::Unknown => Some(change.loses(known, live, *using)),
    };
    found.into_iter().collect()
}

impl Change<'_> {
    fn rewrites(&self, known: &Known<'_>, does: &str) -> Option<Remark> {
        let waits = format!("Reads and writes of {} wait meanwhile.", self.table);
        extent::while_waiting(NAME, known, self.table, (does, &waits, ADVICE))
    }

    fn refuses(&self, known: &Known<'_>, live: Option<&Column>) -> Option<Remark> {
        let (table, column, to) = (self.table, quote_if_needed(self.column), self.to);
        let misfits = self.misfits(known, live);
        let fits = match misfits.as_ref().map(|question| known.count(question)) {
            Some(Count::Exact(0)) => "Every value fits now.".to_owned(),
            Some(count @ Count::Exact(_)) => {
                let values = count.of("values");
                let sentence =
                    format!("It will fail: {values} of {column} in {table} do not fit {to}.");
                let advice = "Decide what becomes of those values, in a migration before this one.";
                let remark = Remark::warning(NAME, sentence).advise(advice);
                return Some(remark.asking(misfits));
            }
            _ => {
                format!("It fails if a value of {column} does not fit {to}; that was not counted.")
            }
        };
        let does = format!("{fits} The whole table and its indexes are written again.");
        self.rewrites(known, &does)
            .map(|remark| remark.asking(misfits))
    }

    /// The question for values that the new type refuses, where that can be asked.
    fn misfits(&self, known: &Known<'_>, live: Option<&Column>) -> Option<Question> {
        let (table, column) = (self.table.clone(), self.column.to_owned());
        if let Some(values) = known.enum_values(self.to) {
            return Some(Question::Outside(table, column, values.to_vec()));
        }
        match self.to.modifiers.as_slice() {
            [limit] if live.is_some_and(is_text) && self.to.name == "varchar" => {
                Some(Question::Longer(table, column, *limit))
            }
            _ => None,
        }
    }

    fn loses(&self, known: &Known<'_>, live: Option<&Column>, using: Using) -> Remark {
        let (table, column, to) = (self.table, quote_if_needed(self.column), self.to);
        let altered = live
            .filter(|live| using == Using::Assignment && can_go_back(&live.data_type, to))
            .map(|live| Question::Altered {
                table: table.clone(),
                column: self.column.to_owned(),
                from: live.words.clone(),
                to: to.clone(),
            });
        let count = altered.as_ref().map(|question| known.count(question));
        if count == Some(Count::Exact(0)) {
            let does =
                "No value changes by it now. The whole table and its indexes are written again.";
            if let Some(remark) = self.rewrites(known, does) {
                return remark.asking(altered);
            }
        }
        let from = live
            .map(|live| format!(" from {}", live.words))
            .unwrap_or_default();
        let sentence = match using {
            Using::Expression => format!(
                "The values of {column} in {table} are replaced by what the expression behind USING makes of them; the old \
                 ones are gone."
            ),
            Using::Assignment | Using::Text => format!(
                "The values of {column} in {table} are converted{from} to {to}; what does not fit is cut, rounded or refused."
            ),
        };
        let (what, question) = match &altered {
            Some(question) => (
                format!("column {column} of {table}, where its value changes"),
                question.clone(),
            ),
            None => (
                format!("column {column} of {table}, converted"),
                Question::Values(table.clone(), self.column.to_owned()),
            ),
        };
        Remark::error(NAME, sentence)
            .losing(what, question)
            .advise(ADVICE)
            .asking(altered)
    }
}

fn is_text(column: &Column) -> bool {
    column.data_type.dimensions == 0
        && ["text", "varchar"].contains(&column.data_type.name.as_str())
}

/// Whether there is a cast in both directions, so that it can be counted which values come back as they were.
fn can_go_back(old: &DataType, new: &DataType) -> bool {
    const NUMBERS: [&str; 6] = ["int2", "int4", "int8", "numeric", "float4", "float8"];
    const TIMES: [&str; 3] = ["timestamp", "timestamptz", "date"];
    let both = |family: &[&str]| {
        family.contains(&old.name.as_str()) && family.contains(&new.name.as_str())
    };
    let plain = |kind: &DataType| kind.schema.is_none() && kind.dimensions == 0;
    plain(old) && plain(new) && (both(&NUMBERS) || both(&TIMES))
}
