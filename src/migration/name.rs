//! The order of migrations: by directory name, as Prisma sorts them.
//!
//! Since 6.6 Prisma sorts with JavaScript's `localeCompare`, which is ICU's root collation for every name that occurs in
//! practice; before, by bytes. The two agree on the usual `<14 digits>_<words>` names and differ on a few others, which
//! a project should know about: two versions of Prisma would then apply its migrations in different orders.

use std::cmp::Ordering;
use std::sync::LazyLock;

use icu_collator::CollatorBorrowed;
use icu_collator::options::CollatorOptions;

/// The root collation; `None` never happens with the data that is compiled in, and then bytes decide.
static ROOT: LazyLock<Option<CollatorBorrowed<'static>>> = LazyLock::new(|| {
    CollatorBorrowed::try_new(
        icu_collator::CollatorPreferences::default(),
        CollatorOptions::default(),
    )
    .ok()
});

/// The order of two directory names. Names that collate equal (such as two spellings of one accent) are ordered by
/// their bytes, so that the order is total.
#[must_use]
pub fn compare(a: &str, b: &str) -> Ordering {
    let collated = ROOT
        .as_ref()
        .map_or(Ordering::Equal, |root| root.compare(a, b));
    collated.then_with(|| a.as_bytes().cmp(b.as_bytes()))
}

/// Whether Prisma before 6.6, which sorts by bytes, would take these names in another order.
#[must_use]
pub fn byte_order_differs(names: &[&str]) -> bool {
    let mut collated = names.to_vec();
    collated.sort_by(|a, b| compare(a, b));
    !collated.is_sorted_by(|a, b| a.as_bytes() <= b.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pairs in the order that Node's `localeCompare` gives them.
    const ICU_ORDER: &[(&str, &str)] = &[
        ("0_init", "000000000000_squashed_migrations"),
        ("202401010000_x", "20240101000000_y"),
        ("20240101000000_a_b", "20240101000000_a1"),
        ("20240101000000_y", "20240101000000-x"),
        ("a", "A"),
        ("20240101000000_a_b", "20240101000000_a.b"),
        ("é", "f"),
        ("10_x", "2_x"),
        ("a b", "a_b"),
        ("a-b", "a,b"),
        ("1", "a"),
        ("A", "b"),
        ("e", "é"),
    ];

    #[test]
    fn names_are_ordered_as_prisma_orders_them() {
        for (first, second) in ICU_ORDER {
            assert_eq!(compare(first, second), Ordering::Less, "{first} {second}");
            assert_eq!(
                compare(second, first),
                Ordering::Greater,
                "{second} {first}"
            );
        }
        assert_eq!(compare("same", "same"), Ordering::Equal);
    }

    #[test]
    fn spellings_of_one_accent_still_have_an_order() {
        assert_ne!(compare("e\u{301}", "\u{e9}"), Ordering::Equal);
    }

    #[test]
    fn a_folder_whose_order_depends_on_the_version_is_known() {
        assert!(!byte_order_differs(&[]));
        assert!(!byte_order_differs(&[
            "20240101000000_a",
            "20240102000000_b"
        ]));
        assert!(byte_order_differs(&[
            "20240101000000_add_user",
            "20240101000000_add1"
        ]));
        assert!(byte_order_differs(&["A", "a"]));
    }
}
