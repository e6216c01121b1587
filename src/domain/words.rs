//! The contract's closed vocabularies, each an enum that reads and writes its exact words.

/// Declares an enum whose variants are written as fixed words: serde, `as_str`, `parse` and
/// `Display` all come from the one list.
macro_rules! words {
    ($(#[$meta:meta])* pub enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$meta])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde::Serialize, serde::Deserialize, schemars::JsonSchema,
        )]
        pub enum $name { $($(#[$vmeta])* #[serde(rename = $word)] $variant,)+ }

        impl $name {
            /// Every word, in the contract's order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The word as it is stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The value of a word, exactly as written.
            pub fn parse(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == word)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}
pub(crate) use words;

words! {
    /// How much a ticket presses. The order is the queue's (CONTRACT.md 9.2).
    pub enum Priority {
        Emergency = "EMERGENCY",
        Urgent = "URGENT",
        Routine = "ROUTINE",
    }
}

words! {
    /// Where an approval stands.
    pub enum ApprovalStatus {
        Pending = "PENDING",
        Approved = "APPROVED",
        Denied = "DENIED",
        Cancelled = "CANCELLED",
    }
}
