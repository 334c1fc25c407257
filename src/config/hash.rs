//! A 128-bit hash for skipping equal subtrees. Fast, not cryptographic; what leaves this
//! module as a fingerprint is SHA-256.

/// The running state: two lanes of multiply-and-fold.
#[derive(Clone, Copy)]
pub(crate) struct Mix(u64, u64);

const A: u64 = 0x9e37_79b9_7f4a_7c15;
const B: u64 = 0xc2b2_ae3d_27d4_eb4f;

impl Mix {
    pub(crate) fn new(domain: u64) -> Self {
        Self(A ^ domain, B.rotate_left(17) ^ domain)
    }

    pub(crate) fn word(&mut self, w: u64) {
        self.0 = fold(self.0 ^ w, A);
        self.1 = fold(self.1.rotate_left(23) ^ w, B);
    }

    pub(crate) fn wide(&mut self, w: u128) {
        self.word(low(w));
        self.word(low(w >> 64));
    }

    pub(crate) fn text(&mut self, text: &str) {
        let mut chunks = text.as_bytes().chunks_exact(8);
        for chunk in &mut chunks {
            self.word(u64::from_le_bytes(
                chunk.try_into().expect("chunks of eight"),
            ));
        }
        let mut last = [0u8; 8];
        let rest = chunks.remainder();
        last[..rest.len()].copy_from_slice(rest);
        self.word(u64::from_le_bytes(last));
        self.word(text.len() as u64);
    }

    pub(crate) fn finish(mut self) -> u128 {
        self.word(A);
        self.word(B);
        (u128::from(self.0) << 64) | u128::from(self.1)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the low half is wanted")]
fn low(w: u128) -> u64 {
    w as u64
}

fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a | 1) * u128::from(b);
    low(product) ^ low(product >> 64) ^ a.rotate_left(32)
}

/// The hash of texts, boundaries included.
pub(crate) fn of(domain: u64, texts: &[&str]) -> u128 {
    let mut mix = Mix::new(domain);
    for text in texts {
        mix.text(text);
    }
    mix.finish()
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn boundaries_and_domains_count() {
        assert_ne!(of(0, &["ab", "c"]), of(0, &["a", "bc"]));
        assert_ne!(of(0, &["ab"]), of(1, &["ab"]));
        assert_ne!(of(0, &["ab\0"]), of(0, &["ab"]));
        assert_eq!(of(0, &["ab", "c"]), of(0, &["ab", "c"]));
    }

    #[test]
    fn many_similar_lines_do_not_collide() {
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..20_000 {
            assert!(seen.insert(of(3, &[&format!("ip route 10.{}.{}.0", i / 256, i % 256)])));
        }
    }
}
