//! Does what a device shows for a secret stand for the plaintext the intent names?
//!
//! Reversible forms are decoded, hashes are computed again with the salt the device shows. A
//! form that is unknown, malformed, keyed or too dear to compute is no difference: nobody can
//! tell. Neither text is printed, returned in an error or kept, and copies are wiped.

use data_encoding::{BitOrder, HEXUPPER_PERMISSIVE, Specification};
use md5::{Digest as _, Md5};
use pbkdf2::pbkdf2_hmac;
use sha_crypt::{Params, sha256_crypt, sha512_crypt};
use sha1::Sha1;
use sha2::{Sha256, Sha512};
use zeroize::Zeroizing;

/// What comparing a plaintext with what a device shows led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The device has the intended secret.
    Same,
    /// The device has another secret.
    Different,
    /// The form shown does not let anyone tell.
    Unverifiable,
}

/// A hash that takes more rounds is refused: a device must not be able to hold us up.
const MAX_ROUNDS: u32 = 1_000_000;
/// The same for bcrypt, whose cost is a power of two: about a second.
const MAX_COST: u32 = 14;
/// Passwords are shorter; what SHA-crypt costs grows with the square of the length.
const MAX_PLAIN: usize = 512;

/// Words that say that what follows is the plaintext itself.
const CLEAR: &[&str] = &[
    "0",
    "clear",
    "clear-text",
    "cleartext",
    "plain",
    "plain-text",
    "plaintext",
    "plaintext-password",
    "simple",
];

const CRYPT: &str = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BCRYPT: &str = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const STANDARD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Compares the plaintext `plain` with `shown`, the device's word without quotes. `kind` is
/// the type word that stood before it (`0`, `7`, `9`, `sha512`, `encrypted`, `ENC` ...) or
/// empty. Without a type word, an encrypted form that bears no mark of its own (`$6$`, `ENC `,
/// ` hash2` ...) cannot be told from a plaintext; then give any word that is no type.
#[must_use]
pub fn verify(kind: &str, shown: &str, plain: &str) -> Verdict {
    let kind = kind.to_ascii_lowercase();
    let equal = match scheme(shown) {
        _ if CLEAR.contains(&kind.as_str()) => clear(shown, plain),
        None if kind.is_empty() => clear(shown, plain),
        Some(_) if kind.is_empty() && shown == plain => Some(true),
        found => hidden(&kind, found, shown, plain),
    };
    match equal {
        Some(true) => Verdict::Same,
        Some(false) => Verdict::Different,
        None => Verdict::Unverifiable,
    }
}

/// What a secret says that is only written in another alphabet (Cisco's type 7, Junos'
/// `$9$`); `None` for everything else.
#[must_use]
pub fn readable(kind: &str, shown: &str) -> Option<Zeroizing<String>> {
    if kind == "7" || kind == "encrypted" {
        return decode7(shown);
    }
    shown.starts_with("$9$").then(|| decode9(shown)).flatten()
}

/// The text behind a Cisco type 7 secret, at any of its 53 offsets. `None` if it is not one.
#[must_use]
pub fn decode7(shown: &str) -> Option<Zeroizing<String>> {
    const KEY: &[u8] = b"dsfd;kfoA,.iyewrkldJKDHSUBsgvca69834ncxv9873254k;fg87";
    let (offset, body) = shown.split_at_checked(2)?;
    let digits = offset.bytes().all(|b| b.is_ascii_digit());
    let offset: usize = offset.parse().ok().filter(|n| digits && *n < KEY.len())?;
    let mut bytes = Zeroizing::new(HEXUPPER_PERMISSIVE.decode(body.as_bytes()).ok()?);
    for (byte, key) in bytes.iter_mut().zip(KEY.iter().cycle().skip(offset)) {
        *byte ^= key;
    }
    text(&bytes)
}

