//! Base64, digests, identifiers.

use minijinja::value::Kwargs;
use minijinja::{Error, Value};
use sha2::Digest as _;

use super::{Registry, fault};

const PLAIN: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The name space of Ansible's `to_uuid`.
const ANSIBLE_SPACE: [u8; 16] = [
    0x36, 0x1e, 0x6d, 0x51, 0xfa, 0xec, 0x44, 0x4a, 0x90, 0x79, 0x34, 0x13, 0x86, 0xda, 0x8e, 0x2e,
];

pub(super) fn register(registry: &mut Registry<'_>) {
    registry.filter("b64encode", b64encode);
    registry.filter("b64decode", b64decode);
    registry.filter("hash", hash);
    registry.filter("hash_data", |text: &str, kind: &str| hash(text, Some(kind)));
    registry.filter("md5", |text: String| digest(&text, "md5"));
    registry.filter("sha1", |text: String| digest(&text, "sha1"));
    registry.filter("checksum", |text: String| digest(&text, "sha1"));
    registry.filter("to_uuid", to_uuid);
}

fn alphabet(options: &Kwargs) -> Result<&'static [u8; 64], Error> {
    let url_safe = options.get::<Option<bool>>("urlsafe")?.unwrap_or(false);
    options.assert_all_used()?;
    Ok(if url_safe { URL_SAFE } else { PLAIN })
}

fn b64encode(text: String, options: Kwargs) -> Result<String, Error> {
    let alphabet = alphabet(&options)?;
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let mut bits = 0_u32;
        for i in 0..3 {
            bits = bits << 8 | u32::from(chunk.get(i).copied().unwrap_or(0));
        }
        for i in 0..4 {
            let six = (bits >> (18 - 6 * i)) & 63;
            out.push(if i <= chunk.len() {
                char::from(alphabet[six as usize])
            } else {
                '='
            });
        }
    }
    Ok(out)
}

fn b64decode(text: &str, options: Kwargs) -> Result<String, Error> {
    let alphabet = alphabet(&options)?;
    let bad = || fault("b64decode: the text is not base64");
    // Python's decoder passes over line breaks.
    let clean: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    if !clean.len().is_multiple_of(4) {
        return Err(bad());
    }
    let body = clean
        .strip_suffix(b"==")
        .or_else(|| clean.strip_suffix(b"="))
        .unwrap_or(&clean);
    let mut out = Vec::new();
    for chunk in body.chunks(4) {
        let mut bits = 0_u32;
        for byte in chunk {
            let six = alphabet.iter().position(|a| a == byte).ok_or_else(bad)?;
            bits = bits << 6 | u32::try_from(six).unwrap_or(0);
        }
        bits <<= 6 * (4 - chunk.len());
        let [_, a, b, c] = bits.to_be_bytes();
        out.extend_from_slice(&[a, b, c][..chunk.len().saturating_sub(1)]);
    }
    String::from_utf8(out).map_err(|_| fault("b64decode: the decoded bytes are not UTF-8 text"))
}

fn hash(text: &str, kind: Option<&str>) -> Result<String, Error> {
    digest(text, kind.unwrap_or("sha1"))
}

fn digest(text: &str, kind: &str) -> Result<String, Error> {
    let bytes = text.as_bytes();
    Ok(match kind {
        "md5" => hex(&md5::Md5::digest(bytes)),
        "sha1" => hex(&sha1::Sha1::digest(bytes)),
        "sha224" => hex(&sha2::Sha224::digest(bytes)),
        "sha256" => hex(&sha2::Sha256::digest(bytes)),
        "sha384" => hex(&sha2::Sha384::digest(bytes)),
        "sha512" => hex(&sha2::Sha512::digest(bytes)),
        _ => {
            return Err(fault(format!(
                "unknown hash `{kind}`; there are md5, sha1, sha224, sha256, sha384, sha512"
            )));
        }
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
            for half in [byte >> 4, byte & 15] {
                out.push(char::from_digit(u32::from(half), 16).unwrap_or('0'));
            }
            out
        })
}

/// A name-based identifier (RFC 9562, version 5).
fn to_uuid(value: &Value) -> String {
    let mut bytes = ANSIBLE_SPACE.to_vec();
    bytes.extend_from_slice(value.to_string().as_bytes());
    let mut id = sha1::Sha1::digest(&bytes).to_vec();
    id.truncate(16);
    id[6] = (id[6] & 0x0f) | 0x50;
    id[8] = (id[8] & 0x3f) | 0x80;
    let text = hex(&id);
    format!(
        "{}-{}-{}-{}-{}",
        &text[..8],
        &text[8..12],
        &text[12..16],
        &text[16..20],
        &text[20..]
    )
}
