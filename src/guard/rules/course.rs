//! What a statement makes of what is known.

use super::known::{Known, SOMEWHERE, TEMPORARY};
use crate::sql::{ConstraintKind, Effect, TableName};
use crate::target::catalog::table::TableName as Name;

impl Known<'_> {
    /// At the beginning of the next script: what the one before has set for its session is reset.
    pub fn begin_script(&mut self) {
        self.path = Some(Self::own_path(self.facts));
        self.clocks_set = false;
        // Whether a temporary table outlives its script is not relied upon: its name then means what it meant before.
        self.fresh
            .retain(|name, _| ![SOMEWHERE, TEMPORARY].contains(&name.schema.as_str()));
    }

    /// Behind a statement with these effects.
    pub fn after(&mut self, effects: &[Effect]) {
        for effect in effects {
            self.pass(effect);
        }
    }

    fn pass(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateTable { .. } | Effect::DropTable { .. } | Effect::RenameTable { .. } => {
                self.pass_table(effect);
            }
            Effect::AddColumn { .. }
            | Effect::DropColumn { .. }
            | Effect::RenameColumn { .. }
            | Effect::ChangeType { .. } => self.pass_column(effect),
            Effect::AddConstraint { .. }
            | Effect::ValidateConstraint { .. }
            | Effect::DropConstraint { .. } => self.pass_constraint(effect),
            Effect::Truncate { table, cascade } => {
                self.wrote(table);
                // Which tables are reached is not followed.
                if *cascade {
                    self.veil();
                }
            }
            Effect::Delete { table, .. } | Effect::Update { table, .. } => self.wrote(table),
            Effect::CreateEnum { name, values } => {
                self.enums.insert(name.name.clone(), values.clone());
            }
            Effect::SetSearchPath { schemas } => self.path.clone_from(schemas),
            Effect::Call { .. }
            | Effect::Opaque { .. }
            | Effect::DropSchema { .. }
            | Effect::Drop { cascade: true, .. } => self.veil(),
            Effect::Other { kind, table } => self.pass_other(kind, table.as_ref()),
            // What is written into the whole may go into the part.
            Effect::AttachPartition { partition, .. } => self.wrote(partition),
            Effect::SetNotNull { .. }
            | Effect::DetachPartition { .. }
            | Effect::CreateIndex { .. }
            | Effect::DropIndex { .. }
            | Effect::DropView { .. }
            | Effect::Drop { .. }
            | Effect::Lock { .. } => {}
        }
    }

    fn pass_other(&mut self, kind: &str, table: Option<&TableName>) {
        match (kind, table) {
            ("insert" | "merge" | "copy", Some(table)) => self.wrote(table),
            ("create trigger" | "create event trigger", _) => self.triggers = true,
            ("set time zone", _) => self.clocks_set = true,
            // What is added or renamed is not followed.
            ("add enum value" | "rename enum value" | "rename type", _) => self.enums.clear(),
            ("rollback" | "rollback to savepoint", _) => {
                self.enums.clear();
                self.fresh.clear();
                self.added.clear();
                self.checks.clear();
                self.renamed.clear();
                self.gone.clear();
                self.veil();
            }
            ("move to another schema" | "rename schema" | "create rule" | "call" | "copy", _) => {
                self.veil();
            }
            _ => {}
        }
    }

    /// Something ran that may have done anything.
    fn veil(&mut self) {
        self.veiled = true;
        self.enums.clear();
        for written in self.fresh.values_mut() {
            *written = true;
        }
        for written in self.added.values_mut() {
            *written = true;
        }
    }

    fn wrote(&mut self, table: &TableName) {
        if self.triggers {
            self.veil();
        }
        let Some(name) = self.resolve(table) else {
            // It may have been any.
            self.veil();
            return;
        };
        if let Some(written) = self.fresh.get_mut(&name) {
            *written = true;
        }
        for ((of, _), written) in &mut self.added {
            *written |= *of == name;
        }
        self.changed.insert(name);
    }

    fn pass_table(&mut self, effect: &Effect) {
        match effect {
            Effect::CreateTable {
                table,
                if_not_exists,
                temporary,
                filled,
                parents,
                ..
            } => {
                let name = self.made(table, *temporary);
                let may_be_there = *if_not_exists
                    && (self.veiled
                        || self.database().is_none_or(|found| {
                            found.tables.contains_key(&name) && !self.gone.contains(&name)
                        }));
                if !may_be_there {
                    // What is written into the whole may go into the part.
                    self.fresh.insert(name, *filled || !parents.is_empty());
                }
            }
            Effect::DropTable { table, cascade, .. } => {
                if let Some(name) = self.resolve(table) {
                    self.drop_name(name);
                } else {
                    self.veil();
                }
                if *cascade {
                    self.loosen_all();
                }
            }
            Effect::RenameTable { table, to } => {
                let Some(from) = self.resolve(table) else {
                    self.veil();
                    return;
                };
                let to = Name::new(from.schema.as_str(), to.as_str());
                if let Some(written) = self.fresh.remove(&from) {
                    self.fresh.insert(to, written);
                } else {
                    let old = self.renamed.remove(&from).unwrap_or_else(|| from.clone());
                    self.gone.insert(from);
                    self.renamed.insert(to, old);
                }
            }
            _ => {}
        }
    }

    fn drop_name(&mut self, name: Name) {
        self.added.retain(|(of, _), _| *of != name);
        self.checks.retain(|(of, _), _| *of != name);
        self.renamed.remove(&name);
        if self.fresh.remove(&name).is_none() {
            self.gone.insert(name);
        }
    }

    /// A cascade may take constraints of any table.
    fn loosen_all(&mut self) {
        if let Some(found) = self.database() {
            self.loosened.extend(found.tables.keys().cloned());
        }
    }

    /// Where a new table is made.
    fn made(&self, table: &TableName, temporary: bool) -> Name {
        let schema = if temporary {
            TEMPORARY
        } else {
            let first = self.path.as_ref().and_then(|path| path.first());
            let own = table.schema.as_ref().or(first);
            own.map_or(SOMEWHERE, String::as_str)
        };
        Name::new(schema, table.name.as_str())
    }

    fn pass_column(&mut self, effect: &Effect) {
        let Some(name) = effect.table().and_then(|table| self.resolve(table)) else {
            self.veil();
            return;
        };
        let key = |column: &str| (name.clone(), column.to_owned());
        match effect {
            Effect::AddColumn {
                table,
                column,
                if_not_exists,
            } => {
                let absent = matches!(self.column(table, &column.name), super::known::Cell::Absent);
                if !*if_not_exists || absent {
                    self.added.insert(key(&column.name), false);
                }
            }
            Effect::DropColumn { column, .. } => {
                if self.added.remove(&key(column)).is_none() {
                    self.reshaped.insert(key(column));
                }
                self.loosened.insert(name);
            }
            Effect::RenameColumn { column, to, .. } => {
                if let Some(written) = self.added.remove(&key(column)) {
                    self.added.insert(key(to), written);
                } else {
                    self.reshaped.insert(key(column));
                    self.reshaped.insert(key(to));
                }
                self.loosened.insert(name);
            }
            Effect::ChangeType { column, .. } => {
                self.reshaped.insert(key(column));
            }
            _ => {}
        }
    }

    fn pass_constraint(&mut self, effect: &Effect) {
        let Some(of) = effect.table().and_then(|table| self.resolve(table)) else {
            return;
        };
        match effect {
            Effect::AddConstraint { constraint, .. } => {
                if let (
                    Some(name),
                    ConstraintKind::Check {
                        fills: Some(column),
                    },
                ) = (&constraint.name, &constraint.kind)
                {
                    let check = (column.clone(), !constraint.not_valid);
                    self.checks.insert((of, name.clone()), check);
                }
            }
            Effect::ValidateConstraint { name, .. } => {
                if let Some((_, looked)) = self.checks.get_mut(&(of, name.clone())) {
                    *looked = true;
                }
            }
            Effect::DropConstraint { name, .. } => {
                self.checks.remove(&(of.clone(), name.clone()));
                self.loosened.insert(of);
            }
            _ => {}
        }
    }
}
