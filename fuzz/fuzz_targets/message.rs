//! Any bytes as the body of an SQS message: the body is refused, or parsing and writing it again gives the same
//! message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use store::queue::Message;

fuzz_target!(|data: &[u8]| {
    let Ok(body) = std::str::from_utf8(data) else { return };
    let Ok(message) = Message::parse(body) else { return };
    assert_eq!(Message::parse(&message.to_body()).as_ref(), Ok(&message));
});
