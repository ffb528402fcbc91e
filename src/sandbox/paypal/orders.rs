//! Orders: made by a shop, approved by a buyer, then captured or authorised.

use super::money::Money;
use super::{Answer, Call, Paypal, Refusal, Reply, now, set, text};
use serde_json::{Value as Json, json};

/// Parts of an amount that add to it, and those that take from it.
const ADDED: [&str; 5] = ["item_total", "tax_total", "shipping", "handling", "insurance"];
const TAKEN: [&str; 2] = ["shipping_discount", "discount"];

impl Paypal {
    pub(super) fn payments_api(&self, call: &Call, path: &[&str]) -> Answer {
        match (call.method.as_str(), path) {
            ("POST", ["v2", "checkout", "orders"]) => self.once(call, "orders", || self.create_order(call)),
            ("GET", ["v2", "checkout", "orders", id]) => Ok(Reply::json(200, self.get("orders", id)?.to_string())),
            ("POST", ["v2", "checkout", "orders", id, "capture"]) => {
                self.once(call, "orders", || self.pay_order(call, id, "CAPTURE"))
            }
            ("POST", ["v2", "checkout", "orders", id, "authorize"]) => {
                self.once(call, "orders", || self.pay_order(call, id, "AUTHORIZE"))
            }
            (_, ["v2", "payments", kind, ..]) => self.payment_api(call, kind, path),
            _ => Err(super::no_such_path()),
        }
    }

    fn create_order(&self, call: &Call) -> Answer {
        let body = self.body(call, "paypal.order_request")?;
        let intent = body.get("intent").and_then(Json::as_str).ok_or_else(|| Refusal::missing("/intent"))?;
        let units = body.get("purchase_units").and_then(Json::as_array);
        let units = units.ok_or_else(|| Refusal::missing("/purchase_units"))?;
        match units.len() {
            0 => {
                let why = "The number of items in an array parameter is too small.";
                return Err(Refusal::invalid("INVALID_ARRAY_MIN_ITEMS", "/purchase_units", why));
            }
            1..=10 => {}
            _ => {
                let why = "The number of items in an array parameter is too large.";
                return Err(Refusal::invalid("INVALID_ARRAY_MAX_ITEMS", "/purchase_units", why));
            }
        }
        if units.len() > 1 && intent == "AUTHORIZE" {
            let why =
                "`intent=AUTHORIZE` is not supported for multiple purchase units. Only `intent=CAPTURE` is supported.";
            return Err(Refusal::unprocessable("UNSUPPORTED_INTENT", why));
        }
        let mut currency = None;
        let mut written = vec![];
        for (n, unit) in units.iter().enumerate() {
            let at = format!("/purchase_units/{n}");
            let amount = checked(unit, &at)?;
            if currency.get_or_insert_with(|| amount.currency.clone()) != &amount.currency {
                let why = "Multiple differing values of currency_code are not supported. Entire Order request must have the same currency code.";
                return Err(Refusal::unprocessable("MULTI_CURRENCY_ORDER", why));
            }
            if units.len() > 1 && text(unit, "reference_id").is_empty() {
                let why =
                    "'reference_id' is required for each 'purchase_unit' if multiple 'purchase_unit' are provided.";
                return Err(Refusal::unprocessable("REFERENCE_ID_REQUIRED", why).at(&format!("{at}/reference_id")));
            }
            let mut unit = unit.clone();
            if text(&unit, "reference_id").is_empty() {
                set(&mut unit, "reference_id", "default");
            }
            set(&mut unit, "payee", json!({ "email_address": "merchant@example.com", "merchant_id": "X5XAHHCG636FA" }));
            written.push(unit);
        }
        let mut state = self.lock();
        let id = state.id(17);
        let mut order = json!({
            "id": id, "intent": intent, "status": "CREATED", "purchase_units": written, "create_time": now(),
            "links": [
                self.link("self", "GET", &format!("/v2/checkout/orders/{id}")),
                { "href": format!("https://www.sandbox.paypal.com/checkoutnow?token={id}"), "rel": "approve", "method": "GET" },
                self.link("update", "PATCH", &format!("/v2/checkout/orders/{id}")),
                self.link("capture", "POST", &format!("/v2/checkout/orders/{id}/capture")),
            ],
        });
        if let Some(payer) = body.get("payer") {
            set(&mut order, "payer", payer.clone());
        }
        state.put("orders", order.clone());
        drop(state);
        Ok(self.preferred(call, 201, &order))
    }

