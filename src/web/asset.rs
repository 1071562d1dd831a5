//! The static files, embedded in the binary and served under the hash of their content, to be cached for ever.

use std::sync::OnceLock;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use rust_embed::RustEmbed;
use sha2::{Digest, Sha256};

use super::error::PageError;
use super::layout::Assets;

#[derive(RustEmbed)]
#[folder = "static/"]
struct Files;

/// The content-hashed URLs of the files that pages link to.
pub(super) fn urls() -> Assets {
    static URLS: OnceLock<Assets> = OnceLock::new();
    URLS.get_or_init(|| Assets {
        css: url("app.css"),
        js: url("app.js"),
        icons: url("icons.svg"),
        favicon: url("favicon.svg"),
    })
    .clone()
}

fn url(name: &str) -> String {
    format!("/static/{}/{name}", hash(name).unwrap_or_default())
}

fn hash(name: &str) -> Option<String> {
    let file = Files::get(name)?;
    let mut digest = base16ct::lower::encode_string(&Sha256::digest(&file.data));
    digest.truncate(12);
    Some(digest)
}

/// `GET /static/{hash}/{name}`.
pub(super) async fn file(path: web::Path<(String, String)>) -> Result<HttpResponse, PageError> {
    let (wanted, name) = path.into_inner();
    let missing = || PageError::NotFound("file of that name".to_owned());
    let file = Files::get(&name).ok_or_else(missing)?;
    // Another hash is another version of the program: serving ours under it would be cached for ever.
    if hash(&name).as_deref() != Some(wanted.as_str()) {
        return Err(missing());
    }
    let kind = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    };
    Ok(HttpResponse::Ok()
        .insert_header((header::CONTENT_TYPE, kind))
        .insert_header((header::CACHE_CONTROL, "public, max-age=31536000, immutable"))
        .body(file.data.into_owned()))
}
