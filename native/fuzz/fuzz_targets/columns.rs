//! Columns as JavaScript hands them over, right or wrong, and what they hold by the plainest means.

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use millrace_core::{ColumnsError, Items, Kind, KindNumbers, KindView, View};

use crate::modelled::Modelled;

/// Items end to end in `bytes`, item `i` ending before `ends[i]`.
#[derive(Debug)]
pub struct Columns {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    kinds: Kinds,
}

#[derive(Debug)]
enum Kinds {
    One(u8),
    Each(Vec<u8>),
}

impl Columns {
    /// Whatever the input says: hardly ever right.
    pub fn any(input: &mut Unstructured) -> Result<Self> {
        let kinds = if input.arbitrary()? { Kinds::One(input.arbitrary()?) } else { Kinds::Each(input.arbitrary()?) };
        Ok(Columns { ends: input.arbitrary()?, bytes: input.arbitrary()?, kinds })
    }

    /// The columns of `items`, which are right unless one number is made wrong.
    pub fn of(items: &[Modelled], input: &mut Unstructured) -> Result<Self> {
        let mut bytes = Vec::new();
        let mut ends = Vec::new();
        for item in items {
            bytes.extend_from_slice(&item.blob);
            ends.push(u32::try_from(bytes.len()).expect("a small input"));
        }
        let numbers: Vec<u8> = items.iter().map(|item| item.kind as u8).collect();
        let alike = numbers.windows(2).all(|pair| pair[0] == pair[1]);
        let kinds = match numbers.first() {
            Some(&number) if alike && input.arbitrary()? => Kinds::One(number),
            _ => Kinds::Each(numbers),
        };
        let mut columns = Columns { bytes, ends, kinds };
        if input.ratio(1, 3)? {
            columns.spoil(input)?;
        }
        Ok(columns)
    }

    fn spoil(&mut self, input: &mut Unstructured) -> Result<()> {
        match input.int_in_range(0..=2)? {
            0 => change(&mut self.ends, u32::wrapping_add, input),
            1 => change(&mut self.bytes, u8::wrapping_add, input),
            _ => match &mut self.kinds {
                Kinds::One(number) => {
                    *number = input.arbitrary()?;
                    Ok(())
                }
                Kinds::Each(numbers) => change(numbers, u8::wrapping_add, input),
            },
        }
    }

    /// The batch by either way in, which have to agree.
    pub fn decode(&self, copy: bool) -> std::result::Result<Items, ColumnsError> {
        let kinds = match &self.kinds {
            Kinds::One(number) => KindNumbers::One(*number),
            Kinds::Each(numbers) => KindNumbers::Each(numbers),
        };
        if copy {
            Items::copy_blobs(&self.bytes, &self.ends, kinds)
        } else {
            Items::from_blobs(self.bytes.clone(), &self.ends, kinds)
        }
    }

    /// What it ought to hold, where it holds anything.
    pub fn model(&self) -> Option<Vec<Modelled>> {
        let numbers = match &self.kinds {
            // Without items there is nothing of that kind, whatever it is.
            Kinds::One(number) => vec![*number; self.ends.len()],
            Kinds::Each(numbers) => numbers.clone(),
        };
        if numbers.len() != self.ends.len() || self.ends.last().is_some_and(|&end| end as usize != self.bytes.len()) {
            return None;
        }
        if self.ends.is_empty() {
            return self.bytes.is_empty().then(Vec::new);
        }
        let mut begin = 0;
        let mut items = Vec::new();
        for (&end, number) in self.ends.iter().zip(numbers) {
            let blob = self.bytes.get(begin..end as usize)?;
            items.push(Modelled::parse(Kind::from_number(number)?, blob)?);
            begin = end as usize;
        }
        Some(items)
    }

    /// The columns that a batch crosses to JavaScript in.
    pub fn from_view(view: &View) -> Self {
        match view {
            View::Numbers(values) => Columns {
                bytes: values.iter().flat_map(|value| value.to_le_bytes()).collect(),
                ends: (1..=values.len()).map(|n| 8 * n as u32).collect(),
                kinds: Kinds::One(Kind::Number as u8),
            },
            View::Blobs(blobs) => Columns {
                bytes: blobs.bytes.to_vec(),
                ends: blobs.ends().collect(),
                kinds: match blobs.kinds {
                    KindView::One(kind) => Kinds::One(kind as u8),
                    KindView::Each(kinds) => Kinds::Each(kinds.iter().map(|kind| *kind as u8).collect()),
                },
            },
            View::Large(items) => Columns {
                bytes: items.iter().flat_map(|item| item.iter().copied()).collect(),
                ends: items
                    .iter()
                    .scan(0, |end, item| {
                        *end += item.len() as u32;
                        Some(*end)
                    })
                    .collect(),
                kinds: Kinds::One(Kind::Bytes as u8),
            },
        }
    }
}

/// Replaces one value, by another or by the next one, adds one or takes one away.
fn change<T>(column: &mut Vec<T>, add: impl Fn(T, T) -> T, input: &mut Unstructured) -> Result<()>
where
    T: for<'a> Arbitrary<'a> + Copy + From<u8>,
{
    let index = input.int_in_range(0..=column.len())?;
    let way = input.int_in_range(0..=3)?;
    match column.get_mut(index) {
        Some(value) if way == 0 => *value = add(*value, T::from(1)),
        Some(value) if way == 1 => *value = input.arbitrary()?,
        Some(_) if way == 2 => {
            column.remove(index);
        }
        _ => column.insert(index, input.arbitrary()?),
    }
    Ok(())
}
