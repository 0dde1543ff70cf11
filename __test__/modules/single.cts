/** A CommonJS module that is its handler. */

export = (item: number): number => item + 1
