use super::*;
use crate::machine::tables;

/// An answer of some bytes.
#[derive(Clone, Debug, PartialEq)]
struct Answer(Vec<u8>);

impl Remember for Answer {
    fn to_bytes(&self) -> Bytes {
        self.0.clone().into()
    }

    fn from_bytes(bytes: &Bytes) -> Result<Answer, LoadError> {
        Ok(Answer(bytes.to_vec()))
    }

    fn heap_bytes(&self) -> u64 {
        self.0.len() as u64
    }
}

const SPAN: Millis = Millis(1_000);

fn limits(bytes: u64, at_once: usize) -> Limits {
    Limits {
        bytes,
        at_once,
        ..Limits::of_time(SPAN, tables::INVOCATIONS)
    }
}

fn key(number: u8) -> Key {
    [number; 16]
}

fn record(window: &mut Window<Answer>, number: u8, now: u64) {
    window.record(key(number), Millis(now), Answer(vec![number; 30]));
}

fn known(window: &Window<Answer>) -> Vec<u8> {
    (0..=u8::MAX)
        .filter(|number| window.get(&key(*number)).is_some())
        .collect()
}

/// As its rows bring it back.
fn reload(window: &Window<Answer>) -> Window<Answer> {
    let (mut rows, mut loader) = (Vec::new(), WindowLoader::new(window.limits));
    window.rows(&mut rows);
    for row in rows {
        loader.add(&row.key, row.value.encode()).unwrap();
    }
    loader.finish(window.end()).unwrap()
}

#[test]
fn what_is_too_much_goes_early_and_is_counted() {
    let mut window = Window::new(limits(5 * (ENTRY_BYTES + 30), 3));
    (0..10).for_each(|number| record(&mut window, number, 0));
    assert_eq!(window.stats().bytes, 10 * (ENTRY_BYTES + 30));
    let stats = |bytes: u64, forgotten_early| WindowStats {
        bytes: bytes * (ENTRY_BYTES + 30),
        forgotten_early,
    };
    // Not all at once.
    window.expire(Millis(0));
    assert_eq!((known(&window), window.stats()), ((3..10).collect(), stats(7, 3)));
    window.expire(Millis(0));
    assert_eq!((known(&window), window.stats()), ((5..10).collect(), stats(5, 5)));
    // A replica that was restarted goes on in the same way, but for what it has counted.
    let mut other = reload(&window);
    for window in [&mut window, &mut other] {
        record(window, 10, 1);
        window.limit(limits(4 * (ENTRY_BYTES + 30), 3));
        window.expire(Millis(1));
        assert_eq!(known(window), [7, 8, 9, 10]);
    }
    assert_eq!((window.stats(), other.stats()), (stats(4, 7), stats(4, 2)));
    // What has had its time is not early.
    window.expire(SPAN);
    window.expire(Millis(1).after(SPAN));
    assert_eq!((known(&window), window.stats()), (vec![], stats(0, 7)));
}

#[test]
fn what_is_renewed_lasts_as_if_it_were_new() {
    let interval = Millis(100);
    let mut window = Window::new(limits(u64::MAX, usize::MAX));
    record(&mut window, 1, 0);
    record(&mut window, 2, 0);
    // Too early, and unknown.
    window.renew(&key(1), Millis(99), interval);
    window.renew(&key(3), Millis(500), interval);
    assert_eq!(window.ring.len(), 2);
    window.renew(&key(1), Millis(100), interval);
    let mut window = reload(&window);
    window.expire(SPAN);
    assert_eq!(known(&window), [1]);
    assert_eq!(window.get(&key(1)), Some(&Answer(vec![1; 30])));
    window.expire(Millis(1_099));
    assert_eq!(known(&window), [1]);
    window.expire(Millis(1_100));
    assert!(known(&window).is_empty());
    // The entry that was renewed went in its time, and nothing went early.
    assert_eq!(window.stats(), WindowStats::default());
}
