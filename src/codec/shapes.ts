/** The shapes of objects to be packed: their keys in order, with the bytes that say so, made once for each. */

import { EMPTY_KEY, MAX_KEY, MAX_SHAPE_WORDS } from './packed.js'

/** Keys in order. */
export interface Shape {
  readonly keys: readonly string[]
  /** The keys as they are written. */
  readonly words: Uint32Array
  /** 16 bits. */
  readonly hash: number
  /** Whether the first key, and perhaps more, is an array index. */
  readonly indexed: boolean
  /** How many objects of it were packed. */
  uses: number
  /** Code that packs the values of such an object; null where none may be made. */
  writer: ShapeWriter | null | undefined
}

/** Calls `write` with the value of each key of `object`, in their order. */
export type ShapeWriter = (
  object: object,
  writeNumber: (value: number) => void,
  write: (value: unknown, object: object, key: string, depth: number) => void,
  depth: number,
) => void

/**
 * A place in the tree of keys: which keys led here, and what their shape is. `undefined` stands for a shape not made
 * yet, null for keys that no shape can hold.
 */
export interface ShapeNode {
  shape: Shape | null | undefined
  readonly keys: readonly string[]
  /** The key that came next here first, which most often is the only one. */
  key: string | undefined
  next: ShapeNode | undefined
  others: Map<string, ShapeNode> | undefined
}

/** Objects used as dictionaries have ever new keys: past this many nodes all are forgotten. */
const MAX_NODES = 4096
/** To make code costs as much as packing hundreds of objects without. */
const USES_BEFORE_WRITER = 64
/** More keys are no record. */
const MAX_KEYS = 64

let nodes = 0
let root = createNode([])

/** Where no key has led yet. */
export function rootShape(): ShapeNode {
  return root
}

/** Where `key` leads from `node`; undefined where there would be more keys than a shape has. */
export function nextShape(node: ShapeNode, key: string): ShapeNode | undefined {
  if (node.key === key) return node.next
  const known = node.others?.get(key)
  if (known) return known
  if (node.keys.length === MAX_KEYS) return undefined
  if (nodes >= MAX_NODES) {
    // Objects that are being looked at keep the nodes they have.
    nodes = 0
    root = createNode([])
  }
  const made = createNode([...node.keys, key])
  if (node.key === undefined) {
    node.key = key
    node.next = made
  } else {
    node.others ??= new Map()
    node.others.set(key, made)
  }
  return made
}

/** The shape of `node`'s keys; null where none can hold them. */
export function shapeOf(node: ShapeNode): Shape | null {
  if (node.shape === undefined) node.shape = createShape(node.keys)
  return node.shape
}

/** Code that packs objects of `shape`, once it is worth making. Reading by a key in a variable takes several times as long. */
export function writerOf(shape: Shape): ShapeWriter | null {
  if (shape.writer !== undefined) return shape.writer
  if (++shape.uses < USES_BEFORE_WRITER) return null
  shape.writer = createWriter(shape.keys)
  return shape.writer
}

function createWriter(keys: readonly string[]): ShapeWriter | null {
  const calls = keys
    .map((key) => JSON.stringify(key))
    .map(
      (key) => `
        part = object[${key}]
        if (typeof part === 'number') writeNumber(part)
        else write(part, object, ${key}, depth)`,
    )
  try {
    return new Function('object', 'writeNumber', 'write', 'depth', `let part${calls.join('')}`) as ShapeWriter
  } catch {
    return null
  }
}

/** 16 bits of a shape's words, by which readers find it again. */
function hashOf(words: Uint32Array): number {
  let hash = words.length
  for (const word of words) hash = Math.imul(hash ^ word, 0x9e3779b1) ^ (hash >>> 15)
  return (hash ^ (hash >>> 16)) & 0xffff
}

function createNode(keys: readonly string[]): ShapeNode {
  nodes++
  return { shape: undefined, keys, key: undefined, next: undefined, others: undefined }
}

function createShape(keys: readonly string[]): Shape | null {
  const bytes: number[] = []
  for (const key of keys) {
    // As a key of a literal it would set the prototype.
    if (key === '__proto__' || key.length > MAX_KEY) return null
    bytes.push(key.length || EMPTY_KEY)
    for (let index = 0; index < key.length; index++) {
      const unit = key.charCodeAt(index)
      if (unit > 0xff) return null
      bytes.push(unit)
    }
  }
  const words = new Uint32Array(Math.ceil(bytes.length / 4))
  if (words.length > MAX_SHAPE_WORDS) return null
  for (const [index, byte] of bytes.entries())
    words[index >> 2] = (words[index >> 2] ?? 0) | (byte << (8 * (index & 3)))
  return { keys, words, hash: hashOf(words), indexed: /^\d/.test(keys[0] ?? ''), uses: 0, writer: undefined }
}