    /// What the buyer does at PayPal.
    pub(super) fn approve(&self, with: &Json) -> Result<Json, String> {
        let mut state = self.lock();
        let order = state.get_mut("orders", text(with, "order")).ok_or("there is no such order")?;
        if !["CREATED", "PAYER_ACTION_REQUIRED"].contains(&text(order, "status")) {
            return Err(format!("the order is {}", text(order, "status")));
        }
        let email = Some(text(with, "email")).filter(|email| !email.is_empty()).unwrap_or("buyer@example.com");
        let payer_id = Some(text(with, "payer_id")).filter(|id| !id.is_empty()).unwrap_or("QYR5Z8XDVJNXQ");
        let (given, surname) = ("Ada", "Lovelace");
        let name = json!({ "given_name": given, "surname": surname });
        let address = json!({ "country_code": "US" });
        set(order, "payer", json!({ "name": name, "email_address": email, "payer_id": payer_id, "address": address }));
        set(
            order,
            "payment_source",
            json!({ "paypal": { "email_address": email, "account_id": payer_id, "account_status": "VERIFIED", "name": name, "address": address } }),
        );
        set(order, "status", "APPROVED");
        set(order, "update_time", now());
        let order = order.clone();
        drop(state);
        self.happens("CHECKOUT.ORDER.APPROVED", "checkout-order", "An order has been approved by buyer", &order);
        Ok(order)
    }

    /// The buyer's bank says no to the next try.
    pub(super) fn decline(&self, with: &Json) -> Result<Json, String> {
        let mut state = self.lock();
        let order = state.get_mut("orders", text(with, "order")).ok_or("there is no such order")?;
        set(order, "#declined", true);
        Ok(order.clone())
    }

    /// Captures or authorises the whole order.
    fn pay_order(&self, call: &Call, id: &str, intent: &str) -> Answer {
        self.body(call, "paypal.order_capture_request")?;
        let mut state = self.lock();
        let used: Vec<String> =
            state.objects.get("captures").into_iter().flatten().map(|one| text(one, "invoice_id").to_owned()).collect();
        let order = state.get_mut("orders", id).ok_or_else(Refusal::not_found)?;
        let refuse = |issue: &str, why: &str| Err(Refusal::unprocessable(issue, why));
        if text(order, "intent") != intent {
            let why = "Order was created with another intent than what is asked for.";
            return refuse("ACTION_DOES_NOT_MATCH_INTENT", why);
        }
        match (text(order, "status"), intent) {
            ("COMPLETED", "CAPTURE") => {
                let why = "Order already captured.If 'intent=CAPTURE' only one capture per order is allowed.";
                return refuse("ORDER_ALREADY_CAPTURED", why);
            }
            ("COMPLETED", _) => {
                let why = "Order already authorized.If 'intent=AUTHORIZE' only one authorization per order is allowed.";
                return refuse("ORDER_ALREADY_AUTHORIZED", why);
            }
            ("APPROVED", _) => {}
            _ => {
                return refuse(
                    "ORDER_NOT_APPROVED",
                    "Payer has not yet approved the Order for payment. Please redirect the payer to the 'rel':'approve' url returned as part of the HATEOAS links within the Create Order call or provide a valid payment_source in the request.",
                );
            }
        }
        if order.get("#declined").is_some() {
            if let Json::Object(fields) = order {
                fields.remove("#declined");
            }
            let why = "The instrument presented  was either declined by the processor or bank, or it can't be used for this payment.";
            return refuse("INSTRUMENT_DECLINED", why);
        }
        let units = order.get("purchase_units").and_then(Json::as_array).cloned().unwrap_or_default();
        if units
            .iter()
            .map(|unit| text(unit, "invoice_id"))
            .any(|id| !id.is_empty() && used.iter().any(|used| used == id))
        {
            let why = "Duplicate Invoice ID detected. To avoid a potential duplicate transaction your account setting requires that Invoice Id be unique for each transaction.";
            return refuse("DUPLICATE_INVOICE_ID", why);
        }
        let mut paid = vec![];
        let mut made = vec![];
        for mut unit in units {
            let amount = Money::of(unit.get("amount").unwrap_or(&Json::Null));
            let (kind, payment) = match intent {
                "CAPTURE" => ("captures", self.new_capture(&mut state, &unit, &amount, id, None, true)),
                _ => ("authorizations", self.new_authorization(&mut state, &unit, &amount, id)),
            };
            // In an order they stand without what is said there anyway.
            set(&mut unit, "payments", json!({ kind: [payment] }));
            made.push((kind, payment));
            paid.push(unit);
        }
        let order = state.get_mut("orders", id).ok_or_else(Refusal::not_found)?;
        set(order, "purchase_units", paid);
        set(order, "status", "COMPLETED");
        set(order, "update_time", now());
        let order = order.clone();
        drop(state);
        for (kind, payment) in &made {
            self.payment_happens(kind, payment);
        }
        Ok(self.preferred(call, 201, &order))
    }
}

