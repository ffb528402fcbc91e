//! What PayPal says about an error: a general sentence, and in `details` what is meant: an issue as a code with a
//! description, of older APIs only a field with the issue as a sentence.

use super::error::Found;
use crate::value::Value;

/// What a table writes to use it: `{ code: paypal_details }`.
pub const NAME: &str = "paypal_details";

/// So many of the details are told.
const TOLD: usize = 5;

/// The details as one sentence, each with the field it speaks of; never a value, which may be somebody's address. `None`:
/// there are no details, or none that says more than its code.
pub(super) fn read(body: &Value) -> Option<Found> {
    let details = body.get("details").as_list()?;
    let told: Vec<String> = details.iter().take(TOLD).filter_map(sentence).collect();
    let said = told.join("; ");
    (!said.is_empty()).then(|| Found { said: said.clone(), whole: said })
}

fn sentence(detail: &Value) -> Option<String> {
    let text = |name: &str| detail.get(name).as_text().map(|text| text.trim()).filter(|text| !text.is_empty());
    // An issue alone is a code, which the general message explains better.
    let issue = || text("issue").filter(|issue| issue.contains(' '));
    let says = text("description").or_else(issue);
    match (says, text("field")) {
        (Some(says), Some(field)) => Some(format!("{} (at {field})", says.trim_end_matches('.'))),
        (Some(says), None) => Some(says.trim_end_matches('.').to_owned()),
        (None, Some(field)) => Some(format!("{} (at {field})", text("issue")?)),
        (None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::{Catalog, Classified, ErrorClass, Is};
    use crate::value::{Value, json};
    use std::time::Duration;

    fn understood(operation: Option<&str>, status: u16, body: &str) -> Classified {
        let catalog = Catalog::bundled();
        let operation = operation.map(|name| catalog.operation(name).unwrap().1);
        let body = if body.is_empty() { Value::Missing } else { json::parse(body.as_bytes()).unwrap() };
        catalog.system("paypal").unwrap().classify(operation, status, &body, &|_| None)
    }

    fn issue(operation: &str, status: u16, issue: &str, description: &str) -> Classified {
        let body = format!(
            r#"{{"name":"X","message":"The requested action could not be performed.","debug_id":"90957fca61718",
                "details":[{{"issue":"{issue}","description":"{description}","field":"/amount/value","value":"60.00","location":"body"}}]}}"#
        );
        understood(Some(operation), status, &body)
    }

    #[test]
    fn an_issue_is_told_with_its_field_and_what_to_do_and_without_the_value() {
        let error = issue("paypal.captures.refund", 422, "REFUND_AMOUNT_EXCEEDED", "The refund amount must be less.");
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "REFUND_AMOUNT_EXCEEDED"));
        assert_eq!(error.message, "The refund amount must be less (at /amount/value)");
        assert_eq!(error.hint.as_deref(), Some("More than what is left of the capture."));
        assert!(error.undone);
    }

    #[test]
    fn an_issue_without_words_has_the_general_ones() {
        let body = r#"{"name":"UNPROCESSABLE_ENTITY","message":"Business validation failed.","details":[{"issue":"PENDING_CAPTURE","description":""}]}"#;
        let error = understood(Some("paypal.captures.refund"), 422, body);
        assert_eq!((error.code.as_str(), error.message.as_str()), ("PENDING_CAPTURE", "Business validation failed."));
        assert!(error.hint.unwrap().contains("PAYMENT.CAPTURE.COMPLETED"));
    }

    #[test]
    fn several_details_are_all_told() {
        let body = r#"{"name":"INVALID_REQUEST","message":"Bad.","details":[
            {"issue":"MISSING_REQUIRED_PARAMETER","field":"/intent","description":"A required parameter is missing."},
            {"issue":"INVALID_PARAMETER_SYNTAX","field":"/purchase_units"}]}"#;
        let error = understood(None, 400, body);
        assert_eq!(error.code, "MISSING_REQUIRED_PARAMETER");
        assert_eq!(
            error.message,
            "A required parameter is missing (at /intent); INVALID_PARAMETER_SYNTAX (at /purchase_units)"
        );
    }

    #[test]
    fn older_apis_write_sentences_where_codes_should_be() {
        let body = r#"{"name":"USER_BUSINESS_ERROR","message":"User business error.","debug_id":"1","details":[
            {"field":"SENDER_BATCH_ID","location":"body","issue":"Batch with given sender_batch_id already exists",
             "link":[{"href":"https://api.sandbox.paypal.com/v1/payments/payouts/CR9VS2K4X4846","rel":"self","method":"GET"}]}]}"#;
        let error = understood(Some("paypal.payouts.create"), 400, body);
        assert_eq!((error.code.as_str(), error.is), ("DUPLICATE_SENDER_BATCH_ID", Is::Done));
        assert_eq!(error.message, "Batch with given sender_batch_id already exists (at SENDER_BATCH_ID)");
        let body = r#"{"name":"VALIDATION_ERROR","message":"Invalid request - see details.","details":[
            {"field":"items[0].receiver","issue":"Receiver is invalid or does not match with type"}]}"#;
        let error = understood(Some("paypal.payouts.create"), 400, body);
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Data, "VALIDATION_ERROR"));
        assert_eq!(error.message, "Receiver is invalid or does not match with type (at items[0].receiver)");
    }

    /// What each kind of trouble is, as PayPal's own specifications name it.
    #[test]
    fn every_kind_of_error_has_its_class() {
        use ErrorClass::*;
        for (status, code, class) in [
            (400, "MALFORMED_REQUEST_JSON", Data),
            (400, "INVALID_ARRAY_MAX_ITEMS", Data),
            (401, "INVALID_ACCOUNT_STATUS", Config),
            (403, "PERMISSION_DENIED", Config),
            (403, "CONSENT_NEEDED", Config),
            (404, "INVALID_RESOURCE_ID", Data),
            (409, "PREVIOUS_REQUEST_IN_PROGRESS", Unavailable),
            (422, "INSTRUMENT_DECLINED", Data),
            (422, "ORDER_NOT_APPROVED", Data),
            (422, "ORDER_COMPLETION_IN_PROGRESS", Unavailable),
            (422, "ORDER_IS_PENDING_APPROVAL", Unavailable),
            (422, "PAYEE_ACCOUNT_RESTRICTED", Config),
            (422, "NOT_ENABLED_FOR_CARD_PROCESSING", Config),
            (422, "DUPLICATE_INVOICE_ID", Data),
            (422, "DECIMALS_NOT_SUPPORTED", Data),
            (422, "A_CODE_OF_TOMORROW", Data),
        ] {
            let error = issue("paypal.orders.capture", status, code, "Words.");
            assert_eq!((error.class, error.code.as_str()), (class, code), "{code}");
            assert!(error.hint.is_some(), "{code}");
        }
        assert!(issue("paypal.orders.capture", 422, "ORDER_IS_PENDING_APPROVAL", "Words.").undone);
        let captured = issue("paypal.orders.capture", 422, "ORDER_ALREADY_CAPTURED", "Order already captured.");
        assert_eq!((captured.class, captured.is), (Data, Is::Done));
        assert_eq!(issue("paypal.authorizations.void", 422, "PREVIOUSLY_VOIDED", "x").is, Is::Done);
    }

    #[test]
    fn answers_without_a_body_of_the_rest_api_are_understood() {
        let error =
            understood(None, 401, r#"{"error":"invalid_client","error_description":"Client Authentication failed"}"#);
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Auth, "invalid_client"));
        assert_eq!(error.message, "Client Authentication failed");
        let limit = r#"{"name":"RATE_LIMIT_REACHED","message":"Too many requests. Blocked due to rate limiting."}"#;
        let error = understood(None, 429, limit);
        assert_eq!((error.class, error.wait), (ErrorClass::Throttled, Some(Duration::from_secs(5))));
        assert_eq!(understood(None, 429, "").wait, Some(Duration::from_secs(5)));
        for status in [409, 500, 502, 503] {
            let error = understood(None, status, "");
            assert_eq!((error.class, error.undone), (ErrorClass::Unavailable, false), "{status}");
        }
        assert_eq!(understood(None, 504, "").class, ErrorClass::Timeout);
    }

    #[test]
    fn names_that_people_use_lead_to_the_real_ones() {
        let catalog = Catalog::bundled();
        let paypal = catalog.system("paypal").unwrap();
        for (written, meant) in [
            ("RISK.DISPUTE.CREATED", "CUSTOMER.DISPUTE.CREATED"),
            ("REFUND.COMPLETED", "PAYMENT.CAPTURE.REFUNDED"),
            ("BILLING.SUBSCRIPTION.CANCELED", "BILLING.SUBSCRIPTION.CANCELLED"),
            ("PAYMENT.PAYOUTS-ITEM.CANCELLED", "PAYMENT.PAYOUTS-ITEM.CANCELED"),
        ] {
            assert!(paypal.event(written).is_none(), "{written}");
            assert!(paypal.event_help(written).ends_with(&format!("`{meant}`")), "{written}");
        }
        let (_, name) = paypal.event("PAYMENT.CAPTURE.DECLINED").unwrap();
        assert_eq!(name, "PAYMENT.CAPTURE.DENIED");
    }
}
