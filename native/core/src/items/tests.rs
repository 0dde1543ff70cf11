use std::sync::Arc;

use fastrand::Rng;

use super::{ColumnsError, FileDigest, Item, Items, Kind, KindNumbers, Label, LargeBytes, View};
use crate::batch::{Batch, Collect};

/// An item as a model holds it.
#[derive(Debug, Clone, PartialEq)]
struct Owned {
    kind: Kind,
    number: f64,
    bytes: Vec<u8>,
    id: u64,
    lane: u8,
    key: u64,
}

impl Owned {
    fn random(random: &mut Rng, kind: Kind) -> Self {
        let length = if random.u8(..) == 0 { 5000 } else { random.usize(..20) } * 2;
        let bytes = std::iter::repeat_with(|| random.u8(..)).take(length).collect();
        Owned { kind, number: random.f64() - 0.5, bytes, id: 0, lane: 0, key: 0 }
    }

    fn item(&self) -> Item<'_> {
        match self.kind {
            Kind::Undefined => Item::Undefined,
            Kind::Null => Item::Null,
            Kind::False => Item::Boolean(false),
            Kind::True => Item::Boolean(true),
            Kind::Number => Item::Number(self.number),
            Kind::Text => Item::Text(&self.bytes),
            Kind::Text16 => Item::Text16(&self.bytes),
            Kind::Latin1 => Item::Latin1(&self.bytes),
            Kind::Bytes => Item::Bytes(&self.bytes),
            Kind::Value => Item::Value(&self.bytes),
            Kind::Packed => Item::Packed(&self.bytes),
            Kind::FileDigest | Kind::FileDigestRaw => Item::FileDigest(FileDigest {
                digest: b"0123abcd",
                path: &self.bytes,
                raw: self.kind == Kind::FileDigestRaw,
            }),
        }
    }
}

#[track_caller]
fn assert_same(items: &Items, model: &[Owned], seed: u64) {
    assert_eq!(items.len(), model.len(), "seed {seed}");
    for (index, owned) in model.iter().enumerate() {
        assert_eq!(items.get(index), owned.item(), "item {index}, seed {seed}");
        assert_eq!(items.kind(index), owned.kind, "item {index}, seed {seed}");
        assert_eq!(items.id(index), owned.id, "item {index}, seed {seed}");
        assert_eq!((items.lane(index), items.key(index)), (owned.lane, owned.key), "item {index}, seed {seed}");
        assert!(items.is_marked() || (owned.lane, owned.key) == (0, 0), "item {index}, seed {seed}");
    }
    assert_eq!(items.byte_len(), model.iter().map(|owned| blob(&owned.item()).len()).sum::<usize>(), "seed {seed}");
    assert_eq!(rebuild(items), *items, "seed {seed}");
}

fn blob(item: &Item<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    item.write(&mut bytes);
    bytes
}

/// The batch, by way of its columns.
fn rebuild(items: &Items) -> Items {
    let mut rebuilt = match items.view(0..items.len()) {
        View::Numbers(values) => Items::from(values.to_vec()),
        View::Blobs(view) => {
            let ends = view.ends().collect::<Vec<_>>();
            let kinds = match view.kinds {
                super::KindView::One(kind) => vec![kind as u8; ends.len()],
                super::KindView::Each(kinds) => kinds.iter().map(|kind| *kind as u8).collect(),
            };
            Items::from_blobs(view.bytes.to_vec(), &ends, KindNumbers::Each(&kinds)).expect("columns of a batch")
        }
        View::Large(items) => Items::from(items.to_vec()),
    };
    for index in 0..items.len() {
        rebuilt.set_id(index, items.id(index));
        rebuilt.set_lane(index, items.lane(index));
        rebuilt.set_key(index, items.key(index));
    }
    rebuilt
}

