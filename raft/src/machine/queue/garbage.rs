//! What was purged. Dropping it takes time for each message: not to be done where entries are applied.

/// What is no part of a state any more and takes long to drop.
#[derive(Default)]
pub struct Garbage(Vec<Box<dyn Send + Sync>>);

impl Garbage {
    pub(super) fn add(&mut self, thing: impl Send + Sync + 'static) {
        self.0.push(Box::new(thing));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
