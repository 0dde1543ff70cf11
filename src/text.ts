/** How text that was made natively, such as lines and file names, reaches JavaScript. */

/** As strings, where bytes that are no UTF-8 become U+FFFD; or as the bytes themselves. */
export type TextEncoding = 'utf8' | 'buffer'

export const TEXT_ENCODINGS: readonly TextEncoding[] = ['utf8', 'buffer']

/** What text is in each encoding. */
export interface EncodedText {
  utf8: string
  buffer: Uint8Array
}
