//! The clock: how far the node's own one is from the time that is agreed.

use super::page::Page;
use super::{CLOCK_AGREED, CLOCK_OFFSET};
use crate::clock::Standing;

pub(super) fn collect(standing: Standing, page: &mut Page) {
    page.gauge(&CLOCK_AGREED, [], standing.agreed);
    if let Some(offset) = standing.offset_ms {
        page.gauge(&CLOCK_OFFSET, [], offset as f64 / 1000.0);
    }
}

#[cfg(test)]
mod tests {
    use super::super::ALL;
    use super::*;

    #[test]
    fn an_offset_has_a_sign_and_none_is_told_while_the_time_is_unknown() {
        let page = |offset_ms, agreed| {
            let mut page = Page::new(ALL);
            collect(Standing { offset_ms, agreed }, &mut page);
            page
        };
        let lines = |offset_ms, agreed| {
            let offset = page(offset_ms, agreed).lines(&CLOCK_OFFSET);
            [offset, page(offset_ms, agreed).lines(&CLOCK_AGREED)].concat()
        };
        assert_eq!(lines(Some(-1_500), true), ["-1.5", "1"]);
        assert_eq!(lines(Some(0), false), ["0.0", "0"]);
        assert_eq!(lines(None, false), ["0"]);
    }
}
