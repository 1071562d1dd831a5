//! `/t/{target}`: one database in sentences, the next thing to do, and the facts behind both.

use askama::Template;

use super::measure::{Bytes, Count};
use super::overview::TargetState;
use super::size::SizeCard;
use super::trouble::TroubleBox;
use crate::web::layout::{Environment, Layout, Link, Tab};

/// One thing that is so.
#[derive(Clone, Debug)]
pub struct Sentence {
    /// Whether that is good.
    pub state: TargetState,
    /// The sentence.
    pub text: String,
    /// Where more is said.
    pub link: Option<Link>,
}

/// The one thing to do next.
#[derive(Clone, Debug)]
pub enum Action {
    /// Nothing.
    None,
    /// Go and read something.
    Link(Link),
    /// Start something; the link's path takes the post.
    Post(Link),
}

/// A name and its value.
#[derive(Clone, Debug)]
pub struct Fact {
    /// `Postgres`.
    pub name: String,
    /// `15.14`.
    pub value: String,
}

/// One of the largest tables.
#[derive(Clone, Debug)]
pub struct TableBar {
    /// Its name, with the schema when that is not `public`.
    pub name: String,
    /// Estimated rows; none when Postgres never analysed the table.
    pub rows: Option<Count>,
    /// Its size with indexes and TOAST.
    pub bytes: Bytes,
    /// Its size in percent of the largest one's, 0 to 100.
    pub share: u8,
}

/// The page.
#[derive(Debug, Template)]
#[template(path = "page/target.html")]
pub struct TargetPage {
    /// What every page shares.
    pub layout: Layout,
    /// The state in a few words: `2 migrations are pending`.
    pub headline: String,
    /// How it is.
    pub state: TargetState,
    /// What is so, worst first.
    pub sentences: Vec<Sentence>,
    /// The one thing to do next.
    pub action: Action,
    /// Why it cannot be reached, when it cannot.
    pub trouble: Option<TroubleBox>,
    /// Version, size, connections.
    pub facts: Vec<Fact>,
    /// The largest tables, largest first; empty when it cannot be reached.
    pub tables: Vec<TableBar>,
    /// How it grew.
    pub size: SizeCard,
}

impl TargetPage {
    /// A production database with something to do.
    #[must_use]
    pub fn sample() -> Self {
        let say = |state, text: &str, link| Sentence {
            state,
            text: text.to_owned(),
            link,
        };
        let fact = |name: &str, value: &str| Fact {
            name: name.to_owned(),
            value: value.to_owned(),
        };
        let bar = |name: &str, rows, bytes, share| TableBar {
            name: name.to_owned(),
            rows: Some(Count(rows)),
            bytes: Bytes(bytes),
            share,
        };
        Self {
            layout: Layout::sample_target(
                "Overview",
                "jarvis",
                Environment::Production,
                Tab::Overview,
            ),
            headline: "2 migrations are pending".to_owned(),
            state: TargetState::Attention,
            sentences: vec![
                say(
                    TargetState::Attention,
                    "2 migrations are pending: 20261121_drop_phone and one more.",
                    Some(Link::new("See them", "/t/jarvis/migrations")),
                ),
                say(
                    TargetState::Ok,
                    "The last backup was taken 3 hours ago and has 1.24 GB.",
                    Some(Link::new("Backups", "/t/jarvis/backups")),
                ),
                say(
                    TargetState::Ok,
                    "No migration is failed or unfinished.",
                    None,
                ),
                say(
                    TargetState::Ok,
                    "Nobody has waited for a lock for more than a second.",
                    None,
                ),
            ],
            action: Action::Post(Link::new("Make a plan", "/t/jarvis/plans")),
            trouble: None,
            facts: vec![
                fact("Postgres", "15.14"),
                fact("Database", "jarvis"),
                fact("Size", "3.61 GB"),
                fact("Connections", "14 of 100"),
                fact("Server", "db.internal:5432"),
                fact("Migrations", "prisma/migrations"),
            ],
            tables: vec![
                bar("Message", 1_204_331, 2_100_000_000, 100),
                bar("Session", 412_000, 760_000_000, 36),
                bar("audit.Entry", 88_000, 310_000_000, 14),
                bar("User", 41_203, 12_400_000, 1),
            ],
            size: SizeCard::sample(),
        }
    }

    /// A database that does not answer.
    #[must_use]
    pub fn sample_unreachable() -> Self {
        let page = Self::sample();
        Self {
            headline: "jarvis does not answer".to_owned(),
            state: TargetState::Unreachable,
            sentences: vec![Sentence { state: TargetState::Ok, text: "The last backup was taken 3 hours ago and can be downloaded while the database is away.".to_owned(), link: Some(Link::new("Backups", "/t/jarvis/backups")) }],
            action: Action::Link(Link::new("Try again", "/t/jarvis")),
            trouble: Some(TroubleBox::new("db.internal:5432 refused the connection, 3 times in 10 seconds.", "Nothing was changed by this console. What the database holds is as it was; the last backup is from 3 hours ago.", "See whether the container runs: docker compose ps db. If it does, look at docker compose logs --tail 50 db.")),
            facts: page.facts[4..].to_vec(),
            tables: Vec::new(),
            size: SizeCard::sample_unchecked(),
            ..page
        }
    }
}

#[cfg(test)]
mod tests {
    use scraper::{Html, Selector};

    use super::*;
    use crate::web::page::chart::Chart;

    #[test]
    fn the_chart_is_light_and_has_words_for_those_who_do_not_see_it() {
        let sizes: Vec<(i64, i64)> = (0..60).map(|n| (n * 1_000, i64::MAX - n)).collect();
        let mut page = TargetPage::sample();
        page.size.chart = Chart::of(&sizes);
        let html = Html::parse_document(&page.render().unwrap());
        let one = |css: &str| {
            let css = Selector::parse(css).unwrap();
            let found = html.select(&css).next();
            found.map(|found| (found.html(), found.text().collect::<String>()))
        };
        let (svg, _) = one("svg.chart[role=img]").unwrap();
        assert!(svg.len() <= 3_000, "{} bytes", svg.len());
        assert!(svg.contains("aria-labelledby=\"chart-title chart-desc\""));
        assert_eq!(
            one("#chart-title").unwrap().1,
            "Size of the database over time"
        );
        assert!(
            one("#chart-desc")
                .unwrap()
                .1
                .contains("The axis begins at zero.")
        );
    }
}
