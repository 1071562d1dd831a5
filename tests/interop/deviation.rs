//! What may differ from Prisma: the last column of the table of deviations in `docs/prisma.md`, and nothing else.

/// The steps that are listed, as `situation/step`.
pub fn listed() -> Vec<String> {
    let text = include_str!("../../docs/prisma.md");
    let (_, rest) = text.split_once("\n## Deviations\n").unwrap();
    let section = rest.split("\n## ").next().unwrap();
    section
        .lines()
        .filter(|line| line.starts_with('|'))
        .flat_map(|line| {
            let last = line.trim_end_matches('|').rsplit('|').next().unwrap();
            let spans: Vec<String> = last
                .split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect();
            spans
        })
        .collect()
}
