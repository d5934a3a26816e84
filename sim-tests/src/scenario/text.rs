//! How parts of a scenario are written in a file: faults and workloads by name, times in milliseconds.

/// Times, in whole milliseconds.
pub(super) mod ms {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in super::super) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u64(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

/// Generators, by their seed; TOML has no numbers of 64 bits without a sign.
pub(super) mod rng {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use crate::rng::Rng;

    pub(in super::super) fn serialize<S: Serializer>(rng: &Rng, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&format!("{:016x}", rng.seed()))
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rng, D::Error> {
        let text = String::deserialize(from)?;
        let seed = u64::from_str_radix(&text, 16).map_err(D::Error::custom)?;
        Ok(Rng::new(seed))
    }
}

/// A place in a list, by the name of what stands there.
macro_rules! by_name {
    ($module:ident, $list:path, $what:literal) => {
        #[doc = concat!("A ", $what, ", by its name.")]
        pub(super) mod $module {
            use serde::de::Error;
            use serde::{Deserialize, Deserializer, Serializer};

            pub(in super::super) fn serialize<S: Serializer>(
                place: &usize,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                to.serialize_str($list[*place].name)
            }

            pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(
                from: D,
            ) -> Result<usize, D::Error> {
                let name = String::deserialize(from)?;
                let place = $list.iter().position(|kind| kind.name == name);
                place.ok_or_else(|| D::Error::custom(format!(concat!("no ", $what, " {:?}"), name)))
            }
        }
    };
}

by_name!(fault, crate::faults::FAULTS, "fault");
by_name!(workload, crate::workload::WORKLOADS, "workload");
