//! The small languages of the service: attributes and their documents, receipt handles, page tokens, task handles,
//! ARNs, URLs and names. The first byte says which, the rest is the text.
//!
//! What was read and is shown again reads as the same, and what is ours has one form only.

#![no_main]

use std::fmt::{Debug, Display};

use api::protocol::{Call, recognise};
use api::sqs::attributes::{self, Map, QueueSettings, Redrive};
use api::sqs::list_queues;
use api::sqs::move_task::TaskHandle;
use api::sqs::queue_arn::QueueArn;
use api::sqs::queue_name::QueueName;
use api::sqs::queue_url::QueueRef;
use api::sqs::receipt::ReceiptHandle;
use api::types::{AccountId, MessageId, Region};
use bytes::Bytes;
use fuzz::bounds;
use fuzz::recipe::Recipe;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((kind, rest)) = data.split_first() else {
        return;
    };
    let text = String::from_utf8_lossy(rest);
    match *kind {
        b'a' => of_a_queue(&text),
        b'd' => document(&text),
        b'h' => one_form(&text, ReceiptHandle::parse(&text).ok()),
        b'n' => names(&text),
        b'p' => pages(&text),
        b't' => task_handle(&text),
        b'u' => QueueRef::parse(&text).iter().for_each(bounds::queue),
        _ => made(&mut Recipe(rest)),
    }
});

/// Attributes, one `Name=value` a line.
fn of_a_queue(text: &str) {
    let pairs = text.lines().filter_map(|line| line.split_once('='));
    let given: Map = pairs
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    check_attributes(given);
}

fn document(text: &str) {
    for name in ["Policy", "RedrivePolicy", "RedriveAllowPolicy"] {
        check_attributes(Map::from([(name.to_owned(), text.to_owned())]));
    }
}

fn check_attributes(given: Map) {
    // As it would be read from a catalog that holds what was never checked.
    let _ = (QueueSettings::of(&given), Redrive::of(&given));
    for fifo in [false, true] {
        if let Ok(new) = attributes::of_new_queue(given.clone(), fifo) {
            bounds::new_attributes(&new, fifo);
            let _ = Redrive::of(&new.complete);
        }
        if let Ok(changes) = attributes::changes(given.clone(), fifo) {
            bounds::changes(&changes, fifo);
        }
    }
}

fn one_form<T: Display>(text: &str, read: Option<T>) {
    if let Some(read) = read {
        assert_eq!(read.to_string(), text);
    }
}

fn names(text: &str) {
    one_form(text, AccountId::parse(text));
    one_form(text, MessageId::parse(text));
    one_form(text, QueueArn::read(text));
    one_form(text, QueueName::parse(text));
    one_form(text, Region::parse(text));
    QueueArn::read(text).iter().for_each(bounds::arn);
}

/// A token that was not ours, and the ones that are: page by page, all names come once.
fn pages(text: &str) {
    let _ = list(text).page(&call("").caller);
    let names: Vec<&str> = text.split(',').filter(|name| !name.is_empty()).collect();
    let mut names: Vec<&str> = names.into_iter().take(8).collect();
    names.sort_unstable();
    names.dedup();
    let (mut token, mut seen) = (String::new(), Vec::new());
    for _ in 0..=names.len() {
        let call = call("");
        let page = list(&token).page(&call.caller).expect("the token is ours");
        let after = page.after().unwrap_or_default().to_owned();
        let rest = names.iter().copied().filter(|name| *name > after.as_str());
        let output = list_queues::Output::new(&page, rest, str::to_owned);
        let output = serde_json::to_value(&output).expect("a page has a form in JSON");
        let urls = output["QueueUrls"].as_array().into_iter().flatten();
        seen.extend(urls.map(|url| url.as_str().expect("URLs are texts").to_owned()));
        match output["NextToken"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => break,
        }
    }
    assert_eq!(seen, names);
}

fn list(token: &str) -> list_queues::Input {
    let body = serde_json::json!({"MaxResults": 2, "NextToken": token});
    let call = call(&body.to_string());
    call.decode().expect("a token is looked at with its list")
}

fn call(body: &str) -> Call {
    let request = http::Request::post("/").header("x-amz-target", "AmazonSQS.ListQueues");
    let (head, ()) = request.body(()).expect("a request").into_parts();
    recognise(&head, &Bytes::copy_from_slice(body.as_bytes())).expect("a known operation")
}

fn task_handle(text: &str) {
    if let Ok(handle) = TaskHandle::parse(Some(text.to_owned())) {
        bounds::arn(&handle.source);
        shown(&handle);
    }
}

fn shown(handle: &TaskHandle) {
    let text = serde_json::to_value(handle).expect("a handle has a form in JSON");
    let text = text.as_str().expect("it is a text").to_owned();
    assert_eq!(TaskHandle::parse(Some(text)).as_ref(), Ok(handle));
}

/// Handles that the node makes.
fn made(recipe: &mut Recipe) {
    let receipt = ReceiptHandle {
        group: recipe.number(),
        sequence: recipe.number(),
        delivery: recipe.small_number(),
    };
    assert_read(&receipt, ReceiptHandle::parse(&receipt.to_string()).ok());
    let mut id = [0; 16];
    id.iter_mut().for_each(|byte| *byte = recipe.byte());
    assert_read(&MessageId(id), MessageId::parse(&MessageId(id).to_string()));
    if let Some(source) = QueueArn::read(&format!("arn:aws:sqs:eu-west-1:000000000000:{}", recipe.text())) {
        shown(&TaskHandle { id, source });
    }
}

fn assert_read<T: Debug + PartialEq>(made: &T, read: Option<T>) {
    assert_eq!(read.as_ref(), Some(made));
}
