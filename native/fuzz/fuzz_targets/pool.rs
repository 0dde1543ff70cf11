//! A few batches, each beside a list of the items that it ought to hold.

use std::sync::Arc;

use libfuzzer_sys::arbitrary::{Result, Unstructured};
use millrace_core::{Batch, Collect, Items, Label, LargeBytes, View};

use crate::columns::Columns;
use crate::modelled::Modelled;

/// The most batches at a time, so that steps meet batches that others made.
const BATCHES: usize = 4;
/// The most items of a batch that is made from nothing.
const ITEMS: usize = 20;
const TIMES: usize = 40;

#[derive(Default)]
pub struct Pool {
    batches: Vec<(Items, Vec<Modelled>)>,
}

impl Pool {
    /// Does one thing that the input says, and looks at all that it touched.
    pub fn step(&mut self, input: &mut Unstructured) -> Result<()> {
        let touched = if self.batches.is_empty() || input.ratio(1, 4)? {
            let Some(made) = make(input)? else { return Ok(()) };
            self.put(made)
        } else {
            let index = input.choose_index(self.batches.len())?;
            self.change(index, input)?
        };
        let (batch, model) = &self.batches[touched];
        check(batch, model);
        look(batch, model, input)
    }

    pub fn check_all(&self) {
        for (batch, model) in &self.batches {
            check(batch, model);
        }
    }

    /// Where it is; another one gives up its place where there are too many.
    fn put(&mut self, made: (Items, Vec<Modelled>)) -> usize {
        if self.batches.len() == BATCHES {
            let (batch, model) = self.batches.remove(0);
            check(&batch, &model);
        }
        self.batches.push(made);
        self.batches.len() - 1
    }

    fn change(&mut self, index: usize, input: &mut Unstructured) -> Result<usize> {
        let alone = self.batches.len() == 1;
        let (batch, model) = &mut self.batches[index];
        match input.int_in_range(0..=8)? {
            0 => {
                let n = input.int_in_range(0..=model.len())?;
                let front = batch.split_front(n);
                let rest = model.split_off(n);
                let front_model = std::mem::replace(model, rest);
                check(batch, model);
                return Ok(self.put((front, front_model)));
            }
            1 => {
                let at = input.int_in_range(0..=model.len())?;
                let made = (batch.split_off(at), model.split_off(at));
                check(batch, model);
                return Ok(self.put(made));
            }
            2 if !alone => {
                let (other, mut other_model) = self.batches.remove(index);
                let to = input.choose_index(self.batches.len())?;
                let (batch, model) = &mut self.batches[to];
                batch.append(other);
                model.append(&mut other_model);
                return Ok(to);
            }
            3 => push(batch, model, input)?,
            4 => mark(batch, model, input)?,
            5 => {
                batch.clear();
                model.clear();
            }
            6 => {
                let other = batch.clone();
                let made = (other, model.clone());
                return Ok(self.put(made));
            }
            7 => match std::mem::take(batch).into_large() {
                Ok(large) => {
                    assert!(large.iter().map(|item| &**item).eq(model.iter().map(|item| &*item.blob)));
                    // Ids and the like are not the memory's.
                    *batch = Items::from(large);
                    *model = model.iter().map(|item| Modelled::bytes(&item.blob)).collect();
                }
                Err(same) => *batch = same,
            },
            _ => {
                let columns = Columns::from_view(&batch.view(0..model.len()));
                let again = columns.decode(input.arbitrary()?).expect("the columns of a batch");
                assert!(again.iter().map(|item| Modelled::of(&item)).eq(batch.iter().map(|item| Modelled::of(&item))));
            }
        }
        Ok(index)
    }
}

/// A batch from nothing; none where the columns are refused, as they ought to be.
fn make(input: &mut Unstructured) -> Result<Option<(Items, Vec<Modelled>)>> {
    Ok(match input.int_in_range(0..=4)? {
        0 => decode(&Columns::any(input)?, input.arbitrary()?),
        1 => {
            let numbers: Vec<f64> = input.arbitrary()?;
            let model = numbers.iter().map(|number| Modelled::number(*number)).collect();
            Some((Items::from(numbers), model))
        }
        2 => {
            let bytes: Vec<Vec<u8>> = input.arbitrary()?;
            let model = bytes.iter().map(|bytes| Modelled::bytes(bytes)).collect();
            Some((Items::from(bytes.iter().map(|bytes| LargeBytes::copy_of(bytes)).collect::<Vec<_>>()), model))
        }
        _ => {
            let count = input.int_in_range(0..=ITEMS)?;
            let items = (0..count).map(|_| Modelled::any(input)).collect::<Result<Vec<_>>>()?;
            // Again and again, so that a small input makes a large batch.
            let times = if input.ratio(1, 4)? { input.int_in_range(1..=TIMES)? } else { 1 };
            let items = vec![items; times].concat();
            decode(&Columns::of(&items, input)?, input.arbitrary()?)
        }
    })
}

