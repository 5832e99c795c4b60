//! Values of the wire that a newer service may have more of.

/// Names values of the wire; one that is not known is kept as it is.
macro_rules! values {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $value:ident = $wire:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $wire)] $value,)+
            /// One that this client does not know.
            #[serde(untagged)]
            Other(String),
        }

        impl $name {
            /// As it is on the wire.
            pub fn as_str(&self) -> &str {
                match self {
                    $($name::$value => $wire,)+
                    $name::Other(other) => other,
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

pub(crate) use values;
