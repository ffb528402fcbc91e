//! How bodies are kept: as they are, or compressed when that helps. Every body has its codec and key id beside it, so
//! that compression and encryption can change without a migration.

use super::StoreError;

/// Smaller bodies are kept as they are.
const WORTH_IT: usize = 4096;
/// No body is larger; what claims to be is damaged.
const LIMIT: usize = 256 * 1024 * 1024;

/// A body as it lies in the store.
pub(super) struct Packed {
    pub codec: &'static str,
    pub key_id: &'static str,
    pub body: Vec<u8>,
}

/// Makes a body ready to be kept.
pub(super) fn pack(body: Vec<u8>) -> Packed {
    if body.len() >= WORTH_IT {
        let compressed = lz4_flex::block::compress_prepend_size(&body);
        if compressed.len() < body.len() {
            return Packed { codec: "lz4", key_id: "none", body: compressed };
        }
    }
    Packed { codec: "none", key_id: "none", body }
}

/// The body as it was given.
pub(super) fn unpack(codec: &str, key_id: &str, body: Vec<u8>) -> Result<Vec<u8>, StoreError> {
    if key_id != "none" {
        return Err(StoreError::Corrupt(format!("a body is encrypted with the unknown key `{key_id}`")));
    }
    match codec {
        "none" => Ok(body),
        "lz4" => {
            let damaged =
                |why: &dyn std::fmt::Display| StoreError::Corrupt(format!("a compressed body is damaged: {why}"));
            let (size, block) = lz4_flex::block::uncompressed_size(&body).map_err(|e| damaged(&e))?;
            if size > LIMIT || size / 255 > block.len() {
                return Err(damaged(&format_args!("it claims to have {size} bytes")));
            }
            lz4_flex::block::decompress(block, size).map_err(|e| damaged(&e))
        }
        _ => Err(StoreError::Corrupt(format!("a body has the unknown codec `{codec}`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_come_back_as_they_were() {
        for body in
            [Vec::new(), b"{\"a\":1.50}".to_vec(), b"ab".repeat(10_000), (0..=255).collect::<Vec<u8>>().repeat(9)]
        {
            let packed = pack(body.clone());
            assert!(packed.body.len() <= body.len());
            assert_eq!(unpack(packed.codec, packed.key_id, packed.body), Ok(body));
        }
        assert_eq!(pack(b"ab".repeat(10_000)).codec, "lz4");
    }

    #[test]
    fn damaged_bodies_are_refused_without_taking_memory() {
        for body in [vec![], vec![255; 4], vec![255, 255, 255, 255, 1, 2, 3]] {
            assert!(matches!(unpack("lz4", "none", body), Err(StoreError::Corrupt(_))));
        }
        assert!(matches!(unpack("zstd", "none", vec![]), Err(StoreError::Corrupt(_))));
        assert!(matches!(unpack("none", "k1", vec![]), Err(StoreError::Corrupt(_))));
    }
}
