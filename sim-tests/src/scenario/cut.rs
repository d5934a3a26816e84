//! Less of a scenario: fewer faults, fewer clients, a shorter load. Whatever is left is as it was, since
//! everything draws from a generator that is named after itself.
//!
//! Only the network is not so independent: turmoil draws the latency of all messages from one generator, so
//! that a cut moves them. A cut scenario is a relative of the whole one, not a part of the same run.

use std::fmt;
use std::time::Duration;

use super::Scenario;

/// What is left of a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Only these occurrences of faults, if given.
    pub only: Option<Vec<usize>>,
    /// Only these clients, if given.
    pub clients: Option<Vec<usize>>,
    /// Only so many seconds of load, if given.
    pub load_s: Option<u64>,
}

impl Scenario {
    /// The same with less in it.
    #[must_use]
    pub fn cut(mut self, cut: &Cut) -> Scenario {
        if let Some(only) = &cut.only {
            self.schedule
                .retain(|occurrence| only.contains(&occurrence.number));
        }
        if let Some(clients) = &cut.clients {
            self.clients.retain(|client| clients.contains(&client.number));
        }
        if let Some(load_s) = cut.load_s {
            self.load_end = self.load_end.min(self.begin + Duration::from_secs(load_s));
            self.deadline = self.end();
            let load_end = self.load_end;
            self.schedule.retain(|occurrence| occurrence.at < load_end);
            for occurrence in &mut self.schedule {
                occurrence.until = occurrence.until.min(load_end);
            }
        }
        self
    }
}

/// As flags of the command line, each with a space before it.
impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [("only", &self.only), ("clients", &self.clients)];
        for (name, list) in lists {
            if let Some(list) = list {
                let numbers: Vec<String> = list.iter().map(usize::to_string).collect();
                let space = if numbers.is_empty() { "" } else { " " };
                write!(f, " --{name}{space}{}", numbers.join(","))?;
            }
        }
        match self.load_s {
            Some(load_s) => write!(f, " --load {load_s}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_as_it_was() {
        let whole = Scenario::draw(1);
        assert!(whole.schedule.len() > 2 && whole.clients.len() > 2);
        let cut = Cut {
            only: Some(vec![0, 2]),
            clients: Some(vec![1, 2]),
            load_s: None,
        };
        let left = whole.clone().cut(&cut);
        let numbers: Vec<usize> = left.schedule.iter().map(|o| o.number).collect();
        assert_eq!(numbers, [0, 2]);
        assert_eq!(left.schedule[1].rng.seed(), whole.schedule[2].rng.seed());
        assert_eq!(left.schedule[1].at, whole.schedule[2].at);
        assert_eq!(left.clients[0].number, 1);
        assert_eq!(left.clients[0].workload, whole.clients[1].workload);
    }

    #[test]
    fn a_shorter_load_ends_faults_with_it() {
        let cut = Cut {
            load_s: Some(5),
            ..Cut::default()
        };
        let left = Scenario::draw(1).cut(&cut);
        assert!(left.schedule.iter().all(|o| o.until <= left.load_end));
    }

    #[test]
    fn flags() {
        let cut = Cut {
            only: Some(vec![]),
            clients: Some(vec![0, 3]),
            load_s: Some(7),
        };
        assert_eq!(cut.to_string(), " --only --clients 0,3 --load 7");
    }
}