/// The text behind a Junos `$9$` secret. `None` if it is not one.
#[must_use]
pub fn decode9(shown: &str) -> Option<Zeroizing<String>> {
    const SYMBOLS: &[u8] = b"QzF3n6/9CAtpu0OB1IREhcSyrleKvMW8LXx7N-dVbwsY2g4oaJZGUDjiHkq.mPf5T";
    const WEIGHTS: [&[usize]; 7] = [
        &[1, 4, 32],
        &[1, 16, 32],
        &[1, 8, 32],
        &[1, 64],
        &[1, 32],
        &[1, 4, 16, 128],
        &[1, 32, 64],
    ];
    let code = |b| SYMBOLS.iter().position(|s| *s == b);
    let body = shown.strip_prefix("$9$")?.bytes();
    let codes = body.map(code).collect::<Option<Vec<usize>>>()?;
    let (mut last, rest) = codes.split_first()?;
    // The first symbol says how many symbols of filling follow.
    let filling = [15, 35, 55].iter().filter(|end| last < *end).count();
    let mut rest = rest.get(filling..)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(rest.len()));
    for weights in WEIGHTS.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (symbols, after) = rest.split_at_checked(weights.len())?;
        let mut value = 0;
        for (symbol, weight) in symbols.iter().zip(*weights) {
            let gap = (symbol + SYMBOLS.len() - last) % SYMBOLS.len();
            value += weight * gap.checked_sub(1)?;
            last = symbol;
        }
        bytes.push(u8::try_from(value % 256).ok()?);
        rest = after;
    }
    text(&bytes)
}

fn text(bytes: &[u8]) -> Option<Zeroizing<String>> {
    let text = std::str::from_utf8(bytes).ok().filter(|t| !t.is_empty())?;
    Some(Zeroizing::new(text.to_owned()))
}

/// Splits `$6$rest` into `6` and `rest`.
fn scheme(shown: &str) -> Option<(&str, &str)> {
    let (id, rest) = shown.strip_prefix('$')?.split_once('$')?;
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
    (!id.is_empty() && id.bytes().all(word)).then_some((id, rest))
}

fn clear(shown: &str, plain: &str) -> Option<bool> {
    (shown == plain || !veiled(shown)).then_some(shown == plain)
}

/// True of what is no plaintext although no type word says so: nothing, stars, `<removed>`,
/// SNMP's localised keys, and what FortiOS, Huawei and SR OS encrypt.
fn veiled(shown: &str) -> bool {
    let hex = |text: &str| text.len() >= 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
    shown.bytes().all(|b| b == b'*')
        || (shown.starts_with('<') && shown.ends_with('>'))
        || shown.strip_prefix("0x").is_some_and(hex)
        || ["ENC ", "%^%#", "%$%$", "%@%@"]
            .iter()
            .any(|m| shown.starts_with(m))
        || [" hash", " hash2", " custom"]
            .iter()
            .any(|m| shown.ends_with(m))
}

/// Decodes or computes. A difference is only believed of ASCII texts: what bytes a device made
/// of other characters is not known.
fn hidden(kind: &str, scheme: Option<(&str, &str)>, shown: &str, plain: &str) -> Option<bool> {
    if plain.len() > MAX_PLAIN || plain.contains('\0') {
        return None;
    }
    let equal = match (scheme, kind) {
        (Some((id, rest)), _) => hashed(id, rest, shown, plain),
        (None, "4") => {
            let shown = base64(CRYPT, BitOrder::MostSignificantFirst, shown, 32)?;
            Some(Sha256::digest(plain)[..] == shown[..])
        }
        (None, "7") if rotated(shown, plain) => Some(true),
        // IOS XR calls its type 7 `encrypted`.
        (None, "7" | "encrypted") => decoded(decode7(shown), plain),
        (None, _) => None,
    };
    equal.filter(|equal| *equal || plain.is_ascii())
}

/// The type 7 of NX-OS rotates letters. That rests on published examples only: what does not
/// come out this way may still be the same.
fn rotated(shown: &str, plain: &str) -> bool {
    const STEPS: [u8; 26] = [
        3, 22, 4, 5, 18, 0, 21, 5, 18, 3, 10, 5, 16, 22, 4, 16, 24, 17, 12, 5, 21, 18, 5, 22, 19, 7,
    ];
    let rotate = |(byte, step): (u8, &u8)| match byte {
        b'a'..=b'z' => (byte - b'a' + step) % 26 + b'a',
        b'A'..=b'Z' => (byte - b'A' + step) % 26 + b'A',
        _ => byte,
    };
    let rotated = plain.bytes().zip(STEPS.iter().cycle()).map(rotate);
    !plain.is_empty() && rotated.eq(shown.bytes())
}

