//! Makes a failing scenario smaller, as long as it still breaks the same rule: a shorter load, fewer clients,
//! fewer faults, until none of them can be taken away alone.
//!
//! Lists are reduced as delta debugging does (Zeller, "Yesterday, my program worked", 1999): leave out a half,
//! then a quarter, and so on. Candidates of one size are played at once; the first in order that still fails
//! counts, so that the result does not depend on which thread was faster.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::pool;
use crate::scenario::{Cut, Scenario};
use crate::violation::Violation;

/// Where to begin.
pub struct Shrinking<'a> {
    /// The whole scenario.
    pub scenario: &'a Scenario,
    /// The rule that must stay broken.
    pub rule: &'a str,
    /// Runs at a time.
    pub jobs: usize,
}

impl Shrinking<'_> {
    /// A smaller cut than `from`, of a run that broke the rule as `violation` says.
    pub fn shrink(
        &self,
        from: &Cut,
        violation: &Violation,
        say: &mut dyn FnMut(&str),
    ) -> anyhow::Result<Cut> {
        let mut cut = from.clone();
        let after_begin = violation.at.saturating_sub(self.scenario.begin);
        self.shorten(&mut cut, after_begin.as_secs() + 1, say)?;
        loop {
            let before = cut.clone();
            let left = self.scenario.clone().cut(&cut);
            let faults: Vec<usize> = left.schedule.iter().map(|fault| fault.number).collect();
            let with = |cut: &Cut, only: Vec<usize>| Cut {
                only: Some(only),
                ..cut.clone()
            };
            self.reduce(&mut cut, faults, 0, with, say)?;
            let clients: Vec<usize> = left.clients.iter().map(|client| client.number).collect();
            let with = |cut: &Cut, clients: Vec<usize>| Cut {
                clients: Some(clients),
                ..cut.clone()
            };
            self.reduce(&mut cut, clients, 1, with, say)?;
            let left = self.scenario.clone().cut(&cut);
            self.shorten(&mut cut, (left.load_end - left.begin).as_secs(), say)?;
            if cut == before {
                return Ok(cut);
            }
        }
    }

    /// Shortens the load to at most `s` seconds, then by halves, then by quarters.
    fn shorten(&self, cut: &mut Cut, s: u64, say: &mut dyn FnMut(&str)) -> anyhow::Result<()> {
        let mut shortest = self.scenario.clone().cut(cut);
        loop {
            let s = s.min((shortest.load_end - shortest.begin).as_secs());
            let mut candidates = vec![s / 2, s * 3 / 4, s];
            candidates.dedup();
            let candidates: Vec<Cut> = candidates
                .into_iter()
                .filter(|s| *s > 0)
                .map(|s| Cut {
                    load_s: Some(s),
                    ..cut.clone()
                })
                .filter(|candidate| candidate != cut)
                .collect();
            match self.first_failing(candidates, say)? {
                Some(shorter) => *cut = shorter,
                None => return Ok(()),
            }
            shortest = self.scenario.clone().cut(cut);
        }
    }

    /// Leaves out parts of a list as long as the rule stays broken.
    fn reduce(
        &self,
        cut: &mut Cut,
        mut list: Vec<usize>,
        least: usize,
        with: impl Fn(&Cut, Vec<usize>) -> Cut,
        say: &mut dyn FnMut(&str),
    ) -> anyhow::Result<()> {
        let mut size = list.len().div_ceil(2);
        while size > 0 && list.len() > least {
            let parts = list.chunks(size);
            let rests = parts.map(|part| list.iter().filter(|n| !part.contains(n)).copied().collect());
            let candidates = rests
                .filter(|rest: &Vec<usize>| rest.len() >= least)
                .map(|rest| with(cut, rest))
                .collect();
            match self.first_failing(candidates, say)? {
                Some(smaller) => {
                    *cut = smaller;
                    let left = self.scenario.clone().cut(cut);
                    let is_left = |number: &usize| match least {
                        0 => left.schedule.iter().any(|fault| fault.number == *number),
                        _ => left.clients.iter().any(|client| client.number == *number),
                    };
                    list.retain(is_left);
                    size = size.min(list.len().div_ceil(2));
                }
                None if size == 1 => return Ok(()),
                None => size = size.div_ceil(2),
            }
        }
        Ok(())
    }

    /// The first of these, in their order, that breaks the rule.
    fn first_failing(&self, candidates: Vec<Cut>, say: &mut dyn FnMut(&str)) -> anyhow::Result<Option<Cut>> {
        let mut results: BTreeMap<usize, bool> = BTreeMap::new();
        let mut first = None;
        let scenarios = candidates.iter().map(|cut| self.scenario.clone().cut(cut));
        pool::play(scenarios, self.jobs, |place, report| {
            let fails = report
                .violations
                .iter()
                .any(|violation| violation.rule == self.rule);
            results.insert(place, fails);
            let in_order = (0..).map_while(|place| Some((place, *results.get(&place)?)));
            first = in_order
                .filter(|(_, fails)| *fails)
                .map(|(place, _)| place)
                .next();
            match first {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        })?;
        let smaller = first.and_then(|first| candidates.into_iter().nth(first));
        if let Some(smaller) = &smaller {
            say(&format!("still fails with{smaller}"));
        }
        Ok(smaller)
    }
}
