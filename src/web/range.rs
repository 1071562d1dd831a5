//! Which part of an immutable file a request is for: conditions and ranges (RFC 9110, 13 and 14).
//!
//! What must stay true: whoever continues a file gets the bytes of that file and of no other; a range that cannot be
//! understood is not there, and asks for the whole file.

use std::time::SystemTime;

use actix_web::HttpRequest;
use actix_web::http::Method;
use actix_web::http::header::{
    self, ByteRangeSpec, EntityTag, Header as _, HttpDate, IfMatch, IfModifiedSince, IfNoneMatch,
    IfRange, IfUnmodifiedSince, Range,
};

/// What is known of the file.
#[derive(Clone, Debug)]
pub(super) struct File {
    /// Strong: the same tag means the same bytes.
    pub tag: EntityTag,
    /// When it got its bytes, to the second.
    pub modified: SystemTime,
    /// Its length.
    pub length: u64,
}

/// What to answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Whole,
    /// From the first byte to the last one, both included.
    Bytes(u64, u64),
    /// Nothing: no byte of it was asked for that is there.
    None,
    /// Nothing: whoever asks has it.
    Known,
    /// Nothing: it is not what they mean.
    Other,
}

impl Part {
    /// What `request` is for. Several ranges at once are answered with the whole file, as a server may.
    pub fn of(request: &HttpRequest, file: &File) -> Self {
        if let Some(refused) = refused(request, file) {
            return refused;
        }
        // Of a HEAD, ranges are to be ignored.
        if request.method() != Method::GET || !is_continued(request, file) {
            return Self::Whole;
        }
        let Some(ranges) = ranges(request) else {
            return Self::Whole;
        };
        let mut there = ranges
            .iter()
            .filter_map(|range| range.to_satisfiable_range(file.length));
        match (there.next(), ranges.len()) {
            (None, _) => Self::None,
            (Some((first, last)), 1) => Self::Bytes(first, last),
            (Some(_), _) => Self::Whole,
        }
    }
}

/// The conditions that the whole request depends on, in their order (RFC 9110, 13.2.2).
fn refused(request: &HttpRequest, file: &File) -> Option<Part> {
    let has = |name| request.headers().contains_key(name);
    if has(header::IF_MATCH) {
        let fits = match IfMatch::parse(request) {
            Ok(IfMatch::Any) => true,
            Ok(IfMatch::Items(tags)) => tags.iter().any(|tag| tag.strong_eq(&file.tag)),
            Err(_) => false,
        };
        if !fits {
            return Some(Part::Other);
        }
    } else if has(header::IF_UNMODIFIED_SINCE)
        && let Ok(IfUnmodifiedSince(since)) = IfUnmodifiedSince::parse(request)
        && since < HttpDate::from(file.modified)
    {
        return Some(Part::Other);
    }
    if has(header::IF_NONE_MATCH) {
        let known = match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => true,
            Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&file.tag)),
            Err(_) => false,
        };
        return known.then_some(Part::Known);
    }
    if has(header::IF_MODIFIED_SINCE)
        && let Ok(IfModifiedSince(since)) = IfModifiedSince::parse(request)
        && since >= HttpDate::from(file.modified)
    {
        return Some(Part::Known);
    }
    None
}

/// Whether the range may be answered: there is no condition on it, or it is about this very file.
fn is_continued(request: &HttpRequest, file: &File) -> bool {
    if !request.headers().contains_key(header::IF_RANGE) {
        return true;
    }
    match IfRange::parse(request) {
        Ok(IfRange::EntityTag(tag)) => tag.strong_eq(&file.tag),
        Ok(IfRange::Date(date)) => date == HttpDate::from(file.modified),
        Err(_) => false,
    }
}

fn ranges(request: &HttpRequest) -> Option<Vec<ByteRangeSpec>> {
    if !request.headers().contains_key(header::RANGE) {
        return None;
    }
    match Range::parse(request) {
        Ok(Range::Bytes(ranges)) if !ranges.is_empty() => Some(ranges),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use actix_web::test::TestRequest;

    use super::*;

    const DAY: &str = "Sun, 21 Sep 2025 12:00:00 GMT";
    const EARLIER: &str = "Sun, 21 Sep 2025 11:59:59 GMT";

    fn file() -> File {
        File {
            tag: EntityTag::new_strong("abc".to_owned()),
            modified: UNIX_EPOCH + Duration::from_hours(488_460),
            length: 1000,
        }
    }

    fn part(headers: &[(&str, &str)]) -> Part {
        part_of(TestRequest::get(), headers)
    }

    fn part_of(mut request: TestRequest, headers: &[(&str, &str)]) -> Part {
        for header in headers {
            request = request.append_header(*header);
        }
        Part::of(&request.to_http_request(), &file())
    }

    #[test]
    fn a_range_is_what_it_says() {
        for (range, expected) in [
            ("bytes=0-99", Part::Bytes(0, 99)),
            ("bytes=500-", Part::Bytes(500, 999)),
            ("bytes=500-9999999999999999", Part::Bytes(500, 999)),
            ("bytes=-100", Part::Bytes(900, 999)),
            ("bytes=-5000", Part::Bytes(0, 999)),
            ("bytes=999-999", Part::Bytes(999, 999)),
            ("bytes=1000-", Part::None),
            ("bytes=-0", Part::None),
            ("bytes=0-0,5-6", Part::Whole),
            ("bytes=2000-,3000-", Part::None),
            ("bytes=9-5", Part::Whole),
            ("bytes=99999999999999999999-", Part::Whole),
            ("bytes=a-b", Part::Whole),
            ("rows=0-9", Part::Whole),
            ("bytes=", Part::Whole),
        ] {
            assert_eq!(part(&[("range", range)]), expected, "{range}");
        }
        assert_eq!(part(&[]), Part::Whole);
        let head = part_of(
            TestRequest::default().method(Method::HEAD),
            &[("range", "bytes=0-9")],
        );
        assert_eq!(head, Part::Whole);
    }

    #[test]
    fn only_the_same_file_is_continued() {
        let range = ("range", "bytes=500-");
        for (condition, expected) in [
            ("\"abc\"", Part::Bytes(500, 999)),
            (DAY, Part::Bytes(500, 999)),
            ("\"abd\"", Part::Whole),
            ("W/\"abc\"", Part::Whole),
            (EARLIER, Part::Whole),
            ("abc", Part::Whole),
        ] {
            assert_eq!(
                part(&[range, ("if-range", condition)]),
                expected,
                "{condition}"
            );
        }
    }

    #[test]
    fn conditions_come_before_ranges() {
        let range = ("range", "bytes=0-9");
        for (name, value, expected) in [
            ("if-none-match", "\"abc\"", Part::Known),
            ("if-none-match", "W/\"abc\"", Part::Known),
            ("if-none-match", "*", Part::Known),
            ("if-none-match", "\"x\"", Part::Bytes(0, 9)),
            ("if-match", "\"abc\"", Part::Bytes(0, 9)),
            ("if-match", "*", Part::Bytes(0, 9)),
            ("if-match", "W/\"abc\"", Part::Other),
            ("if-match", "\"x\", \"y\"", Part::Other),
            ("if-modified-since", DAY, Part::Known),
            ("if-modified-since", EARLIER, Part::Bytes(0, 9)),
            ("if-unmodified-since", EARLIER, Part::Other),
            ("if-unmodified-since", DAY, Part::Bytes(0, 9)),
        ] {
            assert_eq!(part(&[range, (name, value)]), expected, "{name}: {value}");
        }
    }
}