/// Other platforms write keyed ciphers under the same type words. What one of those decodes to
/// is hardly ever printable.
fn decoded(text: Option<Zeroizing<String>>, plain: &str) -> Option<bool> {
    let text = text?;
    let equal = *text == plain;
    let printable = text.bytes().all(|b| matches!(b, b' '..=b'~'));
    (equal || printable).then_some(equal)
}

fn hashed(id: &str, rest: &str, shown: &str, plain: &str) -> Option<bool> {
    let bytes = plain.as_bytes();
    match id {
        "0" => Some(rest == plain),
        "1" => md5_crypt(rest, bytes),
        "2a" | "2b" | "2y" => bcrypt(rest, bytes),
        "5" => sha_crypt(rest, &ORDER_256, |salt, params| {
            sha256_crypt(bytes, salt, params)
        }),
        "6" => sha_crypt(rest, &ORDER_512, |salt, params| {
            sha512_crypt(bytes, salt, params)
        }),
        "9" if !rest.contains('$') => decoded(decode9(shown), plain),
        "8" | "9" | "nx-pbkdf2" | "nx-scrypt" => cisco(id, rest, bytes),
        _ => pbkdf2(id, rest, bytes),
    }
}

/// Cisco types 8 and 9. IOS uses the salt's 14 characters as they stand, NX-OS decodes them.
fn cisco(id: &str, rest: &str, plain: &[u8]) -> Option<bool> {
    let (salt, shown) = rest.split_once('$').filter(|(salt, _)| salt.len() == 14)?;
    let shown = base64(CRYPT, BitOrder::MostSignificantFirst, shown, 32)?;
    let nexus = id.starts_with("nx-");
    let salt = if nexus {
        base64(CRYPT, BitOrder::MostSignificantFirst, salt, 10)?
    } else {
        salt.into()
    };
    let mut hash = [0; 32];
    if matches!(id, "8" | "nx-pbkdf2") {
        pbkdf2_hmac::<Sha256>(plain, &salt, 20_000, &mut hash);
    } else {
        let params = scrypt::Params::new(14, if nexus { 8 } else { 1 }, 1).ok()?;
        scrypt::scrypt(plain, &salt, &params, &mut hash).ok()?;
    }
    Some(hash[..] == shown[..])
}

/// `$pbkdf2-DIGEST$ROUNDS$SALT$HASH` as passlib writes it, with `i=ROUNDS,l=LENGTH` as PHC
/// strings do, and `$sha512$5000$SALT$HASH` of the Cisco ASA.
fn pbkdf2(id: &str, rest: &str, plain: &[u8]) -> Option<bool> {
    let mut parts = rest.split('$');
    let (rounds, salt, shown) = (parts.next()?, parts.next()?, parts.next()?);
    let named = rounds.split(',').find_map(|p| p.strip_prefix("i="));
    let rounds: u32 = named.unwrap_or(rounds).parse().ok()?;
    if parts.next().is_some() || !(1..=MAX_ROUNDS).contains(&rounds) {
        return None;
    }
    let (salt, shown) = (standard(salt)?, standard(shown)?);
    let mut hash = vec![0; shown.len()];
    match (id, hash.len()) {
        ("pbkdf2" | "pbkdf2-sha1", 20) => pbkdf2_hmac::<Sha1>(plain, &salt, rounds, &mut hash),
        ("pbkdf2-sha256", 32) => pbkdf2_hmac::<Sha256>(plain, &salt, rounds, &mut hash),
        ("pbkdf2-sha512", 64) | ("sha512", 16) => {
            pbkdf2_hmac::<Sha512>(plain, &salt, rounds, &mut hash);
        }
        _ => return None,
    }
    Some(hash == shown)
}

fn bcrypt(rest: &str, plain: &[u8]) -> Option<bool> {
    let (cost, body) = rest.split_once('$')?;
    let cost: u32 = cost.parse().ok().filter(|c| (4..=MAX_COST).contains(c))?;
    let (salt, shown) = body.split_at_checked(22)?;
    let salt = base64(BCRYPT, BitOrder::MostSignificantFirst, salt, 16)?;
    let shown = base64(BCRYPT, BitOrder::MostSignificantFirst, shown, 23)?;
    let mut key = Zeroizing::new(Vec::with_capacity(plain.len() + 1));
    key.extend_from_slice(plain);
    key.push(0);
    key.truncate(72);
    let hash = bcrypt::bcrypt(cost, salt.try_into().ok()?, &key);
    Some(hash[..23] == shown[..])
}