#[test]
fn behaves_like_a_vec_under_random_operations() {
    for _ in 0..200 {
        let seed = fastrand::u64(..);
        let mut random = Rng::with_seed(seed);
        // One shape, or two that alternate, or all.
        let palette = match random.u8(..3) {
            0 => vec![Kind::Number],
            1 => vec![Kind::ALL[random.usize(..Kind::ALL.len())]],
            _ => Kind::ALL.to_vec(),
        };
        let with_ids = random.bool();
        let mut items = Items::with_capacity(random.usize(..10));
        let mut model = Vec::new();
        for _ in 0..100 {
            match random.u8(..9) {
                0 => {
                    let n = random.usize(..=model.len());
                    let mut front = items.split_front(n);
                    let rest_model = model.split_off(n);
                    assert_same(&front, &model, seed);
                    assert_same(&items, &rest_model, seed);
                    if random.bool() {
                        front.append(items);
                        items = front;
                        model.extend(rest_model);
                    } else {
                        model = rest_model;
                    }
                }
                1 => {
                    let at = random.usize(..=model.len());
                    let rest = items.split_off(at);
                    let rest_model = model.split_off(at);
                    assert_same(&rest, &rest_model, seed);
                    if random.bool() {
                        items.append(rest);
                        model.extend(rest_model);
                    }
                }
                8 if palette.len() > 1 || palette == [Kind::Bytes] => {
                    let owned: Vec<_> =
                        (0..random.usize(..4)).map(|_| Owned::random(&mut random, Kind::Bytes)).collect();
                    let large = owned.iter().map(|owned| LargeBytes::copy_of(&owned.bytes)).collect::<Vec<_>>();
                    items.append(Items::from(large));
                    model.extend(owned);
                }
                2 => {
                    let values = (0..random.u8(..5)).map(f64::from).collect::<Vec<_>>();
                    items.extend_numbers(values.iter().copied());
                    model.extend(values.iter().map(|&number| Owned {
                        kind: Kind::Number,
                        number,
                        bytes: Vec::new(),
                        lane: 0,
                        key: 0,
                        id: 0,
                    }));
                }
                3 if with_ids && !model.is_empty() => {
                    let index = random.usize(..model.len());
                    model[index].id = random.u64(..3);
                    items.set_id(index, model[index].id);
                    if random.bool() {
                        model[index].lane = random.u8(..3);
                        items.set_lane(index, model[index].lane);
                        model[index].key = random.u64(..3);
                        items.set_key(index, model[index].key);
                    }
                }
                _ => {
                    let kind = *random.choice(&palette).expect("a kind");
                    let owned = Owned::random(&mut random, kind);
                    items.push(owned.item());
                    model.push(owned);
                }
            }
            assert_same(&items, &model, seed);
        }
    }
}

#[test]
fn numbers_stay_a_column_of_numbers_until_something_else_comes() {
    let mut items = Items::from(vec![1.0, -0.0]);
    items.push_number(f64::INFINITY);
    assert_eq!(items.as_numbers(), Some(&[1.0, -0.0, f64::INFINITY][..]));
    items.push(Item::Null);
    assert_eq!(items.as_numbers(), None);
    let Item::Number(zero) = items.get(1) else { panic!("a number") };
    assert!(zero.is_sign_negative());
    assert_eq!(items.get(3), Item::Null);
}

#[test]
fn nan_keeps_its_bits_in_both_shapes() {
    let nan = f64::from_bits(0x7ff8_dead_beef_0001);
    let mut items = Items::from(vec![nan]);
    for _ in 0..2 {
        let Item::Number(value) = items.get(0) else { panic!("a number") };
        assert_eq!(value.to_bits(), nan.to_bits());
        items.push(Item::Undefined);
    }
}

