//! Limits that are too large for a transcript, and values that no transcript shows.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use api::error::ApiError;
use api::protocol::{Call, Input, recognise};
use api::sqs::attributes::{QueueSettings, complete};
use api::sqs::message::SentBy;
use api::sqs::receipt::ReceiptHandle;
use api::sqs::sequence_number::SequenceNumber;
use api::sqs::{errors, send_message, send_message_batch};
use api::types::{Blob, MessageId, Text};
use bytes::Bytes;

const MIB: usize = 1 << 20;

fn call(operation: &str, body: String) -> Call {
    let request = http::Request::post("/").header("x-amz-target", format!("AmazonSQS.{operation}"));
    let (head, ()) = request.body(()).unwrap().into_parts();
    recognise(&head, &Bytes::from(body)).unwrap()
}

fn decode<I: Input>(operation: &str, body: String) -> Result<I, ApiError> {
    call(operation, body).decode()
}

fn message(bytes: usize) -> String {
    format!(
        r#"{{"QueueUrl":"/000000000000/q","MessageBody":"{}"}}"#,
        "x".repeat(bytes)
    )
}

/// Two entries of one attribute each, whose name, type and value have 1 + 6 + 3 bytes.
fn batch(bytes: [usize; 2]) -> String {
    let attributes = r#"{"a":{"DataType":"String","StringValue":"abc"}}"#;
    let entry = |id: usize| {
        let body = "x".repeat(bytes[id]);
        format!(r#"{{"Id":"{id}","MessageBody":"{body}","MessageAttributes":{attributes}}}"#)
    };
    format!(
        r#"{{"QueueUrl":"/000000000000/q","Entries":[{},{}]}}"#,
        entry(0),
        entry(1)
    )
}

#[test]
fn a_message_has_at_most_one_mebibyte() {
    let settings = QueueSettings::of(&complete(&Default::default(), false));
    let input: send_message::Input = decode("SendMessage", message(MIB)).unwrap();
    assert_eq!(
        input
            .message
            .prepare(&settings, SentBy::Single)
            .unwrap()
            .body
            .len(),
        MIB
    );
    let error = decode::<send_message::Input>("SendMessage", message(MIB + 1)).unwrap_err();
    assert_eq!(error, errors::message_too_long(MIB));
}

#[test]
fn a_batch_has_at_most_one_mebibyte_with_all_attributes() {
    let half = MIB / 2;
    assert!(decode::<send_message_batch::Input>("SendMessageBatch", batch([half - 20, half])).is_ok());
    let error =
        decode::<send_message_batch::Input>("SendMessageBatch", batch([half - 19, half])).unwrap_err();
    assert_eq!(error, errors::batch_request_too_long(MIB + 1, MIB));
}

#[test]
fn every_changed_character_of_a_receipt_handle_is_noticed() {
    let handle = ReceiptHandle {
        group: u64::MAX,
        sequence: 1 << 40,
        delivery: 3,
    };
    let text = handle.to_string();
    assert_eq!(ReceiptHandle::parse(&text).unwrap(), handle);
    for at in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(
            ReceiptHandle::parse(&changed),
            Err(errors::receipt_handle_is_invalid(&changed))
        );
    }
}

#[test]
fn sequence_numbers_have_twenty_digits_and_rise() {
    let text = [0, 1, 9, 10, u64::MAX - 1, u64::MAX].map(|number| SequenceNumber(number).to_string());
    assert!(text.iter().all(|text| text.len() == 20));
    assert!(text.is_sorted_by(|a, b| a < b));
}

fn json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn texts_blobs_and_ids_have_one_form() {
    assert_eq!(
        json(&MessageId([0xab; 16])),
        r#""abababab-abab-abab-abab-abababababab""#
    );
    assert_eq!(json(&Blob(Bytes::from_static(b"\xff\xfe"))), r#""//4=""#);
    assert_eq!(json(&Text(Bytes::from_static("é\n".as_bytes()))), r#""é\n""#);
}