fn sha_crypt<const N: usize>(
    rest: &str,
    order: &[usize; N],
    hash: impl Fn(&[u8], Params) -> [u8; N],
) -> Option<bool> {
    let (rounds, rest) = match rest.strip_prefix("rounds=") {
        Some(rest) => rest.split_once('$')?,
        None => ("5000", rest),
    };
    let rounds = rounds.parse().ok().filter(|n| *n <= MAX_ROUNDS)?;
    let params = Params::new(rounds).ok()?;
    let (salt, shown) = rest.split_once('$').filter(|(salt, _)| salt.len() <= 16)?;
    let shown = base64(CRYPT, BitOrder::LeastSignificantFirst, shown, N)?;
    let hash = hash(salt.as_bytes(), params);
    Some(order.iter().map(|at| hash[*at]).eq(shown))
}

/// Poul-Henning Kamp's MD5 crypt: Cisco type 5, old Junos, NX-OS and EOS.
fn md5_crypt(rest: &str, plain: &[u8]) -> Option<bool> {
    const ORDER: [usize; 16] = [12, 6, 0, 13, 7, 1, 14, 8, 2, 15, 9, 3, 5, 10, 4, 11];
    let (salt, shown) = rest.split_once('$').filter(|(salt, _)| salt.len() <= 8)?;
    let shown = base64(CRYPT, BitOrder::LeastSignificantFirst, shown, 16)?;
    let join = |parts: &[&[u8]]| {
        let begun = Md5::new();
        parts.iter().fold(begun, |md5, part| md5.chain_update(part))
    };
    let salt = salt.as_bytes();
    let inner = join(&[plain, salt, plain]).finalize();
    let mut outer = join(&[plain, b"$1$", salt]);
    for chunk in plain.chunks(inner.len()) {
        outer.update(&inner[..chunk.len()]);
    }
    let mut length = plain.len();
    while length > 0 {
        outer.update(if length & 1 == 1 { b"\0" } else { &plain[..1] });
        length >>= 1;
    }
    let mut hash = outer.finalize();
    for round in 0..1000 {
        let odd = round % 2 == 1;
        hash = join(&[
            if odd { plain } else { &hash },
            if round % 3 == 0 { b"" } else { salt },
            if round % 7 == 0 { b"" } else { plain },
            if odd { &hash } else { plain },
        ])
        .finalize();
    }
    Some(ORDER.iter().map(|at| hash[*at]).eq(shown))
}

/// In which order SHA-256-crypt writes the bytes of its hash.
const ORDER_256: [usize; 32] = [
    20, 10, 0, 11, 1, 21, 2, 22, 12, 23, 13, 3, 14, 4, 24, 5, 25, 15, 26, 16, 6, 17, 7, 27, 8, 28,
    18, 29, 19, 9, 30, 31,
];

/// In which order SHA-512-crypt writes the bytes of its hash.
const ORDER_512: [usize; 64] = [
    42, 21, 0, 1, 43, 22, 23, 2, 44, 45, 24, 3, 4, 46, 25, 26, 5, 47, 48, 27, 6, 7, 49, 28, 29, 8,
    50, 51, 30, 9, 10, 52, 31, 32, 11, 53, 54, 33, 12, 13, 55, 34, 35, 14, 56, 57, 36, 15, 16, 58,
    37, 38, 17, 59, 60, 39, 18, 19, 61, 40, 41, 20, 62, 63,
];

/// Decodes unpadded base64 of `len` bytes. Bits left over in the last character are ignored:
/// bcrypt salts in use have them.
fn base64(symbols: &str, order: BitOrder, text: &str, len: usize) -> Option<Vec<u8>> {
    decode(symbols, order, text).filter(|bytes| bytes.len() == len)
}

/// Decodes base64 with or without padding; passlib writes `.` for `+`.
fn standard(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').replace('.', "+");
    decode(STANDARD, BitOrder::MostSignificantFirst, &text)
}