#[test]
fn splitting_one_off_the_front_leaves_the_rest_where_it_is() {
    let mut numbers = (0..1000).map(f64::from).map(Item::Number).collect::<Items>();
    let before = numbers.as_numbers().expect("numbers").as_ptr();
    let _ = numbers.split_front(1);
    assert_eq!(numbers.as_numbers().expect("numbers").as_ptr(), before.wrapping_add(1));

    let mut texts = std::iter::repeat_n(Item::Text(b"ten bytes!"), 1000).collect::<Items>();
    let Item::Text(second) = texts.get(1) else { panic!("text") };
    let second = second.as_ptr();
    let _ = texts.split_front(1);
    assert_eq!(texts.get(0), Item::Text(b"ten bytes!"));
    let Item::Text(first) = texts.get(0) else { panic!("text") };
    assert_eq!(first.as_ptr(), second);
}

#[test]
fn splitting_off_a_heavy_item_moves_the_light_rest() {
    let heavy = vec![7; 1 << 20];
    let mut items = [Item::Bytes(&heavy), Item::Text(b"light")].into_iter().collect::<Items>();
    let Item::Bytes(before) = items.get(0) else { panic!("bytes") };
    let before = before.as_ptr();
    let front = items.split_front(1);
    let Item::Bytes(after) = front.get(0) else { panic!("bytes") };
    assert_eq!(after.as_ptr(), before);
    assert_eq!(items.get(0), Item::Text(b"light"));
}

#[test]
fn a_batch_used_as_a_queue_does_not_grow() {
    let mut numbers = Items::from(vec![0.0; 100]);
    let mut texts = std::iter::repeat_n(Item::Text(b"0123456789"), 100).collect::<Items>();
    for _ in 0..10_000 {
        let front = numbers.split_front(10);
        numbers.append(front);
        let front = texts.split_front(10);
        texts.append(front);
    }
    assert_eq!((numbers.len(), texts.len()), (100, 100));
    let super::Column::Numbers(column) = &numbers.column else { panic!("numbers") };
    assert!(column.capacity() < 1000, "{}", column.capacity());
    let super::Column::Blobs(column) = &texts.column else { panic!("blobs") };
    assert!(column.capacity() < 10_000, "{}", column.capacity());
}

#[test]
fn ids_cost_nothing_until_one_is_set() {
    let mut items = Items::from(vec![1.0, 2.0]);
    items.set_id(0, 0);
    assert!(!items.has_ids() && items.extras.is_none());
    items.set_id(1, 7);
    assert!(items.has_ids());
    assert_eq!((items.id(0), items.id(1)), (0, 7));
}

#[test]
fn ids_follow_their_items() {
    let mut items = Items::from(vec![1.0, 2.0, 3.0]);
    items.set_id(1, 7);
    let mut other = [Item::Null, Item::Null].into_iter().collect::<Items>();
    other.set_id(0, 9);
    items.append(other);
    assert_eq!((0..5).map(|index| items.id(index)).collect::<Vec<_>>(), [0, 7, 0, 9, 0]);
    let front = items.split_front(2);
    assert_eq!((front.id(0), front.id(1), items.id(0), items.id(1)), (0, 7, 0, 9));
}

#[test]
fn fit_counts_items_up_to_a_number_and_a_weight_but_at_least_one() {
    let items = [&b"aaaa"[..], b"bb", b"", b"cccccc"].map(Item::Text).into_iter().collect::<Items>();
    for (most, bytes, fits) in [(4, 100, 4), (2, 100, 2), (4, 6, 3), (4, 5, 1), (4, 0, 1), (0, 100, 0), (9, 12, 4)] {
        assert_eq!(items.fit(most, bytes), fits, "{most} items, {bytes} bytes");
    }
    assert_eq!(Items::from(vec![0.0; 10]).fit(10, 24), 3);
    assert_eq!(Items::default().fit(10, 24), 0);
}

#[test]
fn a_view_of_a_range_starts_at_zero() {
    let mut items = [Item::Text(b"one"), Item::Null, Item::Text(b"three")].into_iter().collect::<Items>();
    let _ = items.split_front(1);
    let View::Blobs(view) = items.view(0..2) else { panic!("blobs") };
    assert_eq!(view.bytes, b"three");
    assert_eq!(view.ends().collect::<Vec<_>>(), [0, 5]);
    assert_eq!(view.kinds, super::KindView::Each(&[Kind::Null, Kind::Text]));
}

