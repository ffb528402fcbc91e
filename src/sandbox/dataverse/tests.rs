//! The stand-in over real HTTP, as strict as the documentation of the real one.

use crate::catalog::{Catalog, Types};
use crate::diagnostics::Sources;
use crate::sandbox::dataverse::hooks::{Hook, HookKey, Step};
use crate::sandbox::dataverse::seed::SELLER;
use crate::sandbox::{Ports, Sandbox, credentials};
use serde_json::{Value, json};

const API: &str = "/api/data/v9.2/";
const OWN: &[(&str, &str)] = &[
    (
        "types/dataverse/contacts.json",
        r#"{ "type": "object", "x-extends": "dataverse.contacts", "x-alternate-keys": [["new_payer"]],
             "properties": { "new_payer": { "type": ["string", "null"], "maxLength": 50 } } }"#,
    ),
    (
        "types/dataverse/new_requests.json",
        r#"{ "type": "object", "x-logical-name": "new_request", "x-key": ["new_requestid"],
             "properties": { "new_requestid": { "type": "string", "format": "uuid", "readOnly": true },
               "new_status": { "type": "integer", "x-options": { "1": "Open", "2": "Approved" } } },
             "required": ["new_requestid"] }"#,
    ),
];

struct Crm {
    sandbox: Sandbox,
    client: reqwest::Client,
    token: String,
}

type Answer = (u16, reqwest::header::HeaderMap, Value);

impl Crm {
    async fn start() -> Crm {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut sources = Sources::default();
        let files: Vec<_> = OWN.iter().map(|(path, text)| sources.add(*path, *text)).collect();
        let files: Vec<_> = files.into_iter().map(|file| (file, sources.get(file))).collect();
        let (catalog, found) = Catalog::bundled().of_project(files.iter().map(|(file, source)| (*file, source)));
        assert_eq!(found, vec![]);
        let sandbox = Sandbox::start(&catalog, &Types::bundled(&catalog), Ports::default()).await.unwrap();
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut crm = Crm { sandbox, client, token: String::new() };
        let (status, _, body) = crm.ask_token(&[]).await;
        assert_eq!(status, 200, "{body}");
        crm.token = body["access_token"].as_str().unwrap().to_owned();
        crm
    }

    async fn ask_token(&self, replaced: &[(&str, &str)]) -> Answer {
        let url = self.sandbox.dataverse_server.url();
        let scope = format!("{url}/.default");
        let mut form = vec![
            ("grant_type", "client_credentials"),
            ("client_id", credentials::DATAVERSE_CLIENT_ID),
            ("client_secret", credentials::DATAVERSE_CLIENT_SECRET),
            ("scope", &scope),
        ];
        for (name, value) in replaced {
            form.iter_mut().filter(|(known, _)| known == name).for_each(|field| field.1 = value);
        }
        let url = format!("{url}/{}/oauth2/v2.0/token", credentials::DATAVERSE_TENANT);
        answer(self.client.post(url).form(&form)).await
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{API}{path}", self.sandbox.dataverse_server.url());
        self.client.request(method.parse().unwrap(), url).bearer_auth(&self.token)
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let (status, _, body) = answer(self.request("GET", path)).await;
        (status, body)
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let request = self.request("POST", path).header("Prefer", "return=representation").json(&body);
        let (status, _, body) = answer(request).await;
        (status, body)
    }

