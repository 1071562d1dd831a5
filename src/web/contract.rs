//! What Prisma 8 has in a target, as a card of the page of the migrations.

use super::page::contract::{ContractCard, PackageRow, PackageState};
use super::page::when::When;
use crate::migration::{Contract, short};

/// The card: what is pending, then what was applied, newest first.
pub(super) fn card(contract: &Contract) -> ContractCard {
    let pending = contract.pending().map(|package| PackageRow {
        name: format!("{}/{}", package.space, package.name),
        state: PackageState::Pending,
        applied_at: None,
    });
    let applied = contract.applied.iter().rev().map(|row| PackageRow {
        name: format!("{}/{}", row.space, row.name),
        state: PackageState::Applied,
        applied_at: row.at.map(When::at),
    });
    let mut rows: Vec<PackageRow> = pending.collect();
    rows.reverse();
    rows.extend(applied);
    ContractCard::new(
        contract.refusal().next,
        contract.warning(),
        contract
            .markers
            .iter()
            .map(|marker| (marker.space.clone(), short(&marker.hash)))
            .collect(),
        rows,
    )
}