/// A purchase unit's amount, whose parts add up.
fn checked(unit: &Json, at: &str) -> Result<Money, Refusal> {
    let amount = unit.get("amount").ok_or_else(|| Refusal::missing(&format!("{at}/amount")))?;
    let total = Money::above_zero(amount, &format!("{at}/amount"))?;
    let items = unit.get("items").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let breakdown = amount.get("breakdown");
    let part = |name: &str| -> Result<Option<Money>, Refusal> {
        let Some(written) = breakdown.and_then(|breakdown| breakdown.get(name)) else { return Ok(None) };
        let money = Money::read(written, &format!("{at}/amount/breakdown/{name}"))?;
        match money.currency == total.currency {
            true => Ok(Some(money)),
            false => Err(Refusal::unprocessable(
                "MULTI_CURRENCY_ORDER",
                "Multiple differing values of currency_code are not supported.",
            )),
        }
    };
    let mut items_total = Money::nothing(&total.currency);
    let mut taxes = Money::nothing(&total.currency);
    for (n, item) in items.iter().enumerate() {
        let field = format!("{at}/items/{n}");
        let needed = |name: &str| item.get(name).ok_or_else(|| Refusal::missing(&format!("{field}/{name}")));
        needed("name")?;
        let quantity = needed("quantity")?.as_str().and_then(|text| crate::value::Exact::parse(text).ok());
        let whole = quantity.filter(|quantity| quantity.is_whole() && !quantity.is_negative());
        let quantity = whole.ok_or_else(|| {
            let why = "The value of a field does not conform to the expected format.";
            Refusal::invalid("INVALID_PARAMETER_SYNTAX", &format!("{field}/quantity"), why)
        })?;
        let times = |money: &Money| money.with(money.value.mul(quantity).unwrap_or(money.value));
        items_total = items_total.plus(&times(&Money::read(needed("unit_amount")?, &format!("{field}/unit_amount"))?));
        if let Some(tax) = item.get("tax") {
            taxes = taxes.plus(&times(&Money::read(tax, &format!("{field}/tax"))?));
        }
    }
    let same = |a: &Money, b: &Money| a.minus(b).value.is_zero();
    match (items.is_empty(), part("item_total")?) {
        (false, None) => {
            let why = "If item details are specified (items.unit_amount and items.quantity) corresponding amount.breakdown.item_total is required.";
            return Err(Refusal::unprocessable("ITEM_TOTAL_REQUIRED", why));
        }
        (false, Some(written)) if !same(&written, &items_total) => {
            let why = "Should equal sum of (unit_amount * quantity) across all items for a given purchase_unit.";
            return Err(
                Refusal::unprocessable("ITEM_TOTAL_MISMATCH", why).at(&format!("{at}/amount/breakdown/item_total"))
            );
        }
        _ => {}
    }
    if !taxes.value.is_zero() && part("tax_total")?.is_none_or(|written| !same(&written, &taxes)) {
        let why = "Should equal sum of (tax * quantity) across all items for a given purchase_unit.";
        return Err(Refusal::unprocessable("TAX_TOTAL_MISMATCH", why).at(&format!("{at}/amount/breakdown/tax_total")));
    }
    if breakdown.is_some() {
        let mut sum = Money::nothing(&total.currency);
        for name in ADDED {
            sum = part(name)?.map_or(sum.clone(), |part| sum.plus(&part));
        }
        for name in TAKEN {
            sum = part(name)?.map_or(sum.clone(), |part| sum.minus(&part));
        }
        if !same(&sum, &total) {
            let why =
                "Should equal item_total + tax_total + shipping + handling + insurance - shipping_discount - discount.";
            return Err(Refusal::unprocessable("AMOUNT_MISMATCH", why).at(&format!("{at}/amount/value")));
        }
    }
    Ok(total)
}
