//! Enums of the wire format. A newer service may add values to them.

/// Defines an enum of wire values that keeps unknown values as they are.
macro_rules! wire_enum {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $value:ident = $wire:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$about])* #[serde(rename = $wire)] $value,)+
            /// A value that this client does not know.
            #[serde(untagged)]
            Other(String),
        }

        impl $name {
            /// Returns the value on the wire.
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

pub(crate) use wire_enum;
