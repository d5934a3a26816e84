//! Whether there is room for more messages on this node.

use super::page::Page;
use super::{ADMISSION_FULL, ADMISSION_REFUSED, MEMORY_LIMIT, MEMORY_STORED};
use crate::admission::{Admission, Watched};

pub(super) fn collect(admission: &Admission, watched: &Watched, page: &mut Page) {
    let full = admission.own();
    page.gauge(&ADMISSION_FULL, ["disk".into()], full.disk);
    page.gauge(&ADMISSION_FULL, ["memory".into()], full.memory);
    page.counter(&ADMISSION_REFUSED, [], admission.refused());
    let (stored, limit) = watched.memory();
    page.gauge(&MEMORY_STORED, [], stored);
    if let Some(limit) = limit {
        page.gauge(&MEMORY_LIMIT, [], limit);
    }
}

#[cfg(test)]
mod tests {
    use raft::types::NodeId;

    use super::super::ALL;
    use super::*;
    use crate::admission::Full;

    #[test]
    fn only_the_own_node_is_told() {
        let admission = Admission::new(NodeId(1));
        let lines = || {
            let mut page = Page::new(ALL);
            collect(&admission, &Watched::default(), &mut page);
            page.lines(&ADMISSION_FULL)
        };
        let full = Full {
            disk: true,
            memory: false,
        };
        admission.told(NodeId(2), full);
        assert_eq!(lines(), ["{resource=\"disk\"} 0", "{resource=\"memory\"} 0"]);
        admission.told(NodeId(1), full);
        assert_eq!(lines(), ["{resource=\"disk\"} 1", "{resource=\"memory\"} 0"]);
    }
}