fn decode(columns: &Columns, copy: bool) -> Option<(Items, Vec<Modelled>)> {
    match (columns.decode(copy), columns.model()) {
        (Ok(batch), Some(model)) => Some((batch, model)),
        (Err(error), None) => {
            assert!(error.to_string().contains("expected"));
            None
        }
        (decoded, model) => panic!("expected {model:?}, got {decoded:?} of {columns:?}"),
    }
}

fn push(batch: &mut Items, model: &mut Vec<Modelled>, input: &mut Unstructured) -> Result<()> {
    if input.arbitrary()? {
        let item = Modelled::any(input)?;
        batch.push(item.item());
        model.push(item);
    } else {
        let numbers: Vec<f64> = input.arbitrary()?;
        batch.extend_numbers(numbers.iter().copied());
        model.extend(numbers.into_iter().map(Modelled::number));
    }
    Ok(())
}

fn mark(batch: &mut Items, model: &mut [Modelled], input: &mut Unstructured) -> Result<()> {
    if model.is_empty() {
        return Ok(());
    }
    let index = input.choose_index(model.len())?;
    let item = &mut model[index];
    match input.int_in_range(0..=3)? {
        0 => {
            item.id = input.arbitrary()?;
            batch.set_id(index, item.id);
        }
        1 => {
            item.key = input.arbitrary()?;
            batch.set_key(index, item.key);
        }
        2 => {
            item.lane = input.arbitrary()?;
            batch.set_lane(index, item.lane);
        }
        _ => {
            let label = Arc::new(Label { number: input.arbitrary()?, ..Label::default() });
            batch.set_label(index, Arc::clone(&label));
            item.label = Some(label);
        }
    }
    Ok(())
}

/// Whether `batch` holds the items of `model`, and says so in every way.
fn check(batch: &Items, model: &[Modelled]) {
    assert_eq!(batch.len(), model.len());
    assert_eq!(batch.is_empty(), model.is_empty());
    assert_eq!(batch.byte_len(), model.iter().map(|item| item.blob.len()).sum::<usize>());
    for (index, expected) in model.iter().enumerate() {
        let got = Modelled {
            id: batch.id(index),
            key: batch.key(index),
            lane: batch.lane(index),
            label: batch.label(index).cloned(),
            ..Modelled::of(&batch.get(index))
        };
        assert_eq!(&got, expected, "item {index}");
        assert_eq!(batch.kind(index), expected.kind);
    }
    assert!(batch.is_tagged() || model.iter().all(|item| item.id == 0));
    assert!(batch.is_marked() || model.iter().all(|item| item.key == 0 && item.lane == 0));
    if let Some(numbers) = batch.as_numbers() {
        assert_eq!(numbers.len(), model.len());
    }
}

/// Looks at a part of it as a crossing into JavaScript would, and as a task.
fn look(batch: &Items, model: &[Modelled], input: &mut Unstructured) -> Result<()> {
    let (most, bytes) = (input.int_in_range(0..=model.len() + 1)?, input.int_in_range(0..=200)?);
    let mut left = bytes;
    let fitting = model.iter().take(most).take_while(|item| {
        let fits = item.blob.len() <= left;
        left = left.saturating_sub(item.blob.len());
        fits
    });
    let fitting = fitting.count().max(usize::from(most > 0 && !model.is_empty()));
    assert_eq!(batch.fit(most, bytes), fitting, "{most} items, {bytes} bytes");

    let begin = input.int_in_range(0..=model.len())?;
    let end = input.int_in_range(begin..=model.len())?;
    let view = batch.view(begin..end);
    let columns = Columns::from_view(&view);
    let seen = columns.model().expect("the columns of a batch");
    assert!(seen.iter().map(|item| (item.kind, &item.blob)).eq(model[begin..end].iter().map(|m| (m.kind, &m.blob))));
    if let View::Blobs(blobs) = view {
        let mut out = vec![0; 2 * blobs.bytes.len() + 1];
        let mut ends = Vec::new();
        let length = blobs.write_utf16(&mut out, |end| ends.push(end as usize));
        let mut begin = 0;
        assert_eq!(ends.last().copied().unwrap_or(0), length);
        for (end, item) in ends.into_iter().zip(&seen) {
            let units =
                String::from_utf8_lossy(&item.blob).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>();
            assert_eq!(out[begin..end], units, "{:x?} in UTF-16", item.blob);
            begin = end;
        }
    }

    if !model.is_empty() {
        let index = input.choose_index(model.len())?;
        check_content(batch, index, &model[index], input.int_in_range(0..=20)?);
    }
    Ok(())
}

/// The content at once, and in parts of at most `most` bytes, or a character.
fn check_content(batch: &Items, index: usize, expected: &Modelled, most: usize) {
    let item = batch.get(index);
    let content = expected.content();
    assert_eq!(item.content().map(std::borrow::Cow::into_owned), content);
    let Some(mut parts) = item.content_parts(most.max(1)) else { return assert_eq!(content, None) };
    let mut all = Vec::new();
    while let Some(part) = parts.next_part() {
        let Ok(part) = part else { return assert_eq!(content, None) };
        assert!(!part.is_empty() && part.len() <= most.max(6), "a part of {} bytes of {most}", part.len());
        all.extend_from_slice(part);
    }
    assert_eq!(Some(all), content);
}
