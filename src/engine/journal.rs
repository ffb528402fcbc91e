pub(crate) fn request_text(request: &super::connector::Request) -> Result<String, ()> {
    Ok(format!("{request:?}"))
}