fn decode(symbols: &str, order: BitOrder, text: &str) -> Option<Vec<u8>> {
    let mut spec = Specification::new();
    spec.symbols.push_str(symbols);
    spec.bit_order = order;
    spec.check_trailing_bits = false;
    spec.encoding().ok()?.decode(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::{Verdict, decode7, decode9, verify};

    /// Type word, what is shown, plaintext. From devices (IOS XE, NX-OS, Junos, SR OS), hashcat,
    /// the SHA-crypt specification and Crypt::Juniper; what is for `netkeel` was made with
    /// passlib and Python's hashlib.
    const KNOWN: &str = r"
 | public | public
0 | $6$looks$like | $6$looks$like
 | $0$open | open
4 | LcV6aBcc/53FoCJjXQMd7rBUDEpeevrK8V5jQVoJEhU | password
4 | 2btjjy78REtmYkkW0csHUbJZOstRXoWdX1mGrmmfeHI | hashcat
5 | $1$u5Qz$ASoUsdGV2sOmi8XYkTuex1 | 0foo0
5 | $1$Awu/$1X3gez8VPPh9.McBXfA1.. | 1foo1
5 | $1$28772684$iEwNOgGugqO9.bIz5sk8k/ | hashcat
 | $1$Nk./09az$RYvPhF.ngHFWAQ5eBpy4.1 | a much longer password than sixteen
7 | 070C285F4D06 | cisco
7 | 0822455d0a16 | cisco
encrypted | 094F471A1A0A | cisco
8 | $8$TnGX/fE4KGHOVU$pEhnEvxrvaynpi8j4f.EMHr6M.FzU8xnZnBr/tJdFWk | hashcat
8 | $nx-pbkdf2$hhbDfWghBSrkpE$6Whp10GyRx8J82oTUHJ.Z3WBV2TtmqISWXZ/pFFvDx2 | admin
9 | $9$2MJBozw/9R3UsU$2lFhcKvpghcyw8deP25GOfyZaagyUOGBymkryvOdfo6 | hashcat
9 | $9$plz/kf0e3.dns.$cKvJDd6bXmyaUWdx42dgcRwpdDs0djBEqzjlmMbYEW6 | 0foo0
9 | $nx-scrypt$1hYvWojAYSY7nk$fHkseAeAtlTv8az4j1/HuwOAVwWxK9bIrSTHy4wdOiU | admin
 | $9$LbHX-wg4Z | lc
 | $9$41JDk5T3CpBFnCuB1rl8X7-VYq.5 | netscreen
 | $9$wysoJmPQ/A0mf9pu0cSvWL7b2goJ | 0juniper0
 | $9$Qabc39pIRSKWx0BclKMN-ZUjHmfz390ORjHtO1RleoJGUDi69p0O1 | netkeel-secret ~!
5 | $5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5 | Hello world!
5 | $5$OMJELK$bZ.rikTqhYHhWZ5jw.MbtPpKivz8eSKnIHTLN9b4zXD | admin
 | $5$rounds=10000$0123456789abcdef$jb1m3B2puSWSQfvaH.1N12JSMlNKYtXhhPabWXeEjx9 | netkeel
 | $6$R/EOMusB$JgxbO9XSJG/ElhaEZlXZHqwpGNqVgnEEKkpFpx3qJltjfB7dRBJUrhGNfPv43o/FPv6187SpmeRjClqbaN03f/ | 0juniper0
sha512 | $6$netkeelsalt$Prafhzn3B/c4QdvrUJfc/Y.0MRRLTkECjZMv/jl7PLLpamHzlv76uCEuGCXi7xMiUzAI0EcN5420R/qLqUD6T/ | netkeel
encrypted-password | $6$rounds=1000$nk$GcFdpJE7T.Q3/lQ3hOzVyUQXqcYa63kOP8PccGaPAXpslEE1G6eH9iEibEvngzJW5Hv5I0gul6/bFBNObUJG8. | netkeel
 | $2a$04$N9qo8uLOickgx2ZMRZoMyeZ.VhxGTVpoQxzbGwweSTHaFdB2xJfmC | netkeel
 | $2b$04$N9qo8uLOickgx2ZMRZoMyeZ.VhxGTVpoQxzbGwweSTHaFdB2xJfmC | netkeel
 | $2y$10$TQrZlpBDra86.qoexZUzQeBXDY1FcdDhGWdD9lLxMuFyPVSm0OGy6 | admin
 | $pbkdf2$1000$AAECAwQFBgcICQoLDA0OD/v/$fv5vAtoLXby7ITRtmLLzvdZg1oQ | netkeel
 | $pbkdf2-sha256$1000$AAECAwQFBgcICQoLDA0OD/v/$oufMVE4Z/yJfZLnYFtgs6GeiMB9YS9E6876Mne0bMFY | netkeel
 | $pbkdf2-sha256$i=1000,l=32$AAECAwQFBgcICQoLDA0ODw$exa6rS5jMuXz0aZyrDpfOAEPVQiyJCEBzLEqTI35tdo | netkeel
 | $pbkdf2-sha512$1000$AAECAwQFBgcICQoLDA0OD/v/$n2qB.Qvyr3smcBy7RIN2hL9FFgFXilF9zSKAGE1BtCKSbiG3CHvSMCGpCLKo943vOM/iijXVgIwSiCketFciMg | netkeel
pbkdf2 | $sha512$5000$AAECAwQFBgcICQoLDA0ODw==$UzxZO7TDbTLUbqxewDSVYg== | netkeel
";

    /// Keyed, of an unknown kind, masked, malformed or too dear: type word and what is shown.
    const UNKNOWN: &str = r"
6 | JDYkqyIFWeBvzpljSfWmRZrmRSRE8
7 | xWx6Rz0a2wOoDfnUtCq5VA==
7 | fewhg123
7 | 5370
7 | 00FFFF
8 | WuN0UOEsh./0U
8a | $1c$sTNAlR6rKSw=
ENC | SH2MCKr6kt9rLQKbn/YTlncOnR6OtcJ1YL/h8hw2wWicjSRf3bbkSrL+q6cDpg=
 | ENC AK1KuvSsiaihHvHTUbZMAk4C28cMLyGDZSUGqaAsZ0fjOw=
 | 7NcYcNGWMxapfjrDQIyYNTK0svJHSTQ= hash2
 | 0xae1ce6960bebc43d6e476a111c3fc209
 | %^%#k2{Yw]5^%#
 | ********
 | <removed>
 | 
 | $8$aes256-gcm$hmac-sha2-256$100$y/4YMC4YDLU$fzYDI4jjN6YCyQsYLsaf8A$Ilu4jLcZarD9YnyD
 | $y$j9T$F5Jx5fExrKuPp53xLKQ..1$X3DX6M94c7o.9agCG9G317fhZg9SqC.5i5rd.RhAtQ7
9 | $14$mERr$Q1rk2LZFYlT2$hx5rVt7rPNoS4wqbXKX7m0
5 | $1$abcd$1234567890abcdefghijk
5 | $1$abcdefghi$ASoUsdGV2sOmi8XYkTuex1
 | $9$
 | $9$QQQQQQQ
 | $9$LbHX-wg4
 | $9$Lä
 | $2x$04$N9qo8uLOickgx2ZMRZoMyeZ.VhxGTVpoQxzbGwweSTHaFdB2xJfmC
 | $2b$03$N9qo8uLOickgx2ZMRZoMyeZ.VhxGTVpoQxzbGwweSTHaFdB2xJfmC
 | $2b$15$N9qo8uLOickgx2ZMRZoMyeZ.VhxGTVpoQxzbGwweSTHaFdB2xJfmC
 | $5$rounds=999$0123456789abcdef$jb1m3B2puSWSQfvaH.1N12JSMlNKYtXhhPabWXeEjx9
 | $5$rounds=1000001$0123456789abcdef$jb1m3B2puSWSQfvaH.1N12JSMlNKYtXhhPabWXeEjx9
 | $5$rounds=99999999999$0123456789abcdef$jb1m3B2puSWSQfvaH.1N12JSMlNKYtXhhPabWXeEjx9
 | $pbkdf2-sha256$0$AAECAwQFBgcICQoLDA0OD/v/$oufMVE4Z/yJfZLnYFtgs6GeiMB9YS9E6876Mne0bMFY
 | $pbkdf2-sha256$1000001$AAECAwQFBgcICQoLDA0OD/v/$oufMVE4Z/yJfZLnYFtgs6GeiMB9YS9E6876Mne0bMFY
";

    fn rows<const N: usize>(table: &'static str) -> impl Iterator<Item = [&'static str; N]> {
        let row = |line: &'static str| {
            let cells: Vec<&str> = line.split(" | ").map(str::trim).collect();
            cells.try_into().expect("a cell for each column")
        };
        table.lines().skip(1).map(row)
    }

    #[test]
    fn a_known_form_is_verified() {
        for [kind, shown, plain] in rows(KNOWN) {
            assert_eq!(verify(kind, shown, plain), Verdict::Same, "{shown}");
            let other = format!("{plain}x");
            assert_eq!(verify(kind, shown, &other), Verdict::Different, "{shown}");
        }
    }

    #[test]
    fn any_other_form_is_unverifiable() {
        for [kind, shown] in rows(UNKNOWN) {
            let verdict = verify(kind, shown, "netkeel");
            assert_eq!(verdict, Verdict::Unverifiable, "{shown}");
        }
        let shown = "$1$u5Qz$ASoUsdGV2sOmi8XYkTuex1";
        for plain in ["x".repeat(513), "0foo0\0".into()] {
            assert_eq!(verify("5", shown, &plain), Verdict::Unverifiable);
        }
    }

    #[test]
    fn a_mangled_text_is_never_the_same_and_never_a_panic() {
        for [kind, shown, plain] in rows(KNOWN) {
            for end in 0..shown.len() {
                for junk in ["", "$", "\u{2020}"] {
                    let mangled = format!("{}{junk}", &shown[..end]);
                    let verdict = verify(kind, &mangled, plain);
                    let padding = shown.trim_end_matches('=') == mangled.trim_end_matches('=');
                    assert!(padding || verdict != Verdict::Same, "{mangled}");
                }
            }
        }
    }

    #[test]
    fn the_letters_of_an_nx_os_type_7_are_turned() {
        assert_eq!(verify("7", "fewhg123", "cisco123"), Verdict::Same);
        assert_eq!(verify("7", "fewhg123", "cisco124"), Verdict::Unverifiable);
    }

    #[test]
    fn bcrypt_reads_72_bytes() {
        let shown = "$2b$04$N9qo8uLOickgx2ZMRZoMyeIS0Q2M9FDHU2Ep4nz8d8NtO5889Yxsi";
        assert_eq!(verify("", shown, &"y".repeat(72)), Verdict::Same);
        assert_eq!(verify("", shown, &"y".repeat(80)), Verdict::Same);
        assert_eq!(verify("", shown, &"y".repeat(71)), Verdict::Different);
    }

    #[test]
    fn a_difference_in_other_characters_than_ascii_is_not_believed() {
        let shown = "$1$Nk./09az$YIYszXdzFwDEOwU.47m1G1";
        assert_eq!(verify("5", shown, "p\u{e4}ssword"), Verdict::Same);
        assert_eq!(verify("5", shown, "p\u{f6}ssword"), Verdict::Unverifiable);
        assert_eq!(verify("5", shown, "password"), Verdict::Different);
    }

    #[test]
    fn type_7_is_decoded_at_every_offset() {
        for shown in [
            "000A16120F5E0E0A4232494D1B1C11",
            "011D0310500E03036C5F4B0A0B0003",
            "07012458450C1C095A010E0F162F3F",
            "151C0E180F2F2E2865203021010202",
            "40575D4358575058464803044A5210",
            "525901070D015E074B1C244F5C0C0D",
        ] {
            assert_eq!(decode7(shown).expect("decodes").as_str(), "netkeel-secret");
        }
        let wraps = "031E41111C153B565413031F0D0811161E30313E32292F38091D0C191B4C4342494E1419020C\
                     43424D49484F4E11411C1D424D1E091C1E41111C153B56";
        assert_eq!(decode7(wraps).expect("decodes").as_str(), "z".repeat(60));
        for bad in ["", "0", "07", "+701", "530A", "070", "07zz", "\u{20ac}070C"] {
            assert!(decode7(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn junos_9_is_decoded_whatever_its_filling() {
        for shown in [
            "$9$Qabc39pIRSKWx0BclKMN-ZUjHmfz390ORjHtO1RleoJGUDi69p0O1",
            "$9$1abEyKXxdY4ZM8-wYgUDz369p0IEyMWx69eWLxws5QF3n/cyKMWL",
            "$9$NaVYoDjq5z6JGkP5Q9CcylK8X-VYJZjlK4ZUjPfRhSyrewYoJZU",
            "$9$iqfz9CuIhr36pBIEeKbs24ZUHqf3nC24Qn/CB1-VwsYgmfz3n/",
        ] {
            let text = decode9(shown).expect("decodes");
            assert_eq!(text.as_str(), "netkeel-secret ~!");
        }
        let umlaut = decode9("$9$nnet6tOREe8LdlKoGikQzIEcrMXdVY").expect("decodes");
        assert_eq!(umlaut.as_str(), "p\u{e4}ssword");
    }
}
