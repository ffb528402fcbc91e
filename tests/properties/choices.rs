//! Bytes as a row of choices: what proptest and a fuzzer give alike. Where they end, every choice is the first one, so
//! whoever chooses puts the simplest first and comes to an end.

pub struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Choices<'a> {
        Choices { bytes }
    }

    pub fn byte(&mut self) -> u8 {
        match self.bytes.split_first() {
            Some((first, rest)) => {
                self.bytes = rest;
                *first
            }
            None => 0,
        }
    }

    /// One of `0..count`; 0 where there is nothing to choose from.
    pub fn below(&mut self, count: usize) -> usize {
        match count {
            0 | 1 => 0,
            2..=256 => self.byte() as usize % count,
            _ => (usize::from(self.byte()) << 16 | usize::from(self.byte()) << 8 | usize::from(self.byte())) % count,
        }
    }

    /// True so many times in a hundred; false where there are no choices left.
    pub fn chance(&mut self, percent: u8) -> bool {
        u16::from(self.byte()) * 100 / 256 >= 100 - u16::from(percent)
    }

    pub fn one_of<T: Clone>(&mut self, these: &[T]) -> T {
        these[self.below(these.len())].clone()
    }

    /// What was not chosen from yet.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.bytes)
    }

    pub fn is_over(&self) -> bool {
        self.bytes.is_empty()
    }
}