#[test]
fn columns_of_one_kind_make_a_batch() {
    let items = Items::from_blobs(b"onetwo".to_vec(), &[3, 3, 6], KindNumbers::One(Kind::Text as u8));
    let expected = [&b"one"[..], b"", b"two"].map(Item::Text).into_iter().collect::<Items>();
    assert_eq!(items, Ok(expected));
}

#[test]
fn large_bytes_are_copied_each_into_memory_of_its_own() {
    let bytes = [vec![1; 40_000], Vec::new(), vec![3; 10_000]];
    let ends = [40_000, 40_000, 50_000];
    let all = bytes.concat();
    let mut items = Items::copy_blobs(&all, &ends, KindNumbers::One(Kind::Bytes as u8)).expect("a batch");
    assert!(items.is_large());
    assert_eq!(items.byte_len(), 50_000);
    assert_eq!((items.fit(3, 40_000), items.fit(3, 39_999), items.fit(2, 1), items.fit(0, 1)), (2, 1, 1, 0));
    let rest = items.split_off(1);
    let got = [items, rest].map(|items| items.into_large().expect("memory of their own")).concat();
    assert!(got.iter().map(|item| &**item).eq(bytes.iter().map(Vec::as_slice)));

    let text = Items::copy_blobs(&all, &ends, KindNumbers::One(Kind::Text as u8)).expect("a batch");
    assert!(!text.is_large());
    assert_eq!(text.into_large().expect_err("blobs").len(), 3);
    let many: Vec<u32> = (1..=50).map(|n| n * 1000).collect();
    assert!(!Items::copy_blobs(&all, &many, KindNumbers::One(Kind::Bytes as u8)).expect("a batch").is_large());
    assert_eq!(
        Items::copy_blobs(&all, &[50_000, 40_000], KindNumbers::One(Kind::Bytes as u8)),
        Err(ColumnsError::End { index: 1, begin: 50_000, end: 40_000, bytes: 50_000 })
    );
}

#[test]
fn columns_that_make_no_batch_are_refused() {
    let text = KindNumbers::One(Kind::Text as u8);
    let refused =
        |bytes: &[u8], ends: &[u32], kinds| Items::from_blobs(bytes.to_vec(), ends, kinds).expect_err("a failure");

    assert_eq!(refused(b"ab", &[1, 2], KindNumbers::One(13)), ColumnsError::Kind { index: 0, number: 13 });
    assert_eq!(refused(b"ab", &[1, 2], KindNumbers::Each(&[5, 255])), ColumnsError::Kind { index: 1, number: 255 });
    assert_eq!(
        refused(b"ab", &[2, 1], text),
        ColumnsError::End { index: 1, begin: 2, end: 1, bytes: 2 },
        "ends that fall"
    );
    assert_eq!(refused(b"ab", &[1, 3], text), ColumnsError::End { index: 1, begin: 1, end: 3, bytes: 2 });
    assert_eq!(refused(b"abc", &[1, 2], text), ColumnsError::Length { column: "bytes", expected: 2, got: 3 });
    assert_eq!(refused(b"abc", &[], text), ColumnsError::Length { column: "bytes", expected: 0, got: 3 });
    assert_eq!(
        refused(b"ab", &[1, 2], KindNumbers::Each(&[5])),
        ColumnsError::Length { column: "kinds", expected: 2, got: 1 }
    );
    for (kind, bytes) in [
        (Kind::Undefined, &b"x"[..]),
        (Kind::True, b"x"),
        (Kind::Number, b"1234567"),
        (Kind::Text16, b"abc"),
        (Kind::FileDigest, b""),
        (Kind::FileDigest, b"\x05abcd"),
        (Kind::FileDigestRaw, b"\xffabcd"),
    ] {
        assert_eq!(
            refused(bytes, &[bytes.len() as u32], KindNumbers::One(kind as u8)),
            ColumnsError::Malformed { index: 0, kind, length: bytes.len() }
        );
    }
}

