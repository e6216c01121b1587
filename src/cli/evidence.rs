//! `dispatch evidence add`: a file becomes proof of work.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::error::CliError;
use super::session::Session;
use super::usage::uuid;
use crate::domain::canonical::sha256_hex;
use crate::engine::{Call, MAX_OBJECT, uri_of};

/// Add proof of work to a ticket
#[derive(Debug, Args)]
pub struct EvidenceArgs {
    #[command(subcommand)]
    command: EvidenceCommand,
}

#[derive(Debug, Subcommand)]
enum EvidenceCommand {
    /// Keep a file in the object store and add it to a ticket, with its SHA-256
    #[command(
        after_help = "Example:\n  echo 'Latch aligned, 20 cycles tested.' > note.txt\n  dispatch --demo evidence add T-10001 note.txt --key note_adjustments_and_test_cycles"
    )]
    Add {
        /// Number, id, or source:id of an import
        ticket: String,
        /// The file: at most 25 MB
        file: PathBuf,
        /// The evidence key that it meets
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        /// What it is [default: PHOTO for images, SIGNATURE for the signature's key, else NOTE]
        #[arg(long, value_name = "KIND")]
        kind: Option<String>,
        /// The request id: the same id again does nothing twice
        #[arg(long, value_name = "UUID", value_parser = uuid)]
        request_id: Option<Uuid>,
    },
}

/// Runs `dispatch evidence`.
pub async fn run(session: &mut Session, args: EvidenceArgs) -> Result<u8, CliError> {
    let EvidenceCommand::Add { ticket, file, key, kind, request_id } = args.command;
    let what = format!("the file {}", file.display());
    let about = std::fs::metadata(&file).map_err(CliError::io(&what))?;
    if !about.is_file() {
        return Err(CliError::Usage(format!("{what} is not an ordinary file. Name one that is.")));
    }
    if about.len() > MAX_OBJECT {
        return Err(CliError::Usage(format!(
            "{what} is larger than {} MB, the most evidence may be. Make it smaller, or split it.",
            MAX_OBJECT >> 20
        )));
    }
    let bytes = std::fs::read(&file).map_err(CliError::io(&what))?;
    let caller = session.caller()?;
    let desk = session.desk().await?;
    // The call is judged first: a file of a call that is refused is not kept.
    let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let kind = kind.unwrap_or_else(|| usual_kind(&name, key.as_deref()).to_owned());
    let checksum = sha256_hex(&bytes);
    let mut payload = Map::new();
    payload.insert("kind".into(), kind.into());
    payload.insert("uri".into(), uri_of(&checksum).into());
    payload.insert("checksum".into(), checksum.into());
    if let Some(key) = key {
        payload.insert("evidence_key".into(), key.into());
    }
    payload.insert("metadata".into(), serde_json::json!({"file_name": name, "bytes": bytes.len()}));
    let mut call = Call::new(&caller, "closeout.add_evidence", Some(&ticket), Value::Object(payload));
    desk.preview(call.clone()).await?;
    desk.upload(&caller, &bytes).await?;
    if let Some(id) = request_id {
        call = call.request_id(id);
    }
    let reply = desk.call(call).await?;
    session.out.body(&reply.body)?;
    Ok(0)
}

fn usual_kind(name: &str, key: Option<&str>) -> &'static str {
    let extension = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    if key == Some(crate::domain::closeout::SIGNATURE_KEY) {
        "SIGNATURE"
    } else if ["jpg", "jpeg", "png", "gif", "webp", "heic", "tif", "tiff", "bmp"].contains(&extension.as_str()) {
        "PHOTO"
    } else {
        "NOTE"
    }
}