    async fn patch(&self, path: &str, body: Value, headers: &[(&'static str, &str)]) -> (u16, Value) {
        let mut request = self.request("PATCH", path).json(&body);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (status, _, body) = answer(request).await;
        (status, body)
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let text = answer.text().await.unwrap();
    (status, headers, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

fn code(body: &Value) -> &str {
    body["error"]["code"].as_str().unwrap_or_default()
}

const ID: &str = "11111111-0000-4000-8000-000000000001";

#[tokio::test]
async fn tokens_are_given_for_the_right_credentials_only() {
    let crm = Crm::start().await;
    for (field, value, error) in [
        ("client_secret", "guessed", "invalid_client"),
        ("client_id", "other", "unauthorized_client"),
        ("scope", "https://other.example/.default", "invalid_scope"),
    ] {
        let (status, _, body) = crm.ask_token(&[(field, value)]).await;
        assert_eq!((status, &body["error"]), (401, &json!(error)), "{field}");
    }
    assert_eq!(crm.get("WhoAmI").await.1["UserId"], credentials::DATAVERSE_APP_USER);
    crm.sandbox.dataverse.forget_tokens();
    assert_eq!(crm.get("contacts").await.0, 401);
}

#[tokio::test]
async fn rows_are_checked_by_the_metadata() {
    let crm = Crm::start().await;
    for (table, body, status, wanted) in [
        ("contacts", json!({ "lastnam": "x" }), 400, "0x80048d19"),
        ("contacts", json!({ "fullname": "x" }), 400, "0x80048d19"),
        ("contacts", json!({ "_parentcustomerid_value": ID }), 400, "0x80048d19"),
        ("contacts", json!({ "lastname": "x".repeat(51) }), 400, "0x80044331"),
        ("contacts", json!({ "lastname": 7 }), 400, "0x80048d19"),
        ("contacts", json!({ "gendercode": 9 }), 400, "0x8004431a"),
        ("contacts", json!({ "birthdate": "2026-11-01T00:00:00Z" }), 400, "0x80048d19"),
        ("contacts", json!({ "parentcustomerid_account@odata.bind": format!("/accounts({ID})") }), 404, "0x80040217"),
        ("contacts", json!({ "accountid@odata.bind": format!("/accounts({ID})") }), 400, "0x80048d19"),
        ("salesorders", json!({ "name": "no customer" }), 400, "0x80040203"),
        ("incidents", json!({ "title": "x", "customerid_account@odata.bind": "/contacts(7)" }), 400, "0x80060888"),
        ("new_requests", json!({ "new_status": 3 }), 400, "0x8004431a"),
        ("contactss", json!({}), 404, "0x8006088a"),
        ("contacts", json!({ "lastname": "x" }), 201, ""),
        ("new_requests", json!({ "new_status": 2 }), 201, ""),
    ] {
        let (got, answer) = crm.post(table, body.clone()).await;
        assert_eq!((got, code(&answer)), (status, wanted), "{table} {body}: {answer}");
    }
    let text = crm.request("POST", "contacts").body("{}").header("Content-Type", "text/plain");
    assert_eq!(answer(text).await.0, 415);
}

#[tokio::test]
async fn an_id_of_ones_own_is_taken_once() {
    let crm = Crm::start().await;
    let body = json!({ "contactid": ID, "lastname": "Doe", "firstname": "Ana" });
    let (status, row) = crm.post("contacts", body.clone()).await;
    assert_eq!((status, &row["contactid"], &row["fullname"]), (201, &json!(ID), &json!("Ana Doe")));
    let (status, refused) = crm.post("contacts", body).await;
    assert_eq!((status, code(&refused)), (412, "0x80040237"));
    let plain = answer(crm.request("POST", "contacts").json(&json!({ "lastname": "x" }))).await;
    assert_eq!(plain.0, 204);
    assert!(plain.1["odata-entityid"].to_str().unwrap().contains("/api/data/v9.2/contacts("));
}

#[tokio::test]
async fn an_upsert_goes_by_the_alternate_key() {
    let crm = Crm::start().await;
    let path = "contacts(new_payer='O%27%27Neil')";
    let represent = [("Prefer", "return=representation")];
    let (made, row) = crm.patch(path, json!({ "lastname": "Doe" }), &represent).await;
    let (changed, again) = crm.patch(path, json!({ "lastname": "Roe" }), &represent).await;
    assert_eq!((made, changed), (201, 200));
    assert_eq!((&row["new_payer"], &again["lastname"]), (&json!("O'Neil"), &json!("Roe")));
    assert_eq!(row["contactid"], again["contactid"]);
    for (path, headers, status, wanted) in [
        (path, vec![("If-None-Match", "*")], 412, "0x80040237"),
        ("contacts(new_payer='nobody')", vec![("If-Match", "*")], 404, "0x80060891"),
        ("contacts(lastname='Doe')", vec![], 400, "0x80060888"),
        (&format!("contacts({ID})"), vec![("If-Match", "*")], 404, "0x80040217"),
        (path, vec![("If-Match", "W/\"1\"")], 412, "0x80060882"),
        (path, vec![("If-Match", again["@odata.etag"].as_str().unwrap())], 204, ""),
    ] {
        let (got, answer) = crm.patch(path, json!({ "jobtitle": "x" }), &headers).await;
        assert_eq!((got, code(&answer)), (status, wanted), "{path} {headers:?}: {answer}");
    }
    // Another row cannot take the key.
    let (_, other) = crm.post("contacts", json!({ "lastname": "Other" })).await;
    let other = format!("contacts({})", other["contactid"].as_str().unwrap());
    let (status, refused) = crm.patch(&other, json!({ "new_payer": "o'neil" }), &[]).await;
    assert_eq!((status, code(&refused)), (412, "0x80040237"));
    // Duplicates are looked for where the request says so.
    crm.patch(&other, json!({ "emailaddress1": "a@b.example" }), &[]).await;
    let twice = json!({ "lastname": "Third", "emailaddress1": "A@b.example" });
    let looked = crm.request("POST", "contacts").header("MSCRM.SuppressDuplicateDetection", "false").json(&twice);
    let (status, _, refused) = answer(looked).await;
    assert_eq!((status, code(&refused)), (412, "0x80040333"));
    assert_eq!(crm.post("contacts", twice).await.0, 201);
}

#[tokio::test]
async fn lists_are_filtered_by_type_sorted_chosen_and_paged() {
    let crm = Crm::start().await;
    for n in 0..7 {
        let row = json!({ "lastname": format!("L{n}"), "emailaddress1": format!("o'neil{n}@x.example"), "creditlimit": n, "donotphone": n % 2 == 0 });
        assert_eq!(crm.post("contacts", row).await.0, 201);
    }
    for (filter, count) in [
        ("emailaddress1 eq 'O''NEIL3@x.example'", 1),
        ("creditlimit ge 2.5 and creditlimit lt 5", 2),
        ("donotphone eq true", 4),
        ("jobtitle eq null", 7),
        ("jobtitle eq ''", 0),
        ("emailaddress1 eq 'o*'", 0),
        ("startswith(lastname,'l') and not (lastname eq 'L1')", 6),
        ("createdon gt 2020-01-01T00:00:00Z", 7),
        ("_ownerid_value eq 75c2dd85-0000-4000-8000-000000000001", 7),
    ] {
        let (status, body) = crm.get(&format!("contacts?$count=true&$filter={}", encoded(filter))).await;
        assert_eq!((status, body["@odata.count"].as_i64()), (200, Some(count)), "{filter}: {body}");
    }
    for path in [
        "contacts?$filter=lastnam eq 'x'",
        "contacts?$filter=_ownerid_value eq '75c2dd85-0000-4000-8000-000000000001'",
        "contacts?$filter=birthdate eq 2020-01-01T00:00:00Z",
        "contacts?$select=lastnam",
        "contacts?$orderby=lastnam",
        "contacts?$expand=lastname",
        "contacts?$skip=2",
        "contacts?$limit=2",
    ] {
        let (path, query) = path.split_once("?").unwrap();
        let (name, value) = query.split_once('=').unwrap();
        let (status, body) = crm.get(&format!("{path}?{name}={}", encoded(value))).await;
        assert_eq!((status, code(&body)), (400, "0x80060888"), "{query}: {body}");
    }
    // Pages, each with a link to the next.
    let mut found = vec![];
    let mut next =
        Some(format!("{}{API}contacts?$select=lastname&$orderby=lastname%20desc", crm.sandbox.dataverse_server.url()));
    let mut pages = 0;
    while let Some(url) = next {
        let request = crm.client.get(url).bearer_auth(&crm.token).header("Prefer", "odata.maxpagesize=3");
        let (_, _, body) = answer(request).await;
        found.extend(body["value"].as_array().unwrap().iter().map(|row| row["lastname"].as_str().unwrap().to_owned()));
        next = body["@odata.nextLink"].as_str().map(str::to_owned);
        pages += 1;
    }
    assert_eq!((pages, found.first().map(String::as_str), found.len()), (3, Some("L6"), 7));
    assert_eq!(crm.get("contacts?$top=2").await.1["value"].as_array().unwrap().len(), 2);
    let (_, body) = crm.get("contacts?$top=1&$select=lastname&$expand=parentcustomerid_account($select=name)").await;
    assert_eq!(body["value"][0]["parentcustomerid_account"], Value::Null);
    assert!(body["value"][0]["contactid"].is_string() && body["value"][0]["emailaddress1"].is_null());
}

fn encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// A customer and an order of two lines, the total worked out.
async fn order(crm: &Crm) -> String {
    let (_, customer) = crm.post("contacts", json!({ "lastname": "Doe" })).await;
    let customer = format!("/contacts({})", customer["contactid"].as_str().unwrap());
    let body =
        json!({ "name": "PP-1", "customerid_contact@odata.bind": customer, "freightamount": 5.5, "discountamount": 1 });
    let (status, order) = crm.post("salesorders", body).await;
    assert_eq!(status, 201, "{order}");
    assert!(order["ordernumber"].as_str().unwrap().starts_with("ORD-"));
    let id = order["salesorderid"].as_str().unwrap().to_owned();
    let bind = format!("/salesorders({id})");
    let write_in = json!({ "salesorderid@odata.bind": bind, "isproductoverridden": true, "ispriceoverridden": true, "productdescription": "Sticker", "quantity": 2, "priceperunit": 2.25, "tax": 0.5 });
    let mug = json!({ "salesorderid@odata.bind": bind, "productid@odata.bind": "/products(a0000000-0000-4000-8000-000000000001)", "uomid@odata.bind": "/uoms(b0000000-0000-4000-8000-000000000001)", "quantity": 3 });
    for line in [write_in, mug] {
        let (status, line) = crm.post("salesorderdetails", line).await;
        assert_eq!(status, 201, "{line}");
    }
    id
}

#[tokio::test]
async fn the_total_is_worked_out_and_a_closed_order_stays_as_it_is() {
    let crm = Crm::start().await;
    let id = order(&crm).await;
    let (_, row) =
        crm.get(&format!("salesorders({id})?$expand=order_details($select=quantity),customerid_contact")).await;
    assert_eq!(row["totalamount"].to_string(), "39.5");
    assert_eq!(
        (row["order_details"].as_array().unwrap().len(), &row["customerid_contact"]["lastname"]),
        (2, &json!("Doe"))
    );
    assert_eq!(row["_contactid_value"], row["_customerid_value"]);
    let path = format!("salesorders({id})");
    for (body, status) in [
        (json!({ "totalamount": 1 }), 400),
        (json!({ "statuscode": 100001 }), 400),
        (json!({ "statecode": 3, "statuscode": 100001 }), 400),
        (json!({ "statuscode": 2 }), 204),
        (json!({ "statecode": 1 }), 204),
    ] {
        let (got, answer) = crm.patch(&path, body.clone(), &[]).await;
        assert_eq!(got, status, "{body}: {answer}");
    }
    let close = |status: i64| json!({ "OrderClose": { "@odata.type": "Microsoft.Dynamics.CRM.orderclose", "subject": "Sent", "salesorderid@odata.bind": format!("/salesorders({id})") }, "Status": status });
    assert_eq!(crm.post("FulfillSalesOrder", close(4)).await.0, 400);
    assert_eq!(crm.post("FulfillSalesOrder", close(100001)).await.0, 204);
    assert_eq!(crm.post("FulfillSalesOrder", close(100001)).await.0, 400, "it is closed");
    let (status, refused) = crm.patch(&path, json!({ "name": "x" }), &[]).await;
    assert_eq!((status, code(&refused)), (400, "0x80040203"));
    let (status, invoice) = crm
        .post("ConvertSalesOrderToInvoice", json!({ "SalesOrderId": id, "ColumnSet": { "AllColumns": true } }))
        .await;
    assert_eq!((status, invoice["totalamount"].to_string().as_str()), (200, "39.5"), "{invoice}");
    assert_eq!(crm.get(&path).await.1["statecode"], 4);
    assert_eq!(crm.post("NoSuchAction", json!({})).await.0, 404);
}

#[tokio::test]
async fn a_change_set_is_done_whole_or_not_at_all() {
    let crm = Crm::start().await;
    let (_, customer) = crm.post("contacts", json!({ "lastname": "Doe" })).await;
    let customer = format!("/contacts({})", customer["contactid"].as_str().unwrap());
    let send = async |line: Value| {
        let header = json!({ "name": "PP-2", "customerid_contact@odata.bind": customer });
        let part = |id: u32, set: &str, body: &Value| {
            format!(
                "--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: {id}\r\n\r\nPOST {}{API}{set} HTTP/1.1\r\nContent-Type: application/json\r\n\r\n{body}\r\n",
                crm.sandbox.dataverse_server.url()
            )
        };
        let body = format!(
            "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n{}{}--c--\r\n--b--\r\n",
            part(1, "salesorders", &header),
            part(2, "salesorderdetails", &line)
        );
        let request = crm.request("POST", "$batch").header("Content-Type", "multipart/mixed;boundary=b").body(body);
        let (status, _, body) = answer(request).await;
        (status, body.as_str().unwrap_or_default().to_owned())
    };
    let orders = || crm.sandbox.dataverse.rows("salesorders").len();
    let good = json!({ "salesorderid@odata.bind": "$1", "isproductoverridden": true, "productdescription": "x", "quantity": 1, "priceperunit": 3, "ispriceoverridden": true });
    let mut bad = good.clone();
    bad["quantitty"] = json!(1);
    let (status, refused) = send(bad).await;
    assert_eq!(status, 400);
    assert!(refused.contains("HTTP/1.1 400") && refused.contains("0x80048d19"), "{refused}");
    assert_eq!(orders(), 0);
    let (status, done) = send(good).await;
    assert!(status == 200 && done.matches("HTTP/1.1 204").count() == 2, "{done}");
    assert_eq!(orders(), 1);
    let total = crm.sandbox.dataverse.rows("salesorders")[0].get("totalamount").cloned().unwrap();
    assert_eq!(crate::value::json::write(&total).unwrap(), "3");
}

#[tokio::test]
async fn a_batch_holds_reads_and_single_writes_and_stops_where_one_fails() {
    let crm = Crm::start().await;
    let one = |request: &str, body: &str| {
        let kind = if body.is_empty() { "" } else { "Content-Type: application/json\r\n" };
        format!(
            "--b\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n\r\n{request} HTTP/1.1\r\n{kind}\r\n{body}\r\n"
        )
    };
    let send = async |parts: &[String], prefer: &str| {
        let body = format!("{}--b--\r\n", parts.concat());
        let request = crm.request("POST", "$batch").header("Content-Type", "multipart/mixed;boundary=b");
        let (status, _, body) = answer(request.header("Prefer", prefer).body(body)).await;
        (status, body.as_str().unwrap_or_default().to_owned())
    };
    let make = |name: &str| one(&format!("POST {API}accounts"), &format!(r#"{{"name":"{name}"}}"#));
    let names = one(&format!("GET {API}accounts?$select=name"), "");
    let (status, done) = send(&[make("A"), names.clone()], "").await;
    assert_eq!((status, done.matches("HTTP/1.1 204").count(), done.matches("HTTP/1.1 200").count()), (200, 1, 1));
    assert!(done.contains(r#""name":"A""#) && done.contains("OData-EntityId: "), "{done}");
    // What is behind a failure is not done, unless it is asked for.
    let bad = one(&format!("GET {API}acounts"), "");
    let (status, stopped) = send(&[make("B"), bad.clone(), make("C")], "").await;
    assert_eq!((status, stopped.matches("HTTP/1.1 ").count()), (404, 2), "{stopped}");
    assert_eq!(crm.sandbox.dataverse.rows("accounts").len(), 2);
    let (status, done) = send(&[bad, make("C")], "odata.continue-on-error").await;
    assert_eq!((status, done.matches("HTTP/1.1 ").count()), (200, 2), "{done}");
    assert_eq!(crm.sandbox.dataverse.rows("accounts").len(), 3);
    let read = "--c\r\nContent-Type: application/http\r\nContent-Transfer-Encoding: binary\r\nContent-ID: 1\r\n\r\nGET accounts HTTP/1.1\r\n\r\n\r\n--c--\r\n";
    let set = format!("--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n{read}");
    assert_eq!(send(&[set], "").await.0, 400, "a change set reads nothing");
}

#[tokio::test]
async fn what_has_changed_is_told_since_a_link() {
    let crm = Crm::start().await;
    let (_, kept) = crm.post("accounts", json!({ "name": "Kept" })).await;
    let (_, gone) = crm.post("accounts", json!({ "name": "Gone" })).await;
    let track = crm.request("GET", "accounts?$select=name").header("Prefer", "odata.track-changes");
    let (status, _, first) = answer(track).await;
    assert_eq!((status, first["value"].as_array().unwrap().len()), (200, 2), "{first}");
    let link = first["@odata.deltaLink"].as_str().unwrap().to_owned();
    let since = async |link: &str| answer(crm.client.get(link).bearer_auth(&crm.token)).await;
    assert_eq!(since(&link).await.2["value"], json!([]));
    // Page by page; only the last one has the link to what comes after.
    let paged = crm.request("GET", "accounts").header("Prefer", "odata.track-changes,odata.maxpagesize=1");
    let (_, _, page) = answer(paged).await;
    assert_eq!((page["value"].as_array().unwrap().len(), &page["@odata.deltaLink"]), (1, &json!(null)));
    crm.post("accounts", json!({ "name": "Meanwhile" })).await;
    let (_, _, last) = since(page["@odata.nextLink"].as_str().unwrap()).await;
    assert_eq!((last["value"].as_array().unwrap().len(), &last["value"][0]["name"]), (1, &json!("Gone")));
    let (_, _, later) = since(last["@odata.deltaLink"].as_str().unwrap()).await;
    assert_eq!(later["value"][0]["name"], "Meanwhile", "what happens meanwhile comes with the next asking");
    crm.patch(&format!("accounts({})", kept["accountid"].as_str().unwrap()), json!({ "name": "Changed" }), &[]).await;
    let deleted = crm.request("DELETE", &format!("accounts({})", gone["accountid"].as_str().unwrap()));
    assert_eq!(answer(deleted).await.0, 204);
    let (_, _, changes) = since(&link).await;
    let changes = changes["value"].as_array().unwrap();
    assert_eq!((changes.len(), &changes[0]["name"], &changes[1]["name"]), (3, &json!("Meanwhile"), &json!("Changed")));
    assert_eq!((&changes[2]["id"], &changes[2]["reason"]), (&gone["accountid"], &json!("deleted")));
    let filtered = crm.request("GET", "accounts?$top=1").header("Prefer", "odata.track-changes");
    assert_eq!(answer(filtered).await.0, 400);
    crm.sandbox.dataverse.forget_changes();
    let (status, _, expired) = since(&link).await;
    assert_eq!((status, code(&expired)), (400, "0x80044352"));
}

#[tokio::test]
async fn rows_are_tied_and_untied() {
    let crm = Crm::start().await;
    let (_, account) = crm.post("accounts", json!({ "name": "A" })).await;
    let (_, contact) = crm.post("contacts", json!({ "lastname": "C" })).await;
    let account = format!("accounts({})", account["accountid"].as_str().unwrap());
    let contact = format!("contacts({})", contact["contactid"].as_str().unwrap());
    let whole = format!("{}{API}{contact}", crm.sandbox.dataverse_server.url());
    let tie =
        crm.request("POST", &format!("{account}/contact_customer_accounts/$ref")).json(&json!({ "@odata.id": whole }));
    assert_eq!(answer(tie).await.0, 204);
    assert!(crm.get(&contact).await.1["_parentcustomerid_value"].is_string());
    let untie = crm.request("DELETE", &format!("{account}/contact_customer_accounts/$ref?$id={}", encoded(&whole)));
    assert_eq!(answer(untie).await.0, 204);
    assert!(crm.get(&contact).await.1["_parentcustomerid_value"].is_null());
}

#[tokio::test]
async fn limits_are_told_with_their_code() {
    let crm = Crm::start().await;
    let fault = json!({ "path": "/contacts", "status": 429, "retry_after": 7 });
    let url = format!("{}/_sandbox/faults", crm.sandbox.dataverse_server.url());
    assert_eq!(answer(crm.client.post(url).json(&fault)).await.0, 204);
    let (status, headers, body) = answer(crm.request("GET", "contacts")).await;
    assert_eq!(
        (status, code(&body), &headers["retry-after"]),
        (429, "0x80072322", &"7".parse::<reqwest::header::HeaderValue>().unwrap())
    );
    assert_eq!(crm.get("contacts").await.0, 200);
}

#[tokio::test]
async fn registered_endpoints_are_told_of_changes() {
    use axum::extract::State;
    use std::sync::{Arc, Mutex};
    type Seen = Arc<Mutex<Vec<(String, String, Value)>>>;
    let crm = Crm::start().await;
    let seen: Seen = Seen::default();
    let take = async |State(seen): State<Seen>, uri: axum::http::Uri, headers: axum::http::HeaderMap, body: String| {
        let key = headers.get("x-hook").map(|key| key.to_str().unwrap().to_owned()).unwrap_or_default();
        seen.lock().unwrap().push((uri.to_string(), key, serde_json::from_str(&body).unwrap()));
        // The first one fails once.
        if seen.lock().unwrap().len() == 1 {
            axum::http::StatusCode::SERVICE_UNAVAILABLE
        } else {
            axum::http::StatusCode::OK
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hooks/crm", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(take).with_state(seen.clone());
    tokio::spawn(async move { axum::serve(listener, router).await });
    let step = |message: &str, filtering: &[&str]| Step {
        table: "contact".into(),
        message: message.into(),
        filtering: filtering.iter().map(|column| column.to_string()).collect(),
        images: true,
    };
    crm.sandbox.dataverse.register(Hook {
        url,
        key: HookKey::Header("x-hook".into(), "k3y".into()),
        steps: vec![step("Create", &[]), step("Update", &["emailaddress1"]), step("Delete", &[])],
    });
    let (_, contact) = crm
        .post("contacts", json!({ "lastname": "Doe", "gendercode": 2, "creditlimit": 10.5, "birthdate": "1990-01-01" }))
        .await;
    let id = contact["contactid"].as_str().unwrap();
    crm.patch(&format!("contacts({id})"), json!({ "jobtitle": "x" }), &[]).await;
    crm.sandbox.dataverse.change("contacts", id, r#"{"emailaddress1":"a@b.example"}"#, SELLER).unwrap();
    answer(crm.request("DELETE", &format!("contacts({id})"))).await;
    while crm.sandbox.dataverse.log.attempts().len() < 4 {
        tokio::task::yield_now().await;
    }
    let attempts = crm.sandbox.dataverse.log.attempts();
    let expected = [("Create contact", 503), ("Create contact", 200), ("Update contact", 200), ("Delete contact", 200)];
    assert_eq!(attempts, expected.map(|(what, status)| (what.to_owned(), Some(status))));
    let seen = seen.lock().unwrap();
    assert!(seen.iter().all(|(uri, key, _)| uri == "/hooks/crm" && key == "k3y"));
    let created = &seen[1].2;
    assert_eq!(created["InitiatingUserId"], credentials::DATAVERSE_APP_USER);
    let attributes = created["InputParameters"][0]["value"]["Attributes"].as_array().unwrap();
    let of = |name: &str| &attributes.iter().find(|attribute| attribute["key"] == name).unwrap()["value"];
    assert_eq!((&of("gendercode")["Value"], &of("creditlimit")["Value"]), (&json!(2), &json!(10.5)));
    assert_eq!(of("birthdate"), &json!("/Date(631152000000)/"));
    assert_eq!(seen[0].2["OperationId"], seen[1].2["OperationId"], "one event, told twice");
    assert_eq!((&seen[2].2["InitiatingUserId"], &seen[2].2["MessageName"]), (&json!(SELLER), &json!("Update")));
    assert_eq!(seen[3].2["InputParameters"][0]["value"]["Id"], json!(id));
}