#[test]
fn the_numbers_of_kinds_never_change() {
    let numbers = Kind::ALL.map(|kind| kind as u8);
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    for kind in Kind::ALL {
        assert_eq!(Kind::from_number(kind as u8), Some(kind));
    }
    assert_eq!(Kind::from_number(13), None);
    assert_eq!(Kind::Number as u8, 4);
    assert_eq!(Kind::FileDigestRaw as u8, 10);
    assert_eq!(Kind::Latin1 as u8, 12);
}

#[test]
fn labels_go_with_their_items() {
    let label = |text: &str| Arc::new(Label { id: Some(text.into()), ..Label::default() });
    let ids = |items: &Items| -> Vec<_> {
        (0..items.len())
            .map(|index| items.label(index).and_then(|label| label.id.as_deref()).map(str::to_owned))
            .collect()
    };
    let mut items = Items::from(vec![0.0, 1.0, 2.0, 3.0]);
    assert!(items.label(3).is_none());
    items.set_label(1, label("one"));
    assert!(!items.has_ids());
    let front = items.split_front(2);
    assert_eq!(ids(&front), [None, Some("one".to_owned())]);
    assert_eq!(ids(&items), [None, None]);
    items.append(front);
    assert_eq!(ids(&items), [None, None, None, Some("one".to_owned())]);
    assert!(!items.has_ids());
    items.append(Items::from(vec![4.0]));
    assert_eq!(items.label(4), None);
    let one = items.split_off(3).split_front(1);
    assert_eq!(ids(&one), [Some("one".to_owned())]);
    assert_ne!(one, Items::from(vec![1.0]));
}

#[test]
fn a_cleared_batch_takes_items_of_any_kind() {
    let first = [Item::Number(1.0), Item::Text(b"two"), Item::Null].into_iter().collect::<Items>();
    for other in [
        Items::from(vec![1.0, 2.0]),
        Items::from_iter([Item::Text(b"a"), Item::Text(b"b")]),
        Items::from_iter([Item::Null, Item::Number(2.0)]),
    ] {
        let mut batch = first.clone();
        batch.clear();
        assert_eq!((batch.len(), batch.byte_len()), (0, 0));
        other.iter().for_each(|item| batch.push(item));
        assert_eq!(batch, other);
        assert_eq!(batch.as_numbers(), other.as_numbers());
        assert_eq!(batch.split_front(1).get(0), other.get(0));
    }
}

#[test]
fn a_batch_that_lost_its_items_adds_nothing() {
    let mut cleared = Items::from_iter([Item::Null, Item::Text(b"text")]);
    cleared.clear();
    let none = Items::from_blobs(Vec::new(), &[], KindNumbers::Each(&[])).expect("no items");
    for empty in [cleared, none] {
        for before in [Items::from(vec![1.0]), Items::from_iter([Item::Null]), Items::from_iter([Item::Bytes(b"b")])] {
            let mut batch = before.clone();
            batch.append(empty.clone());
            assert_eq!(batch, before);
        }
    }
}

#[test]
fn a_cleared_batch_keeps_little_memory() {
    for (size, kept) in [(64 << 10, true), (1 << 20, false)] {
        let mut batch = Items::from_iter([Item::Bytes(&vec![1; size])]);
        batch.clear();
        let super::Column::Blobs(blobs) = &batch.column else {
            assert!(!kept);
            continue;
        };
        assert!(kept && blobs.capacity() < 2 * size);
    }
}

#[test]
fn memory_that_is_not_to_be_had_is_an_error_and_no_abort() {
    let bytes = isize::MAX as usize;
    let error = super::columns::try_copy(b"few", bytes).expect_err("half of all addresses");
    assert_eq!(error, ColumnsError::Memory { bytes });
    assert_eq!(error.code(), "ERR_MILLRACE_OUT_OF_MEMORY");
    assert_eq!(super::columns::try_copy(b"few", 3), Ok(b"few".to_vec()));
}
